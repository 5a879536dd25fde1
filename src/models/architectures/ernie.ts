/**
 * Baidu's ERNIE 4.5 and PaddleOCR-VL, Llama's layers.
 */
import { feedForward } from '../blocks/feed-forward.js';
import { hasExperts, mixture, type MixtureRecipe } from '../blocks/mixture.js';
import { decoder } from '../decoder/decoder.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { DecoderRecipe } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import { withCheckedSections } from '../rope-scaling.js';
import { Layer, ModelBuilder } from '../model-builder.js';

const ERNIE = {
  headRules: { isTurnedWhole: true },
  adjust: withCheckedSections,
  end: loadOutputBias,
} satisfies DecoderRecipe;

/** A bias of attention's last matrix is loaded, but no operation reads it. */
function loadOutputBias(m: ModelBuilder): void {
  for (const s of m.layers()) s.optionalWeight('attn_output.bias', [m.hp.embeddingLength]);
}

export const ernie45 = decoder(ERNIE);

/** PaddleOCR-VL: a token turns with four positions, and the bias of attention's last matrix is read. */
export const paddleocr = decoder({
  headRules: { isTurnedWhole: true },
  rope: { mode: 'mrope', sections: 'optional' },
  attention: { outputBias: 'optional' },
});

interface ErnieMoeHyperparameters extends Hyperparameters {
  /** Layers at the beginning that have a dense network. */
  readonly leadingDense: number;
  /** Of every so many layers after these, the last has experts. */
  readonly expertStep: number;
}

const EXPERTS: MixtureRecipe = {
  isRequired: true,
  layers: (hp, layer) => {
    const { leadingDense, expertStep } = hp as ErnieMoeHyperparameters;
    return layer >= leadingDense && (layer + 1) % expertStep === 0;
  },
  length: 'own',
  isNormalised: true,
  selectionBias: 'optional',
  gate: 'optional',
  shared: { length: 'own' },
};

export const ernie45moe = decoder<ErnieMoeHyperparameters>({
  ...ERNIE,
  attention: { label: 'attn_out' },
  feedForward: network,
  experts: EXPERTS,
  adjust: (hp, reader) => ({
    ...withCheckedSections(hp, reader),
    leadingDense: reader.integer('leading_dense_block_count', 0),
    expertStep: reader.positive('interleave_moe_layer_step'),
  }),
});

/**
 * A mixture, or the network of a layer that the step leaves out. After the leading layers, the file must hold its
 * experts as well, but all that is left to compute is the non-linearity.
 */
function network(s: Layer<ErnieMoeHyperparameters>, x: Tensor): Tensor {
  const { model, index, hp } = s;
  if (hasExperts(s, EXPERTS)) return mixture(s, x, EXPERTS);
  if (index < hp.leadingDense) return feedForward(s, x, s.feedForwardLength);
  const spare = new ModelBuilder(hp, model.run, model.batch, model.weights, model.memory);
  mixture(new Layer(spare, index), spare.input('f32', x.ne), EXPERTS);
  return feedForward(s, x, s.feedForwardLength, { presence: 'none' });
}
