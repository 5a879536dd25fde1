/** What ggml's CPU backend computes at once: row by row, in as many threads as there are. */
import type { Runtime } from './runtime.js';

export const GGML_CPU: Runtime = {
  name: 'ggml-cpu',
  fusions: [
    [
      { op: 'RMS_NORM', operands: 'row' },
      { op: 'MUL', operands: 'element' },
    ],
  ],
};
