/**
 * Nodes that ggml's CUDA backend (and HIP and MUSA, which share its code) computes at once without looking where
 * tensors lie.
 *
 * The backend does look before it fuses matrix products with a scale or a gated unit, rotary positions with what
 * follows, and the choice of experts.
 */
import { ADDS, apart, byElement, RMS_NORM_MUL, RMS_NORM_MUL_ADD, SNAKE } from './fusions.js';
import type { Runtime } from './runtime.js';

export const GGML_CUDA: Runtime = {
  name: 'ggml-cuda',
  fusions: [
    RMS_NORM_MUL,
    RMS_NORM_MUL_ADD,
    // A product and its bias, for few tokens. The bias has the shape of the result.
    [apart('MUL_MAT'), byElement('ADD')],
    [apart('MUL_MAT_ID'), apart('ADD_ID')],
    ADDS,
    [byElement('MUL', 8)],
    [byElement('SILU'), byElement('MUL')],
    [byElement('SIGMOID'), byElement('MUL')],
    [byElement('SOFTPLUS'), byElement('MUL')],
    [byElement('RELU'), byElement('SQR')],
    [byElement('SCALE'), byElement('TANH'), byElement('SCALE')],
    [apart('SSM_CONV'), byElement('SILU')],
    [apart('SSM_CONV'), byElement('ADD'), byElement('SILU')],
    SNAKE,
  ],
};
