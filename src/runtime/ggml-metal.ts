/** Nodes that ggml's Metal backend computes at once without looking where tensors lie. It skips views between nodes. */
import { ADDS, byElement, byRow, RMS_NORM_MUL, RMS_NORM_MUL_ADD, SNAKE } from './fusions.js';
import type { Runtime } from './runtime.js';

export const GGML_METAL: Runtime = {
  name: 'ggml-metal',
  fusions: [
    RMS_NORM_MUL,
    RMS_NORM_MUL_ADD,
    [byRow('NORM'), byElement('MUL')],
    [byRow('NORM'), byElement('MUL'), byElement('ADD')],
    ADDS,
    SNAKE,
  ],
};
