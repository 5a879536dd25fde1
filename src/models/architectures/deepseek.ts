/**
 * The DeepSeek family: experts that every token goes through beside those that it chooses; latent attention from the
 * second generation on.
 */
import { named, PlannerError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { attend } from '../blocks/attention.js';
import {
  attendCompressed,
  attendDecompressed,
  latentAccess,
  type LatentHyperparameters,
  type LatentOptions,
} from '../blocks/latent-attention.js';
import { plainProduct } from '../blocks/linear.js';
import { decoder } from '../decoder/decoder.js';
import type { Block, DecoderInputs, DecoderRecipe } from '../decoder/recipe.js';
import type { Hyperparameters, LayerHeads } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import { attentionFactor, type RopeHyperparameters } from '../rope-scaling.js';
import type { MixtureRecipe } from '../blocks/mixture.js';

/** The first generation, without latent attention. */
export const deepseek = decoder({
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  experts: {
    isRequired: true,
    layers: 'after-leading',
    length: 'own',
    readsScale: true,
    shared: { length: 'counted' },
  },
});

/** The mixture of V3 where the file must say how experts are chosen; others took it over. */
export const STATED_EXPERTS: MixtureRecipe = {
  isRequired: true,
  layers: 'after-leading',
  length: 'own',
  gating: { ifUnsaid: null },
  isNormalised: 'read',
  readsScale: true,
  selectionBias: 'optional',
  shared: { length: 'counted' },
};

const EXPERTS: MixtureRecipe = {
  ...STATED_EXPERTS,
  gating: { ifUnsaid: 'softmax' },
  fusedGate: 'optional',
};

const LATENT = {
  headRules: null,
  attention: latentAttention,
  experts: EXPERTS,
  output: { product: 'plain' },
  scales: { temperature: 0 },
  predicts: 'cached',
  prediction: { layer: { attention: predictingAttention }, check: requireLatent },
  predictTensors: 'all-or-none',
  adjust: readLatent,
} satisfies DecoderRecipe<LatentHyperparameters>;

/** V2 and V3. YaRN's factor of attention contains no logarithm. */
export const deepseek2 = decoder<LatentHyperparameters>({
  ...LATENT,
  adjust: (hp, reader) => {
    const latent = readLatent(hp, reader);
    return { ...latent, rope: { ...latent.rope, attentionMultiplier: latent.rope.logMultiplier } };
  },
});

/** Mistral 4 is DeepSeek V3 but for YaRN's factor. */
export const mistral4 = decoder<LatentHyperparameters>(LATENT);

/** The decoder of DeepSeek-OCR: the mixture of V2, heads without latent attention that are turned in one fixed way. */
export const deepseek2Ocr = decoder({
  rope: { mode: 'neox' },
  headRules: { isAsWideAsEmbedding: true },
  attention: fixedTurns,
  experts: EXPERTS,
  output: { product: 'plain' },
  adjust: (hp, reader) => {
    if (hp.rope.freqBase !== FIXED_BASE) reader.refuse('rope.freq_base', `${FIXED_BASE} in this architecture`);
    const [{ headCount, kvHeadCount }] = hp.attention.layers;
    if (kvHeadCount !== headCount) reader.refuse('attention.head_count_kv', `${headCount}, the number of all heads`);
    return hp;
  },
});

const FIXED_BASE = 10000;

function fixedTurns(_: ModelBuilder, { positions, attention }: DecoderInputs): Block<Hyperparameters> {
  return (s, x) => {
    const { ctx, hp } = s;
    const { keyLength, headCount } = s.heads;
    const heads = (part: 'q' | 'k' | 'v'): Tensor => {
      const rows = s.named(plainProduct(s, `attn_${part}`, x, keyLength * headCount), part);
      return ctx.reshape(rows, [keyLength, headCount, x.ne[1]]);
    };
    const turned = (part: 'q' | 'k'): Tensor =>
      s.named(ctx.rope(heads(part), positions, keyLength, { mode: 'neox', freqBase: FIXED_BASE }), `${part}_pe`);
    const scale = attentionScale(hp.rope, keyLength);
    return s.named(attend(s, attention, { q: turned('q'), k: turned('k'), v: heads('v') }, { scale }), 'attn_out');
  };
}

function readLatent(plain: Hyperparameters, reader: MetadataReader): LatentHyperparameters {
  // The converter stores a tenth of YaRN's multiplier of the logarithm.
  const rope = { ...plain.rope, logMultiplier: reader.number('rope.scaling.yarn_log_multiplier', 0) / 0.1 };
  const hp = withGatingOfLite(reader, { ...plain, rope });
  const [heads] = hp.attention.layers;
  const fullKeyLength = reader.integer('attention.key_length_mla', 0);
  const fullValueLength = reader.integer('attention.value_length_mla', 0);
  const isLatent = fullKeyLength !== 0;
  if (isLatent !== (fullValueLength !== 0)) {
    reader.refuse('attention.value_length_mla', 'zero if attention.key_length_mla is zero, and only then');
  }
  const all = { ...hp, fullKeyLength: isLatent ? fullKeyLength : heads.keyLength };
  if (all.fullKeyLength <= heads.ropeLength) {
    reader.refuse('rope.dimension_count', 'less than the length of a head’s key');
  }
  const kvRank = reader.positive('attention.kv_lora_rank');
  const stored = { heads: 1, length: kvRank + heads.ropeLength };
  checkCache(reader, heads, isLatent ? stored : { heads: heads.headCount, length: heads.keyLength });
  return {
    ...all,
    attention: { ...hp.attention, isLatent },
    fullValueLength: isLatent ? fullValueLength : heads.valueLength,
    queryRank: isLite(hp) ? 0 : reader.integer('attention.q_lora_rank'),
    kvRank,
    attentionScale: attentionScale(rope, all.fullKeyLength),
  };
}

/** Checks that the cache has the row per token that attention stores: one compressed row, or the keys of all heads. */
function checkCache(reader: MetadataReader, heads: LayerHeads, stored: { heads: number; length: number }): void {
  if (heads.kvHeadCount !== stored.heads) {
    reader.refuse('attention.head_count_kv', `${stored.heads} in this kind of file`);
  }
  if (heads.keyLength !== stored.length) {
    reader.refuse('attention.key_length', `${stored.length}, the length of a cached row`);
  }
}

function allLayers({ layerCount, predictLayerCount }: Hyperparameters): number {
  return layerCount + predictLayerCount;
}

/**
 * Whether the model does not compress queries, as DeepSeek-V2-Lite, GigaChat3-10B and Kanana-2-30B. Their files do not
 * say so, so the number of layers decides. Here and in {@link withGatingOfLite} llama.cpp counts layers that predict
 * further tokens as well.
 */
function isLite(hp: Hyperparameters): boolean {
  const layers = allLayers(hp);
  return layers === 27 || layers === 26 || (layers === 48 && hp.vocabularySize === 128256);
}

/** Files made before the key of the gating existed mean softmax, except those of one model. */
function withGatingOfLite(reader: MetadataReader, hp: Hyperparameters): Hyperparameters {
  const layers = allLayers(hp);
  const isGlm47Lite = (layers === 47 || layers === 48) && hp.vocabularySize === 154880;
  if (!isGlm47Lite || reader.integer('expert_gating_func', 0) !== 0) return hp;
  return { ...hp, experts: { ...hp.experts!, gating: 'sigmoid' } };
}

/**
 * The factor of the scores. With YaRN it contains the attention factors of queries and keys, hence the square.
 */
export function attentionScale(rope: RopeHyperparameters, fullKeyLength: number): number {
  const stretch = Math.log(1 / rope.freqScale);
  const original = attentionFactor(rope) * (1 + 0.1 * stretch);
  const factor = original * (1 + 0.1 * rope.logMultiplier * stretch);
  return (factor * factor) / Math.sqrt(fullKeyLength);
}

const HEADS: LatentOptions = {
  hasSplitHeads: true,
  labels: {
    lowQ: 'q',
    lowQNormed: 'q',
    q: 'q',
    directQ: 'q',
    both: 'kv_cmpr_pe',
    compressed: 'kv_cmpr',
    turnedK: 'k_pe',
    plainQ: 'q_nope',
    turnedQ: 'q_pe',
    permutedQ: 'q_nope_perm',
    absorbed: 'q_nope_absorbed',
    absorbedPermuted: 'q_nope_absorbed_perm',
    plainK: 'k_nope_view',
    valueView: 'Vcur_view',
    valueCopy: 'Vcur_cont',
    query: 'Qcur',
    key: 'Kcur',
    value: 'Vcur',
  },
};

function latentAttention(m: ModelBuilder<LatentHyperparameters>, inputs: DecoderInputs): Block<LatentHyperparameters> {
  if (!m.hp.attention.isLatent) return (s, x) => attendDecompressed(s, inputs.attention, inputs, x, HEADS);
  const access = latentAccess(m);
  return (s, x) => attendCompressed(s, access, inputs, x, HEADS);
}

/** Attention of a layer that predicts further tokens: only on compressed rows, and without an indexer. */
export function predictingAttention(
  m: ModelBuilder<LatentHyperparameters>,
  inputs: DecoderInputs,
): Block<LatentHyperparameters> {
  const access = latentAccess(m);
  return (s, x) => attendCompressed(s, access, inputs, x, { ...HEADS, hasSplitHeads: false });
}

/** @throws PlannerError `BAD_MODEL` if the layer is of a kind that llama.cpp does not run by itself */
function requireLatent({ hp }: Layer<LatentHyperparameters>): void {
  const { isLatent, temperature } = hp.attention;
  const [key, value, limit] = !isLatent
    ? ['attention.key_length_mla', 0, 'at least 1']
    : hp.queryRank === 0
      ? ['attention.q_lora_rank', 0, 'at least 1']
      : ['attention.temperature_scale', temperature, '0'];
  if (isLatent && hp.queryRank > 0 && temperature === 0) return;
  throw new PlannerError('BAD_MODEL', {
    message: `${named(key)} is ${value}, but must be ${limit} for a context of the layer that predicts further tokens.`,
    culprit: key,
    value,
    limit,
    remedy: 'Leave the option `contextType` out.',
  });
}
