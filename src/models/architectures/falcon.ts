/**
 * Falcon: attention and network side by side. In the 40B models, each has a norm of its own.
 */
import { feedForward } from '../blocks/feed-forward.js';
import { keepWanted } from '../blocks/inputs.js';
import { norm } from '../blocks/norm.js';
import { headAttention } from '../decoder/attention.js';
import { decoder } from '../decoder/decoder.js';
import type { BlockMaker } from '../decoder/recipe.js';

/** Attention reads the second norm if the file has it, else what the network reads. */
const layer: BlockMaker = (m, inputs) => {
  const attend = headAttention({ matrices: 'fused', bias: 'none' })(m, inputs);
  return (s, x) => {
    const { ctx } = s;
    const first = s.named(norm(s, 'attn_norm', x), 'attn_norm');
    const hasSecond = s.optionalWeight('attn_norm_2.weight', [x.ne[0]]) !== null;
    const second = hasSecond ? s.named(norm(s, 'attn_norm_2', x, { bias: 'optional' }), 'attn_norm_2') : first;
    const [attended, residual, ready] = keepWanted(s, inputs.wanted, attend(s, second), x, first);
    const fed = feedForward(s, ready, s.feedForwardLength, { activation: 'gelu', gate: 'none' });
    return s.named(ctx.add(ctx.add(s.named(fed, 'ffn_out'), attended), residual), 'l_out');
  };
};

export const falcon = decoder({
  norm: { kind: 'layer', bias: 'required' },
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  layer,
});
