/**
 * The Granite family: Llama with factors of the embeddings, of what layers add, of attention and of the scores.
 */
import { headScan } from '../blocks/head-scan.js';
import { deepstackRows } from '../blocks/inputs.js';
import { decoder, decoderLayer } from '../decoder/decoder.js';
import type { BlockMaker, DecoderRecipe } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import { withHeadScan, type ScanHyperparameters } from '../scan.js';

interface DeepstackHyperparameters extends Hyperparameters {
  /** Which of an image's further embeddings each layer but the first adds to its input; -1 or missing: none. */
  readonly deepstackMapping: readonly number[];
}

interface TurnHyperparameters extends Hyperparameters {
  /** Whether heads turn with the position. */
  readonly isTurned: boolean;
}

type GraniteHyperparameters = DeepstackHyperparameters & TurnHyperparameters;

const GRANITE = {
  rope: { factors: 'by-scaling' },
  headRules: { isTurnedWhole: true },
  attention: { outputBias: 'optional', label: 'attn_out' },
  feedForward: { bias: 'optional' },
  experts: { isNormalised: true, gate: 'optional', shared: { length: 'own' } },
  scales: { embedding: 0, residual: 0, attention: 0, logits: 'required', dividesLogits: true },
} satisfies DecoderRecipe;

const GRANITE3 = {
  ...GRANITE,
  rope: { ...GRANITE.rope, layers: ({ hp }) => hp.isTurned },
} satisfies DecoderRecipe<GraniteHyperparameters>;

/** Granite 3 and 4: heads turn unless the file says that the model was made without. */
export const granite = decoder<GraniteHyperparameters>({
  ...GRANITE3,
  layer: withDeepstack(GRANITE3),
  adjust: (hp, reader) => ({
    ...readDeepstack(hp, reader),
    isTurned: reader.flag('rope.scaling.finetuned', true),
  }),
});

/** Layers that add further embeddings of an image to their input. */
function withDeepstack<H extends DeepstackHyperparameters>(recipe: DecoderRecipe<H>): BlockMaker<H> {
  return (m, inputs) => {
    const layer = decoderLayer(recipe)(m, inputs);
    return (s, x) => {
      const index = s.index === 0 ? -1 : (s.hp.deepstackMapping[s.index] ?? -1);
      if (index < 0) return layer(s, x);
      return layer(s, s.named(s.ctx.add(x, deepstackRows(s, inputs.rows, index)), 'deepstack_in'));
    };
  };
}

function readDeepstack(hp: Hyperparameters, reader: MetadataReader): DeepstackHyperparameters {
  const key = 'deepstack_mapping';
  const deepstackMapping = reader.integers(key) ?? [];
  const indexes = new Set(deepstackMapping.filter((index) => index >= 0));
  if (Math.max(...indexes, 0) > indexes.size) reader.refuse(key, `at most ${indexes.size}, the number of embeddings`);
  return { ...hp, deepstackMapping, deepstackCount: indexes.size };
}

export const granitemoe = decoder(GRANITE);

interface GraniteHybridHyperparameters extends TurnHyperparameters, ScanHyperparameters {}

/** Granite 4 with scans in most layers. */
export const granitehybrid = decoder<GraniteHybridHyperparameters>({
  ...GRANITE,
  rope: { factors: 'plain', layers: ({ hp }) => hp.isTurned },
  headRules: { isVaried: true },
  recurrence:
    (_, { states }) =>
    (s, x) =>
      headScan(s, states, x),
  scales: { ...GRANITE.scales, logits: 0, skipsZeroLogits: true },
  adjust: (hp, reader) => ({
    ...withHeadScan(reader, hp, { isTwiceAsWide: true }),
    isTurned: reader.flag('rope.scaling.finetuned', true),
  }),
});

interface GraniteSwaHyperparameters extends DeepstackHyperparameters {
  /** Whether the heads of a layer turn with the position; layers behind the list do. */
  readonly turnedLayers: readonly number[];
}

const GRANITE_SWA = {
  ...GRANITE,
  rope: { ...GRANITE.rope, layers: ({ hp, index }) => (hp.turnedLayers[index] ?? 1) !== 0 },
  window: { period: 'list' },
  attention: { ...GRANITE.attention, sinks: 'required' },
  experts: { isNormalised: true, fusedGate: 'optional', shared: { length: 'own', network: { gate: 'halves' } } },
} satisfies DecoderRecipe<GraniteSwaHyperparameters>;

/** Granite with a window in listed layers: attention sinks, and gate and up of experts in one matrix. */
export const graniteSwa = decoder<GraniteSwaHyperparameters>({
  ...GRANITE_SWA,
  layer: withDeepstack(GRANITE_SWA),
  adjust: (hp, reader) => ({
    ...readDeepstack(hp, reader),
    turnedLayers: reader.integers('attention.rope_pattern') ?? [],
  }),
});
