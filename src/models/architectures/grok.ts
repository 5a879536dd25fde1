/**
 * Grok: a mixture of experts with norms on both sides of everything; scores of attention approach a limit.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { attend } from '../blocks/attention.js';
import { feedForward } from '../blocks/feed-forward.js';
import { mixture, type MixtureRecipe } from '../blocks/mixture.js';
import { norm } from '../blocks/norm.js';
import { preparedHeads } from '../decoder/attention.js';
import { decoder } from '../decoder/decoder.js';
import type { BlockMaker } from '../decoder/recipe.js';
import { withAttention, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer } from '../model-builder.js';
import type { RopeHyperparameters } from '../rope-scaling.js';

interface GrokHyperparameters extends Hyperparameters {
  /** The factor of attention's scores, and the limit that they approach. */
  readonly scores: { readonly factor: number; readonly limit: number };
}

const EXPERTS: MixtureRecipe = {
  isRequired: true,
  length: 'own-or-whole',
  isNormalised: true,
  gate: 'optional',
  activation: 'gelu',
};

const limitedAttention: BlockMaker<GrokHyperparameters> =
  (_, { positions, attention }) =>
  (s, x) => {
    const { ctx } = s;
    const { factor, limit } = s.hp.scores;
    const changeScores = (scores: Tensor): Tensor => {
      const small = s.named(ctx.tanh(ctx.scale(scores, factor / limit)), 'kq_tanh');
      return s.named(ctx.scale(small, limit), 'kq_scaled');
    };
    return attend(s, attention, preparedHeads(s, x, positions), { scale: 1, changeScores });
  };

/** The mixture, averaged with a dense network if the file has one; and a norm of either of two names. */
function network(s: Layer<GrokHyperparameters>, x: Tensor): Tensor {
  const { ctx } = s;
  const mixed = mixture(s, x, EXPERTS);
  const ne = [x.ne[0], s.feedForwardLength];
  const dense =
    s.optionalWeight('ffn_up.weight', ne) === null ? null : feedForward(s, x, ne[1], { activation: 'gelu' });
  const both = dense === null ? mixed : ctx.scale(ctx.add(s.named(dense, 'ffn_out'), mixed), Math.SQRT1_2);
  if (dense !== null) s.named(both, 'ffn_out');
  const hasOwn = s.optionalWeight('layer_output_norm.weight', [x.ne[0]]) !== null;
  return norm(s, hasOwn ? 'layer_output_norm' : 'post_ffw_norm', both);
}

export const grok = decoder<GrokHyperparameters>({
  rope: { mode: 'neox', yarnBetaFast: 8 },
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  attention: limitedAttention,
  norms: { afterAttention: { part: 'attn_output_norm', label: 'attn_out_norm' } },
  labels: { feedForward: 'ffn_post_norm' },
  feedForward: network,
  experts: EXPERTS,
  scales: { embedding: 78.38367176906169, logits: 0.5773502691896257, logitSoftcap: 0 },
  adjust: readGrok,
});

function readGrok(plain: Hyperparameters, reader: MetadataReader): GrokHyperparameters {
  // Two numbers are read, but not used.
  reader.number('router_logit_softcapping', 30);
  reader.integer('attention.temperature_length', 0);
  const factor = reader.number('attention.output_scale', 0.08838834764831845);
  const limit = reader.number('attn_logit_softcapping', 30);
  const hp = withAttention(plain, { hasFlash: false });
  return { ...hp, rope: withYarnFactors(reader, hp.rope), scores: { factor, limit } };
}

/** The file may say how much of YaRN applies, and the factor of attention where none of it does. */
function withYarnFactors(reader: MetadataReader, rope: RopeHyperparameters): RopeHyperparameters {
  const share = reader.number('rope.scaling.yarn_ext_factor', -1);
  const factor = reader.number('rope.scaling.yarn_attn_factor', 1);
  const yarnShare = share < 0 ? rope.yarnShare : share;
  return { ...rope, yarnShare, fileFactor: yarnShare === 0 ? rope.fileFactor * factor : rope.fileFactor };
}
