/**
 * Deci (Llama-3.1-Nemotron): Llama, thinned out by a search. Each layer has its own number of heads and its own width of
 * the network, or lacks one of the two; one matrix may stand in for attention.
 */
import { feedForward } from '../blocks/feed-forward.js';
import { keepWanted } from '../blocks/inputs.js';
import { product, weightIf } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { frequencyFactors } from '../blocks/rope.js';
import { headAttention } from '../decoder/attention.js';
import { decoder } from '../decoder/decoder.js';
import type { BlockMaker } from '../decoder/recipe.js';

const FACTORS = 'by-scaling';

/** Attention, or the matrix in its place, or nothing. */
const attentionIfAny: BlockMaker = (m, inputs) => {
  const attend = headAttention({ outputBias: 'optional' }, { factors: FACTORS })(m, inputs);
  return (s, x) => {
    frequencyFactors(s, FACTORS);
    const [width] = x.ne;
    weightIf(s, 'unread', 'attn_output.bias', [width]);
    const { headCount, kvHeadCount } = s.heads;
    if (headCount === 0) return x;
    const normed = s.named(norm(s, 'attn_norm', x), 'attn_norm');
    return kvHeadCount === 0 ? s.named(product(s, 'attn_output', normed, width), 'wo') : attend(s, normed);
  };
};

const layer: BlockMaker = (m, inputs) => {
  const attend = attentionIfAny(m, inputs);
  return (s, x) => {
    const { ctx, feedForwardLength: length } = s;
    const [attended, residual] = keepWanted(s, inputs.wanted, attend(s, x), x);
    // Without a network, llama.cpp drops the result of attention, too.
    if (length === 0) return x;
    const sum = s.heads.headCount === 0 ? attended : s.named(ctx.add(attended, residual), 'ffn_inp');
    const ready = s.named(norm(s, 'ffn_norm', sum), 'ffn_norm');
    const fed = s.named(feedForward(s, ready, length, { bias: 'optional' }), 'ffn_out');
    return s.named(ctx.add(fed, sum), 'l_out');
  };
};

export const deci = decoder({
  headRules: { isVaried: 'or-none', isTurnedWhole: true },
  layer,
  adjust: (hp, reader) => {
    const { layers } = hp.attention;
    if (layers[0].headCount === 0) reader.refuse('attention.head_count', 'above zero in the first layer');
    if (layers.some(({ headCount, kvHeadCount }) => headCount === 0 && kvHeadCount > 0)) {
      reader.refuse('attention.head_count_kv', 'zero in layers without attention');
    }
    return hp;
  },
});
