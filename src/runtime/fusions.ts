/** Fusions that several backends of ggml have. Each reads the operand of a norm by rows, and all others by elements. */
import type { FusedNode, FusionRule } from './runtime.js';

/** A node whose operands are read element by element; up to `most` of them one after another. */
export const byElement = (op: string, most = 1): FusedNode => ({ op, operands: 'element', most });

/** A node whose operands are read row by row. */
export const byRow = (op: string): FusedNode => ({ op, operands: 'row' });

/** A node whose operands the result may not lie over. */
export const apart = (op: string): FusedNode => ({ op, operands: 'never' });

export const RMS_NORM_MUL: FusionRule = [byRow('RMS_NORM'), byElement('MUL')];

export const RMS_NORM_MUL_ADD: FusionRule = [...RMS_NORM_MUL, byElement('ADD')];

export const ADDS: FusionRule = [byElement('ADD', 8)];

/** The snake activation x + sin(a x)² / b. */
export const SNAKE: FusionRule = [
  byElement('MUL'),
  byElement('SIN'),
  byElement('SQR'),
  byElement('MUL'),
  byElement('ADD'),
];
