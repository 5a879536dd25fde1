/**
 * Attention of queries to keys, and the mix of values, with or without the scores in memory.
 *
 * Behaviour as in stable-diffusion.cpp's `ggml_ext_attention_ext`, and `Rope::attention` for queries and keys that are
 * turned by their positions.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { Scope } from '../graph-context.js';
import { contiguous, permuted } from './shapes.js';
import { IN_PLACE } from './layers.js';

/** Queries, keys and values. */
export interface Qkv {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

export interface AttentionSettings {
  readonly heads: number;
  /** Added to the scores, where attention is never fused. Default: none. */
  readonly mask?: Tensor | null;
  /** Whether attention is fused where that is on. Default true; encoders and motion modules never fuse it. */
  readonly mayFuse?: boolean;
}

/** Attention of rows of all heads, `[heads × head, tokens, batch]`. */
export function attention(s: Scope, { q, k, v }: Qkv, settings: AttentionSettings): Tensor {
  const { ctx } = s;
  const headLength = q.ne[0] / settings.heads;
  const split = (x: Tensor): Tensor => {
    const [length, tokens, batch] = x.ne;
    return ctx.reshape(x, [headLength, length / headLength, tokens, batch]);
  };
  const byHead = (x: Tensor): Tensor => {
    const [, heads, tokens, batch] = x.ne;
    return ctx.reshape(contiguous(ctx, ctx.permute(x, [0, 2, 1, 3])), [headLength, tokens, heads * batch]);
  };
  return mix(s, { q: byHead(split(q)), k: byHead(split(k)), v: split(v) }, settings);
}

/**
 * Attention of queries and keys as `[head, heads, tokens, batch]`, which are turned by the angles of their positions.
 *
 * @param angles f32 `[2, 2, head / 2, tokens]`
 */
export function turnedAttention(s: Scope, { q, k, v }: Qkv, angles: Tensor): Tensor {
  const heads = q.ne[1];
  return mix(s, { q: turned(s, q, angles), k: turned(s, k, angles), v }, { heads });
}

/** Each pair of elements turned by an angle: `x₀ × (cos, sin) + x₁ × (-sin, cos)`. */
function turned({ ctx }: Scope, x: Tensor, angles: Tensor): Tensor {
  const [headLength, heads, tokens, batch] = x.ne;
  const planes = ctx.reshape(permuted(ctx, x, [0, 2, 1, 3]), [2, headLength / 2, tokens, heads * batch]);
  const halves = permuted(ctx, planes, [3, 0, 1, 2]);
  const half = (of: Tensor, index: number): Tensor =>
    ctx.view(of, of.ne.slice(0, 3), [of.nb[1], of.nb[2]], index * of.nb[2] * of.ne[2]);
  const columns = [0, 1].map((index) => half(halves, index));
  const pairs = columns.map((each) => ctx.reshape(each, [1, ...each.ne.slice(0, 3)]));
  const doubled = pairs.map((each) => ctx.repeat(each, [2, each.ne[1], each.ne[2], each.ne[3]]));
  const turns = permuted(ctx, angles, [3, 0, 1, 2]);
  const [first, second] = doubled.map((each, index) => ctx.mul(each, half(turns, index)));
  return ctx.reshape(ctx.add(first, second, IN_PLACE), [headLength, tokens, heads * batch]);
}

/** Queries and keys as `[head, tokens, heads × batch]`, values as `[head, heads, tokens, batch]`. */
function mix(s: Scope, { q, k, v }: Qkv, settings: AttentionSettings): Tensor {
  const { ctx } = s;
  const { heads, mask = null, mayFuse = true } = settings;
  const isFused = mayFuse && s.g.computation.flashAttention;
  const mixed = isFused ? fusedMix(s, { q, k, v }, heads) : plainMix(s, { q, k, v }, heads, mask);
  const rows = contiguous(ctx, mixed);
  return ctx.reshape(rows, [v.ne[0] * heads, q.ne[1], v.ne[3]]);
}

function fusedMix({ ctx }: Scope, { q, k, v }: Qkv, heads: number): Tensor {
  const [headLength, keyHeads, , batch] = v.ne;
  const keys = ctx.cast(k, 'f16');
  const byHead = ctx.reshape(contiguous(ctx, ctx.permute(v, [0, 2, 1, 3])), [headLength, k.ne[1], keyHeads * batch]);
  const values = ctx.cast(byHead, 'f16');
  const mixed = ctx.flashAttn(q, keys, values, { scale: 1 / Math.sqrt(headLength) });
  const [, nb1, nb2] = mixed.nb;
  return ctx.view(mixed, [headLength, heads, q.ne[1], batch], [nb1, nb2, nb1 * heads]);
}

function plainMix({ ctx }: Scope, { q, k, v }: Qkv, heads: number, mask: Tensor | null): Tensor {
  const [headLength, keyHeads, , batch] = v.ne;
  const columns = contiguous(ctx, ctx.permute(v, [1, 2, 0, 3]));
  const values = ctx.reshape(columns, [k.ne[1], headLength, keyHeads * batch]);
  const raw = ctx.scale(ctx.mulMat(k, q), 1 / Math.sqrt(headLength), IN_PLACE);
  const shares = ctx.softMax(mask === null ? raw : ctx.add(raw, mask, IN_PLACE), IN_PLACE);
  const mixed = ctx.reshape(ctx.mulMat(values, shares), [headLength, q.ne[1], heads, batch]);
  return ctx.permute(mixed, [0, 2, 1, 3]);
}
