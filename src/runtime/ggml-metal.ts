/** What ggml's Metal backend computes at once without looking where tensors lie. It passes over views between nodes. */
import type { Runtime } from './runtime.js';

export const GGML_METAL: Runtime = {
  name: 'ggml-metal',
  fusions: [
    [
      { op: 'RMS_NORM', operands: 'row' },
      { op: 'MUL', operands: 'element' },
    ],
    [
      { op: 'RMS_NORM', operands: 'row' },
      { op: 'MUL', operands: 'element' },
      { op: 'ADD', operands: 'element' },
    ],
    [
      { op: 'NORM', operands: 'row' },
      { op: 'MUL', operands: 'element' },
    ],
    [
      { op: 'NORM', operands: 'row' },
      { op: 'MUL', operands: 'element' },
      { op: 'ADD', operands: 'element' },
    ],
    [{ op: 'ADD', operands: 'element', most: 8 }],
    // The snake activation x + sin(a x)² / b.
    [
      { op: 'MUL', operands: 'element' },
      { op: 'SIN', operands: 'element' },
      { op: 'SQR', operands: 'element' },
      { op: 'MUL', operands: 'element' },
      { op: 'ADD', operands: 'element' },
    ],
  ],
};
