/**
 * StableLM: attention and network one after the other or, in layers without a norm for the network, side by side.
 */
import { feedForward } from '../blocks/feed-forward.js';
import { keepWanted } from '../blocks/inputs.js';
import { norm } from '../blocks/norm.js';
import { headAttention } from '../decoder/attention.js';
import { decoder } from '../decoder/decoder.js';
import type { AttentionRecipe, BlockMaker } from '../decoder/recipe.js';

const ATTENTION: AttentionRecipe = {
  headNorms: { span: 'own', norm: { weight: 'optional' }, label: null },
};

export const stablelm = decoder({
  norm: { kind: 'layer', bias: 'required' },
  rope: { mode: 'neox' },
  headRules: { isAsWideAsEmbedding: true },
  layer: layerOfOptionalNorm,
  output: { weights: 'required' },
});

function layerOfOptionalNorm(...[m, inputs]: Parameters<BlockMaker>): ReturnType<BlockMaker> {
  const attend = headAttention(ATTENTION)(m, inputs);
  return (s, x) => {
    const normed = s.named(norm(s, 'attn_norm', x), 'attn_norm');
    const [attended, residual, same] = keepWanted(s, inputs.wanted, attend(s, normed), x, normed);
    const sum = s.named(s.ctx.add(attended, residual), 'ffn_inp');
    const hasOwn = s.optionalWeight('ffn_norm.weight', [x.ne[0]]) !== null;
    const ready = hasOwn ? s.named(norm(s, 'ffn_norm', sum, { bias: 'optional' }), 'ffn_norm') : same;
    const fed = s.named(feedForward(s, ready, s.feedForwardLength), 'ffn_out');
    return s.named(s.ctx.add(fed, sum), 'l_out');
  };
}
