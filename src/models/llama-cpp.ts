/**
 * The build of llama.cpp that our graphs and sizes equal, and how it plans.
 */
import type { PlanOptions } from '../plan/options.js';

/** The build of llama.cpp whose graphs ours are equal to: release b10573 of August 2026. */
export const LLAMA_CPP_BUILD = 10573;
/** The commit that the build was made from. */
export const LLAMA_CPP_COMMIT = 'd775b8967';

/** How llama.cpp plans on a CPU. */
export const LLAMA_CPP_PLAN: PlanOptions = { allocator: 'ggml', reuse: 'ggml', alignment: 32 };

/** Two ways to plan the compute buffer of a model, for comparison: as llama.cpp does, and as well as we can. */
export const MODEL_PLANS: Readonly<Record<'ggml' | 'auto', PlanOptions>> = {
  ggml: LLAMA_CPP_PLAN,
  auto: { allocator: 'auto', reuse: 'full', alignment: 32 },
};
