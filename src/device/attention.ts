/** What flash attention reads, for the profiles whose kernels want memory of their own for it. */
import type { Tensor } from '../tensor/tensor.js';
import { operand } from './node-rules.js';

/** The operands of a `FLASH_ATTN_EXT`. */
export interface AttentionOperands {
  readonly queries: Tensor;
  readonly keys: Tensor;
  readonly values: Tensor;
  readonly mask: Tensor | null;
}

/** What a `FLASH_ATTN_EXT` reads. */
export function attentionOperands(node: Tensor): AttentionOperands {
  return { queries: operand(node, 0), keys: operand(node, 1), values: operand(node, 2), mask: node.sources[3] ?? null };
}

/** Whether the values are the beginnings of the keys, as in latent attention, so that one copy does for both. */
export function isViewOfKeys({ keys, values }: AttentionOperands): boolean {
  if (!values.isView) return false;
  return values.root === keys || (values.root === keys.root && values.viewOffset === keys.viewOffset);
}
