/**
 * OpenELM: each layer has its own number of heads and its own width of the network.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Heads } from '../blocks/attention.js';
import { product } from '../blocks/linear.js';
import { decoder } from '../decoder/decoder.js';
import type { Layer } from '../model-builder.js';

export const openelm = decoder({
  // Queries that have turned are named as values are.
  rope: { mode: 'neox', labels: { q: 'Vcur' } },
  headRules: { isVaried: true },
  attention: { project: headsOfOneProduct, headNorms: { label: null } },
  labels: { residualFirst: 'attention' },
  output: { weights: 'none' },
});

/** Views of one product, which lies in heads. */
function headsOfOneProduct(s: Layer, x: Tensor): Heads {
  const { ctx } = s;
  const { keyLength: length, headCount, kvHeadCount } = s.heads;
  const count = headCount + 2 * kvHeadCount;
  const joined = s.named(product(s, 'attn_qkv', x, length * count), 'wqkv');
  const all = ctx.reshape(joined, [length, count, x.ne[1]]);
  const part = (heads: number, first: number, label: string): Tensor =>
    s.named(ctx.view(all, [length, heads, x.ne[1]], [all.nb[1], all.nb[2]], first * all.nb[1]), label);
  return {
    q: part(headCount, 0, 'Qcur'),
    k: part(kvHeadCount, headCount, 'Kcur'),
    v: part(kvHeadCount, headCount + kvHeadCount, 'Vcur'),
  };
}
