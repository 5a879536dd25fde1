/**
 * Attention of an encoder, in which all rows see each other unless a mask says otherwise, as llama.cpp's `build_attn`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { EncoderScope } from '../encoder.js';
import { linear, plainProduct, type Product } from './linear.js';

/** Queries, keys and values: `[head, heads, rows]`. */
export interface Heads {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

export interface AttendOptions {
  /** The matrix at its end, by the name of its weights without `.weight`; null: none. Default `attn_out`. */
  readonly output?: string | null;
  /** Default: every row sees all others. */
  readonly mask?: Tensor | null;
  /** Factor of the scores. Default: one over the square root of the head's length. */
  readonly scale?: number;
  /** One score per head that takes part in the sum but has no value. Default: none. */
  readonly sinks?: Tensor | null;
  readonly product?: Product;
}

/** The factor of the scores unless a model has one of its own. */
export function usualScale(headLength: number): number {
  return Math.fround(1 / Math.fround(Math.sqrt(headLength)));
}

export function attend(s: EncoderScope, heads: Heads, options: AttendOptions = {}): Tensor {
  const { output = 'attn_out', product = plainProduct } = options;
  const { graph, flashAttention } = s.encoder;
  for (const part of [heads.q, heads.k, heads.v]) graph.expand(part);
  const looked = s.named((flashAttention ? fusedLookUp : plainLookUp)(s, heads, options), 'kqv_out');
  return output === null ? looked : linear(s, output, looked, product);
}

function fusedLookUp({ ctx, numbers }: EncoderScope, heads: Heads, options: AttendOptions): Tensor {
  const { mask = null, sinks = null, scale = usualScale(numbers.headLength) } = options;
  const [q, k, v] = [heads.q, heads.k, heads.v].map((part) => ctx.permute(part, [0, 2, 1, 3]));
  const [halfK, halfV] = [ctx.cast(k, 'f16'), ctx.cast(v, 'f16')];
  const halfMask = mask === null ? null : ctx.cast(mask, 'f16');
  const mixed = ctx.flashAttn(q, halfK, halfV, { mask: halfMask, sinks, scale });
  return ctx.reshape(mixed, [mixed.ne[0] * mixed.ne[1], mixed.ne[2] * mixed.ne[3]]);
}

function plainLookUp({ ctx, numbers }: EncoderScope, heads: Heads, options: AttendOptions): Tensor {
  const { mask = null, sinks = null, scale = usualScale(numbers.headLength) } = options;
  const [q, k] = [heads.q, heads.k].map((part) => ctx.permute(part, [0, 2, 1, 3]));
  const v = ctx.cont(ctx.permute(heads.v, [1, 2, 0, 3]));
  const shares = ctx.softMax(ctx.mulMat(k, q), { mask, sinks, scale });
  const joined = ctx.permute(ctx.mulMat(v, shares), [0, 2, 1, 3]);
  return ctx.cont(joined, [joined.ne[0] * joined.ne[1], joined.ne[2] * joined.ne[3]]);
}
