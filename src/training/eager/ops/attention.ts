/**
 * Attention: fused, which saves the output and some numbers a row and never has the scores; or out of single operations.
 */
import { ELEMENT_TYPES, type ElementType } from '../../../tensor/element-type.js';
import { gradNode } from '../grad-node.js';
import type { ResultSpec, Tape } from '../tape.js';
import type { Value } from '../value.js';
import { autocastAll } from './cast.js';
import { add, scaled } from './element-wise.js';
import { matmul } from './matrix.js';
import { softmax } from './norms.js';
import { transpose } from './views.js';

const { f32, i64 } = ELEMENT_TYPES;

/** A fused kernel: what it saves besides operands and output, and what its gradient makes besides gradients. */
interface Kernel {
  readonly op: string;
  readonly saves: (query: Value) => readonly ResultSpec[];
  readonly works: (query: Value, key: Value) => readonly ResultSpec[];
}

const roundUp = (count: number, to: number): number => Math.ceil(count / to) * to;

const CPU: Kernel = {
  op: '_scaled_dot_product_flash_attention_for_cpu',
  saves: ({ shape: [batch, heads, rows] }) => [{ type: f32, shape: [batch, rows, heads] }],
  works: () => [],
};

/** FlashAttention 2, within PyTorch or as a package: sums of queries in fp32, keys and values for every head of queries. */
const FLASH: Kernel = {
  op: '_scaled_dot_product_flash_attention',
  saves: ({ shape: [batch, heads, rows] }) => [
    { type: f32, shape: [batch, heads, rows] },
    { type: i64, shape: [2] },
  ],
  works: ({ shape: [batch, heads, rows, dim], type }, key) => {
    const padded = roundUp(rows, 128);
    const sums = [
      { type: f32, shape: [batch, heads, padded] },
      { type: f32, shape: [batch, padded, heads, roundUp(dim, 32)] },
    ];
    const wide = { type, shape: [batch, key.shape[2], heads, dim] };
    return key.shape[1] === heads ? sums : [...sums, wide, wide];
  },
};

/** The kernel that saves memory whatever the type: CUDA takes it for fp32. */
const EFFICIENT: Kernel = {
  op: '_scaled_dot_product_efficient_attention',
  saves: ({ shape: [batch, heads, rows] }) => [
    { type: f32, shape: [batch, heads, roundUp(rows, 32)] },
    { type: i64, shape: [] },
    { type: i64, shape: [] },
  ],
  works: ({ shape: [batch, heads, rows] }) => [{ type: f32, shape: [batch, heads, rows] }],
};

function kernelFor(t: Tape, type: ElementType): Kernel {
  if (t.device === 'cpu') return CPU;
  return type === f32 ? EFFICIENT : FLASH;
}

/** The layout of the kernels: heads inside rows, `[batch, heads, rows, dim]` as a view of `[batch, rows, heads, dim]`. */
function rowsFirst({ type, shape }: Value): ResultSpec {
  const [, heads, rows, dim] = shape;
  return { type, shape, strides: [rows * heads * dim, dim, heads * dim, 1] };
}

/** `scaled_dot_product_attention(q, k, v, mask)` of `[batch, heads, rows, dim]`; keys may have fewer heads. */
export function fusedAttention(t: Tape, query: Value, key: Value, value: Value, mask: Value | null = null): Value {
  const [q, k, v] = autocastAll(t, query, key, value);
  const kernel = kernelFor(t, q.type);
  const node = gradNode(t, [q, k, v]);
  const inputs = mask === null ? [q, k, v] : [q, k, v, mask];
  const kept = inputs.map((each) => node?.save(each));
  const results = t.emit(`aten.${kernel.op}.default`, inputs, [rowsFirst(q), ...kernel.saves(q)]);
  const keptResults = node === null ? [] : results.map((each) => node.save(each));
  if (node === null || t.checkpoint !== null) t.release(results.slice(1));
  node?.finish(results, ([gradient]) => {
    const operands = [gradient!, ...kept.map((each) => each!.get()), ...keptResults.map((each) => each.get())];
    const op = `aten.${kernel.op}_backward.default`;
    const computed = t.emit(op, operands, [...[q, k, v].map(rowsFirst), ...kernel.works(q, k)]);
    t.release(computed.slice(3));
    return computed.slice(0, 3);
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
