/**
 * Fused attention: the output and one number a row are saved, the scores never exist.
 */
import { gradNode } from '../autograd.js';
import type { Tape } from '../tape.js';
import { ELEMENT_TYPES } from '../../../tensor/element-type.js';
import type { Value } from '../value.js';
import { autocastAll } from './cast.js';

const OP = 'aten._scaled_dot_product_flash_attention_for_cpu';

/** The layout of the kernels: heads inside rows, `[batch, heads, rows, dim]` as a view of `[batch, rows, heads, dim]`. */
function rowsFirst({ type, shape }: Value): { type: Value['type']; shape: readonly number[]; strides: readonly number[] } {
  const [, heads, rows, dim] = shape;
  return { type, shape, strides: [rows * heads * dim, dim, heads * dim, 1] };
}

/** `scaled_dot_product_attention(q, k, v)` of `[batch, heads, rows, dim]`; keys may have fewer heads. */
export function fusedAttention(t: Tape, query: Value, key: Value, value: Value): Value {
  const [q, k, v] = autocastAll(t, query, key, value);
  const node = gradNode(t, [q, k, v]);
  const kept = [q, k, v].map((each) => node?.save(each));
  const [batch, heads, rows] = q.shape;
  const statistics = { type: ELEMENT_TYPES.f32, shape: [batch, rows, heads] };
  const results = t.emit(`${OP}.default`, [q, k, v], [rowsFirst(q), statistics]);
  const keptResults = node === null ? [] : results.map((each) => node.save(each));
  if (node === null || t.checkpoint !== null) t.release([results[1]]);
  node?.finish(results, ([gradient]) => {
    const operands = [gradient!, ...kept.map((each) => each!.get()), ...keptResults.map((each) => each.get())];
    return t.emit(`${OP}_backward.default`, operands, [q, k, v].map(rowsFirst));
  });
  return results[0];
}
