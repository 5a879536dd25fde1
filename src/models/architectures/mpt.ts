/**
 * MPT: positions that are learned, or scores that fall with the distance.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { projectHeads, reshaped, type Heads } from '../blocks/attention.js';
import { feedForward } from '../blocks/feed-forward.js';
import { product, withBias } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { decoder } from '../decoder/decoder.js';
import type { Layer } from '../model-builder.js';

export const mpt = decoder({
  norm: { kind: 'layer', bias: 'optional' },
  embedding: { positions: 'optional' },
  rope: null,
  headRules: { isAsWideAsEmbedding: true },
  attention: { project: heads, outputBias: 'optional' },
  feedForward: network,
  scales: { clamp: 0, alibiBias: 0 },
});

/** All query heads, and all key heads, are normalised as one row if the file has weights for queries. */
function heads(s: Layer, x: Tensor): Heads {
  const [width] = x.ne;
  const { q, k, v } = projectHeads(s, x, { matrices: 'fused' });
  const isNormed = s.optionalWeight('attn_q_norm.weight', [width]) !== null;
  const normed = (part: 'q' | 'k', all: Tensor): Tensor => {
    const row = s.ctx.reshape(all, [all.ne[0] * all.ne[1], all.ne[2]]);
    const result = norm(s, `attn_${part}_norm`, row, { weight: 'optional', bias: 'optional', ne: [width] });
    return reshaped(s, result, all.ne[0]);
  };
  if (isNormed) return { q: normed('q', q), k: normed('k', k), v };
  for (const name of ['attn_q_norm.bias', 'attn_k_norm.weight', 'attn_k_norm.bias']) s.optionalWeight(name, [width]);
  return { q, k, v };
}

/** The non-linearity's results are divided by numbers that the file may have. */
function network(s: Layer, x: Tensor): Tensor {
  const { feedForwardLength: length } = s;
  const bias = 'optional';
  const inner = feedForward(s, x, length, { activation: 'gelu', gate: 'none', bias, endsBeforeDown: true });
  const divisors = s.optionalWeight('ffn.act.scales', [length]);
  const ready = divisors === null ? inner : s.named(s.ctx.div(inner, divisors), 'ffn_act');
  const down = s.named(product(s, 'ffn_down', ready, x.ne[0]), 'ffn_down');
  return withBias(s, 'ffn_down', down, bias);
}
