/** What ggml's CPU backend computes at once: row by row, in as many threads as there are. */
import { RMS_NORM_MUL } from './fusions.js';
import type { Runtime } from './runtime.js';

export const GGML_CPU: Runtime = {
  name: 'ggml-cpu',
  fusions: [RMS_NORM_MUL],
};
