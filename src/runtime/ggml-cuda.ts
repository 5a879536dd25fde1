/**
 * Nodes that ggml's CUDA backend (and HIP and MUSA, which share its code) computes at once without looking where
 * tensors lie.
 *
 * The backend does look before it fuses matrix products with a scale or a gated unit, rotary positions with what
 * follows, and the choice of experts.
 */
import { ADDS, RMS_NORM_MUL, RMS_NORM_MUL_ADD, SNAKE } from './fusions.js';
import type { Runtime } from './runtime.js';

export const GGML_CUDA: Runtime = {
  name: 'ggml-cuda',
  fusions: [
    RMS_NORM_MUL,
    RMS_NORM_MUL_ADD,
    // A product and its bias, for few tokens. The bias has the shape of the result.
    [
      { op: 'MUL_MAT', operands: 'never' },
      { op: 'ADD', operands: 'element' },
    ],
    [
      { op: 'MUL_MAT_ID', operands: 'never' },
      { op: 'ADD_ID', operands: 'never' },
    ],
    ADDS,
    [{ op: 'MUL', operands: 'element', most: 8 }],
    [
      { op: 'SILU', operands: 'element' },
      { op: 'MUL', operands: 'element' },
    ],
    [
      { op: 'SIGMOID', operands: 'element' },
      { op: 'MUL', operands: 'element' },
    ],
    [
      { op: 'SOFTPLUS', operands: 'element' },
      { op: 'MUL', operands: 'element' },
    ],
    [
      { op: 'RELU', operands: 'element' },
      { op: 'SQR', operands: 'element' },
    ],
    [
      { op: 'SCALE', operands: 'element' },
      { op: 'TANH', operands: 'element' },
      { op: 'SCALE', operands: 'element' },
    ],
    [
      { op: 'SSM_CONV', operands: 'never' },
      { op: 'SILU', operands: 'element' },
    ],
    [
      { op: 'SSM_CONV', operands: 'never' },
      { op: 'ADD', operands: 'element' },
      { op: 'SILU', operands: 'element' },
    ],
    SNAKE,
  ],
};
