/**
 * Chameleon: text and images are tokens of one vocabulary, but answers contain text only.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { decoder } from '../decoder/decoder.js';
import type { NormPlaces } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { ModelBuilder } from '../model-builder.js';

interface ChameleonHyperparameters extends Hyperparameters {
  /** Whether attention and network are normalised after them instead of before. */
  readonly isNormedAfter: boolean;
}

const AFTER: NormPlaces = {
  beforeAttention: null,
  afterAttention: { part: 'attn_norm', label: null },
  beforeFeedForward: null,
  afterFeedForward: { part: 'ffn_norm', label: 'ffn_norm' },
};

export const chameleon = decoder<ChameleonHyperparameters>({
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  attention: {
    headNorms: { span: 'own', norm: { kind: 'layer', epsilon: 1e-5, bias: 'optional' }, label: null },
  },
  norms: (hp) => (hp.isNormedAfter ? AFTER : {}),
  output: { unbiasedLabel: 'result_output_with_img_logits', change: withoutImages },
  adjust: (hp, reader) => ({ ...hp, isNormedAfter: reader.flag('swin_norm', false) }),
});

/** The tokens that stand for images: the first, and the first after them. */
const IMAGE_TOKENS = { first: 4, end: 8196 };
const LOWEST_F32 = -(2 - 2 ** -23) * 2 ** 127;

/** The scores, with the lowest number for tokens that stand for images, as far as they are those of the first token. */
function withoutImages({ ctx, top }: ModelBuilder, scores: Tensor): Tensor {
  const { first, end } = IMAGE_TOKENS;
  const lowest = ctx.clamp(ctx.newTensor('f32', [end - first]), LOWEST_F32, LOWEST_F32);
  const [nb0, nb1, nb2, nb3] = scores.nb;
  return ctx.set(scores, top.named(lowest, 'img_logits'), [nb1, nb2, nb3], first * nb0);
}
