/**
 * Which llama.cpp we are equal to, and how it plans.
 */
import type { PlanOptions } from '../plan/options.js';

/** The build of llama.cpp whose graphs ours are equal to. */
export const LLAMA_CPP_BUILD = 9749;

/** How llama.cpp plans on a CPU. */
export const LLAMA_CPP_PLAN: PlanOptions = { allocator: 'ggml', inPlace: 'ggml', alignment: 32 };
