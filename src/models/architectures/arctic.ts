/**
 * Arctic: a dense network after attention, and a mixture of experts beside both.
 */
import { feedForward } from '../blocks/feed-forward.js';
import { keepWanted } from '../blocks/inputs.js';
import { mixture, type MixtureRecipe } from '../blocks/mixture.js';
import { norm } from '../blocks/norm.js';
import { headAttention } from '../decoder/attention.js';
import { decoder } from '../decoder/decoder.js';
import type { BlockMaker } from '../decoder/recipe.js';

const EXPERTS: MixtureRecipe = { isRequired: true, isNormalised: true };

const layer: BlockMaker = (m, inputs) => {
  const attend = headAttention({})(m, inputs);
  return (s, x) => {
    const { ctx } = s;
    const normed = s.named(norm(s, 'attn_norm', x), 'attn_norm');
    const [attended, residual] = keepWanted(s, inputs.wanted, attend(s, normed), x);
    const sum = s.named(ctx.add(attended, residual), 'ffn_inp');
    const ready = s.named(norm(s, 'ffn_norm', sum), 'ffn_norm');
    const fed = s.named(feedForward(s, ready, s.hp.embeddingLength), 'ffn_out');
    const dense = s.named(ctx.add(fed, sum), 'ffn_out');
    const ofExperts = s.named(norm(s, 'ffn_norm_exps', residual), 'ffn_norm_exps');
    return s.named(ctx.add(mixture(s, ofExperts, EXPERTS), dense), 'l_out');
  };
};

export const arctic = decoder({
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  layer,
  experts: EXPERTS,
});
