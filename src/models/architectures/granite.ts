/**
 * The Granite family: Llama with factors of the embeddings, of what layers add, of attention and of the scores.
 */
import { headScan } from '../blocks/head-scan.js';
import { decoder } from '../decoder/decoder.js';
import type { DecoderRecipe } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import { withHeadScan, type ScanHyperparameters } from '../scan.js';

interface GraniteHyperparameters extends Hyperparameters {
  /** Whether heads turn with the position. */
  readonly isTurned: boolean;
}

const GRANITE = {
  rope: { factors: 'by-scaling' },
  headRules: { isTurnedWhole: true },
  attention: { outputBias: 'optional', label: 'attn_out' },
  feedForward: { bias: 'optional' },
  experts: { isNormalised: true, gate: 'optional', shared: { length: 'own' } },
  scales: { embedding: 0, residual: 0, attention: 0, logits: 'required', dividesLogits: true },
} satisfies DecoderRecipe;

/** Granite 3 and 4: heads turn unless the file says that the model was made without. */
export const granite = decoder<GraniteHyperparameters>({
  ...GRANITE,
  rope: { ...GRANITE.rope, layers: ({ hp }) => hp.isTurned },
  adjust: (hp, reader) => ({ ...hp, isTurned: reader.flag('rope.scaling.finetuned', true) }),
});

export const granitemoe = decoder(GRANITE);

interface GraniteHybridHyperparameters extends GraniteHyperparameters, ScanHyperparameters {}

/** Granite 4 with scans in most layers. */
export const granitehybrid = decoder<GraniteHybridHyperparameters>({
  ...GRANITE,
  rope: { factors: 'plain', layers: ({ hp }) => hp.isTurned },
  headRules: { isVaried: true },
  recurrence:
    (_, { states }) =>
    (s, x) =>
      headScan(s, states, x),
  scales: { ...GRANITE.scales, logits: 0 },
  adjust: (hp, reader) => ({
    ...withHeadScan(reader, hp, { isTwiceAsWide: true }),
    isTurned: reader.flag('rope.scaling.finetuned', true),
  }),
});

interface GraniteSwaHyperparameters extends Hyperparameters {
  /** Whether the heads of a layer turn with the position; layers behind the list do. */
  readonly turnedLayers: readonly number[];
}

/** Granite with a window in listed layers: attention sinks, and gate and up of experts in one matrix. */
export const graniteSwa = decoder<GraniteSwaHyperparameters>({
  ...GRANITE,
  rope: { ...GRANITE.rope, layers: ({ hp, index }) => (hp.turnedLayers[index] ?? 1) !== 0 },
  window: { period: 'list' },
  attention: { ...GRANITE.attention, sinks: 'required' },
  experts: { isNormalised: true, fusedGate: 'optional', shared: { length: 'own', network: { gate: 'halves' } } },
  adjust: (hp, reader) => ({ ...hp, turnedLayers: reader.integers('attention.rope_pattern') ?? [] }),
});
