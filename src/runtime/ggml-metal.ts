/** Nodes that ggml's Metal backend computes at once without looking where tensors lie. It skips views between nodes. */
import { ADDS, RMS_NORM_MUL, RMS_NORM_MUL_ADD, SNAKE } from './fusions.js';
import type { Runtime } from './runtime.js';

export const GGML_METAL: Runtime = {
  name: 'ggml-metal',
  fusions: [
    RMS_NORM_MUL,
    RMS_NORM_MUL_ADD,
    [
      { op: 'NORM', operands: 'row' },
      { op: 'MUL', operands: 'element' },
    ],
    [
      { op: 'NORM', operands: 'row' },
      { op: 'MUL', operands: 'element' },
      { op: 'ADD', operands: 'element' },
    ],
    ADDS,
    SNAKE,
  ],
};
