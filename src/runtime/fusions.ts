/** Fusions that several backends of ggml have. Each reads the operand of a norm by rows, and all others by elements. */
import type { FusionRule } from './runtime.js';

export const RMS_NORM_MUL: FusionRule = [
  { op: 'RMS_NORM', operands: 'row' },
  { op: 'MUL', operands: 'element' },
];

export const RMS_NORM_MUL_ADD: FusionRule = [...RMS_NORM_MUL, { op: 'ADD', operands: 'element' }];

export const ADDS: FusionRule = [{ op: 'ADD', operands: 'element', most: 8 }];

/** The snake activation x + sin(a x)² / b. */
export const SNAKE: FusionRule = [
  { op: 'MUL', operands: 'element' },
  { op: 'SIN', operands: 'element' },
  { op: 'SQR', operands: 'element' },
  { op: 'MUL', operands: 'element' },
  { op: 'ADD', operands: 'element' },
];
