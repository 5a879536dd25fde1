/** Nodes that ggml's CPU backend computes at once: row by row, on all its threads. */
import { RMS_NORM_MUL } from './fusions.js';
import type { Runtime } from './runtime.js';

export const GGML_CPU: Runtime = {
  name: 'ggml-cpu',
  fusions: [RMS_NORM_MUL],
};
