/**
 * Attention: fused, which saves the output and one number a row and never has the scores; or out of single operations.
 */
import { gradNode } from '../autograd.js';
import type { Tape } from '../tape.js';
import { ELEMENT_TYPES } from '../../../tensor/element-type.js';
import type { Value } from '../value.js';
import { autocastAll } from './cast.js';
import { add, scaled } from './element-wise.js';
import { matmul } from './matrix.js';
import { softmax } from './norms.js';
import { transpose } from './views.js';

const OP = 'aten._scaled_dot_product_flash_attention_for_cpu';

/** The layout of the kernels: heads inside rows, `[batch, heads, rows, dim]` as a view of `[batch, rows, heads, dim]`. */
function rowsFirst({ type, shape }: Value): { type: Value['type']; shape: readonly number[]; strides: readonly number[] } {
  const [, heads, rows, dim] = shape;
  return { type, shape, strides: [rows * heads * dim, dim, heads * dim, 1] };
}

/** `scaled_dot_product_attention(q, k, v, mask)` of `[batch, heads, rows, dim]`; keys may have fewer heads. */
export function fusedAttention(t: Tape, query: Value, key: Value, value: Value, mask: Value | null = null): Value {
  const [q, k, v] = autocastAll(t, query, key, value);
  const node = gradNode(t, [q, k, v]);
  const inputs = mask === null ? [q, k, v] : [q, k, v, mask];
  const kept = inputs.map((each) => node?.save(each));
  const [batch, heads, rows] = q.shape;
  const statistics = { type: ELEMENT_TYPES.f32, shape: [batch, rows, heads] };
  const results = t.emit(`${OP}.default`, inputs, [rowsFirst(q), statistics]);
  const keptResults = node === null ? [] : results.map((each) => node.save(each));
  if (node === null || t.checkpoint !== null) t.release([results[1]]);
  node?.finish(results, ([gradient]) => {
    const operands = [gradient!, ...kept.map((each) => each!.get()), ...keptResults.map((each) => each.get())];
    return t.emit(`${OP}_backward.default`, operands, [q, k, v].map(rowsFirst));
  });
  return results[0];
}

/** The same out of single operations, as PyTorch computes it where the mask requires a gradient. */
export function unfusedAttention(t: Tape, query: Value, key: Value, value: Value, mask: Value): Value {
  return t.frame((hold) => {
    const q = hold(scaled(t, query, 'aten.mul.Scalar'));
    const k = scaled(t, key, 'aten.mul.Scalar');
    const products = matmul(t, q, transpose(t, k, 2, 3));
    t.release([k]);
    const scores = add(t, products, mask);
    return matmul(t, softmax(t, scores, 'aten._safe_softmax.default'), value);
  });
}
