/**
 * Baidu's ERNIE 4.5 and PaddleOCR-VL, Llama's layers.
 */
import { decoder } from '../decoder/decoder.js';
import type { DecoderRecipe } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import { withCheckedSections } from '../rope-scaling.js';
import type { ModelBuilder } from '../model-builder.js';

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
  /** Of every so many layers, the last has experts. */
  readonly expertStep: number;
}

export const ernie45moe = decoder<ErnieMoeHyperparameters>({
  ...ERNIE,
  attention: { label: 'attn_out' },
  experts: {
    isRequired: true,
    layers: 'after-leading',
    length: 'own',
    isNormalised: true,
    selectionBias: 'optional',
    gate: 'optional',
    shared: { length: 'own' },
  },
  adjust: (hp, reader) => ({
    ...withCheckedSections(hp, reader),
    expertStep: reader.positive('interleave_moe_layer_step'),
  }),
});
