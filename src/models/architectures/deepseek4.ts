/**
 * DeepSeek-V4: a window everywhere, compressed rows of the past beside it in most layers, a residual of several lanes,
 * and experts that are looked up by the token in the first layers.
 */
import type { RopeOptions } from '../../dialects/ggml/ops/attention.js';
import type { Tensor } from '../../tensor/tensor.js';
import {
  attendCompressedRows,
  chosenRows,
  windowAccess,
  type SeenRows,
  type WindowAccess,
} from '../blocks/compressed-attention.js';
import {
  askForCompressor,
  compress,
  compressorInputs,
  type CompressorInputs,
  type CompressorKind,
} from '../blocks/compressor.js';
import {
  concludeLanes,
  joinLanes,
  mixLanes,
  spreadLanes,
  type HyperConnectionHyperparameters,
} from '../blocks/hyper-connections.js';
import { finalNorm, tokenIds } from '../blocks/inputs.js';
import { product } from '../blocks/linear.js';
import { mixture, type MixtureRecipe } from '../blocks/mixture.js';
import { norm } from '../blocks/norm.js';
import { OVERLAPPING_RATIO, WHOLE_RATIO } from '../compression.js';
import { decoder } from '../decoder/decoder.js';
import type { Block, DecoderInputs } from '../decoder/recipe.js';
import { withGateLimits } from '../gate-limits.js';
import { withAttention, withHeads, type Hyperparameters } from '../hyperparameters.js';
import { readIndexer } from '../indexers.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';

interface DeepSeek4Hyperparameters extends HyperConnectionHyperparameters {
  readonly queryRank: number;
  /** Groups of heads that are projected by matrices of their own. */
  readonly outputGroups: number;
  readonly outputRank: number;
  /** Base of the frequencies in layers that compress. */
  readonly compressedFreqBase: number;
  /** Layers at the beginning whose experts follow from the token. */
  readonly hashLayers: number;
}

const EXPERTS: MixtureRecipe = {
  isRequired: true,
  length: 'own',
  gating: 'sqrt-softplus',
  isNormalised: 'read',
  readsScale: true,
  selectionBias: 'required',
  shared: { length: 'counted' },
};

export const deepseek4 = decoder<DeepSeek4Hyperparameters>({
  headRules: null,
  window: {},
  experts: EXPERTS,
  layer: lanesLayer,
  begin: (m, x) => m.top.named(spreadLanes(m.top, x), 'hc_init'),
  conclude: (m, x, { wanted }) => finalNorm(m, concludeLanes(m, x, wanted)),
  output: { weights: 'required', product: 'plain' },
  predicts: 'cached',
  graphRoom: { perToken: 40, perWeight: 32 },
  adjust: readNumbers,
});

/** The only number of lanes that there are kernels for. */
const LANES = 4;
const SQRT_SOFTPLUS = 4;

function readNumbers(plain: Hyperparameters, reader: MetadataReader): DeepSeek4Hyperparameters {
  const present = withAttention(withPresentLayers(plain, reader), { isLatent: true });
  const hp = withGateLimits(reader, present, 'gate');
  reader.numberPerLayer('swiglu_clamp_exp', hp.attention.layers.length);
  const { others, experts: limits } = hp.gateLimits!;
  const [heads] = hp.attention.layers;
  const { keyLength, valueLength, kvHeadCount, ropeLength, headCount } = heads;
  if (kvHeadCount !== 1) reader.refuse('attention.head_count_kv', '1 in this architecture');
  if (keyLength !== valueLength) reader.refuse('attention.value_length', `${keyLength}, the length of a key`);
  if (keyLength < ropeLength) reader.refuse('rope.dimension_count', `at most ${keyLength}, the length of a key`);
  if (reader.integer('expert_gating_func') !== SQRT_SOFTPLUS) {
    reader.refuse('expert_gating_func', `${SQRT_SOFTPLUS}, the root of softplus`);
  }
  reader.number('expert_weights_scale');
  reader.flag('expert_weights_norm');
  const lanes = reader.integer('hyper_connection.count');
  if (lanes !== LANES) reader.refuse('hyper_connection.count', `${LANES}`);
  const outputGroups = reader.positive('attention.output_group_count');
  if (headCount % outputGroups !== 0) reader.refuse('attention.output_group_count', `a divisor of ${headCount}`);
  return {
    ...hp,
    gateLimits: { ...hp.gateLimits!, others: reader.has('swiglu_clamp_shexp') ? others : limits },
    compression: { ratios: readRatios(reader, hp) },
    indexer: readIndexer(
      reader,
      ropeLength,
      hp.attention.layers.map(() => false),
    ),
    queryRank: reader.positive('attention.q_lora_rank'),
    outputGroups,
    outputRank: reader.positive('attention.output_lora_rank'),
    compressedFreqBase: reader.number('attention.compress_rope_freq_base'),
    hashLayers: reader.integer('hash_layer_count'),
    lanes,
    laneEpsilon: reader.number('hyper_connection.epsilon'),
    laneIterations: reader.positive('hyper_connection.sinkhorn_iterations'),
  };
}

/** Where the file lacks the layers that predict further tokens, it does not count them. */
function withPresentLayers(hp: Hyperparameters, reader: MetadataReader): Hyperparameters {
  const [first] = hp.attention.layers;
  const { layerCount, predictLayerCount } = hp;
  const alike = withHeads(hp, (_, cacheLayer) => ({ ...first, cacheLayer }));
  if (reader.hasTensor(`blk.${layerCount}.nextn.eh_proj.weight`)) return alike;
  return { ...alike, layerCount: layerCount + predictLayerCount, predictLayerCount: 0 };
}

function readRatios(reader: MetadataReader, { attention: { layers } }: Hyperparameters): readonly number[] {
  const key = 'attention.compress_ratios';
  const ratios = (reader.integers(key) ?? []).slice(0, layers.length);
  const isKnown = ratios.every((ratio) => [0, OVERLAPPING_RATIO, WHOLE_RATIO].includes(ratio));
  if (ratios.length === layers.length && isKnown) return ratios;
  return reader.refuse(key, `0, ${OVERLAPPING_RATIO} or ${WHOLE_RATIO} for each of ${layers.length} layers`);
}

/** The kinds of compressed rows. */
function kindsOf({ attention, indexer }: Hyperparameters): Readonly<Record<'csa' | 'hca' | 'lid', CompressorKind>> {
  const [{ keyLength: length }] = attention.layers;
  const own = { weights: 'attn_compressor', length } as const;
  const few = { ratio: OVERLAPPING_RATIO, isOverlapping: true };
  return {
    csa: { name: 'csa', ...own, ...few },
    hca: { name: 'hca', ...own, ratio: WHOLE_RATIO, isOverlapping: false },
    lid: { name: 'lid', weights: 'indexer_compressor', length: indexer!.keyLength, ...few },
  };
}

/** The inputs of all layers. */
interface Inputs {
  readonly positions: Tensor;
  readonly window: WindowAccess;
  readonly compressors: Readonly<Record<'csa' | 'hca' | 'lid', CompressorInputs>>;
}

function lanesLayer(
  m: ModelBuilder<DeepSeek4Hyperparameters>,
  { positions }: DecoderInputs,
): Block<DeepSeek4Hyperparameters> {
  const { overlapping, whole, indexer } = m.memory.compressed!;
  const kinds = kindsOf(m.hp);
  // llama.cpp takes keys as long as the indexer's for these.
  const isTurned = kinds.csa.length === kinds.lid.length;
  const inputs: Inputs = {
    positions,
    window: windowAccess(m, isTurned),
    compressors: {
      csa: compressorInputs(m, overlapping, kinds.csa, isTurned),
      hca: compressorInputs(m, whole, kinds.hca, isTurned),
      lid: compressorInputs(m, indexer, kinds.lid, true),
    },
  };
  m.top.expand(inputs.window.mask);
  return (s, x) => {
    const isPredicting = s.index >= s.hp.layerCount;
    return layer(s, isPredicting ? spreadLanes(s, x) : x, inputs);
  };
}

function layer(s: Layer<DeepSeek4Hyperparameters>, x: Tensor, inputs: Inputs): Tensor {
  const { ctx } = s;
  const before = mixLanes(s, 'attn', x);
  const attended = attention(s, s.named(norm(s, 'attn_norm', before.input), 'attn_norm'), inputs);
  const middle = s.named(joinLanes(s, attended, x, before), 'hc_attn_post');
  const after = mixLanes(s, 'ffn', middle);
  for (const part of [middle, after.post, after.comb]) s.expand(part);
  const ready = s.named(norm(s, 'ffn_norm', after.input), 'ffn_norm');
  const isHashed = s.index < s.hp.hashLayers;
  const { used } = s.hp.experts!;
  const chosen = isHashed
    ? ctx.getRows(s.weight('ffn_gate_tid2eid.weight', [used, s.hp.vocabularySize]), tokenIds(s.model))
    : undefined;
  const recipe: MixtureRecipe = isHashed ? { ...EXPERTS, selectionBias: 'none' } : EXPERTS;
  const fed = mixture(s, ready, recipe, undefined, chosen);
  return s.named(joinLanes(s, fed, middle, after), 'l_last');
}

function attention(s: Layer<DeepSeek4Hyperparameters>, x: Tensor, inputs: Inputs): Tensor {
  const turns = turnsOf(s);
  return attendWith(s, x, { positions: inputs.positions, turns }, (heads, queries) =>
    attendCompressedRows(s, inputs.window, heads, compressPast(s, x, queries, inputs, turns)),
  );
}

/** Queries of all heads, and the one key, which is the value, too. */
export type RowHeads = Readonly<Record<'q' | 'k', Tensor>>;

/** @param lookUp from the heads, and the compressed queries, to what each head has found */
export function attendWith(
  s: Layer<DeepSeek4Hyperparameters>,
  x: Tensor,
  { positions, turns }: { readonly positions: Tensor; readonly turns: RopeOptions },
  lookUp: (heads: RowHeads, queries: Tensor) => Tensor,
): Tensor {
  const { ctx, hp } = s;
  const { keyLength, ropeLength, headCount } = s.heads;
  const tokens = x.ne[1];
  const options = { ...turns, offset: keyLength - ropeLength };
  const compressed = s.named(product(s, 'attn_q_a', x, hp.queryRank), 'qr');
  const queries = s.named(norm(s, 'attn_q_a_norm', compressed), 'qr_norm');
  const raised = ctx.reshape(product(s, 'attn_q_b', queries, headCount * keyLength), [keyLength, headCount, tokens]);
  const evenQ = s.named(ctx.rmsNorm(raised, hp.norm.epsilon), 'q_norm');
  const q = s.named(ctx.rope(evenQ, positions, ropeLength, options), 'q');
  const row = norm(s, 'attn_kv_a_norm', product(s, 'attn_kv', x, keyLength));
  const evenK = s.named(ctx.reshape(row, [keyLength, 1, tokens]), 'kv_norm');
  const k = s.named(ctx.rope(evenK, positions, ropeLength, options), 'kv');
  const mixed = ctx.reshape(lookUp({ q, k }, queries), [keyLength, headCount, tokens]);
  return groupedOutput(s, s.named(ctx.ropeBack(mixed, positions, ropeLength, options), 'attn_derope'));
}

/** Layers that compress have a base of their own, and only they are stretched. */
function turnsOf({ hp, index }: Layer<DeepSeek4Hyperparameters>): RopeOptions {
  const { freqBase, freqScale, yarnShare, betaFast, betaSlow, originalContext } = hp.rope;
  if (hp.compression!.ratios[index] === 0) return { freqBase };
  return {
    freqBase: hp.compressedFreqBase,
    freqScale,
    originalContext,
    extFactor: yarnShare,
    attnFactor: yarnShare === 0 ? 1 : 1 / (1 + 0.1 * Math.log(1 / freqScale)),
    betaFast,
    betaSlow,
  };
}

/** Compresses the batch, and says which rows the layer sees; null: none. */
function compressPast(
  s: Layer<DeepSeek4Hyperparameters>,
  x: Tensor,
  queries: Tensor,
  { positions, compressors }: Inputs,
  turns: RopeOptions,
): SeenRows | null {
  const { csa, hca, lid } = compressors;
  const kinds = kindsOf(s.hp);
  const ratio = s.hp.compression!.ratios[s.index];
  if (ratio === 0) return null;
  if (s.index >= s.hp.layerCount) {
    askForCompressor(s, ratio === WHOLE_RATIO ? kinds.hca : kinds.csa);
    if (ratio === OVERLAPPING_RATIO) askForRowIndexer(s, kinds.lid);
    return null;
  }
  if (ratio === WHOLE_RATIO) {
    compress(s, kinds.hca, hca, x, turns);
    return { kind: 'hca', inputs: hca, mask: () => hca.mask };
  }
  compress(s, kinds.csa, csa, x, turns);
  compress(s, kinds.lid, lid, x, turns);
  return { kind: 'csa', inputs: csa, mask: () => chosenRows(s, csa, lid, { x, queries, positions, turns }) };
}

function askForRowIndexer(s: Layer<DeepSeek4Hyperparameters>, kind: CompressorKind): void {
  const { headCount, keyLength } = s.hp.indexer!;
  askForCompressor(s, kind);
  s.weight('indexer.proj.weight', [s.hp.embeddingLength, headCount]);
  s.weight('indexer.attn_q_b.weight', [s.hp.queryRank, headCount * keyLength]);
}

/** Each group of heads is projected to a short row, and all of these to the embedding. */
function groupedOutput(s: Layer<DeepSeek4Hyperparameters>, heads: Tensor): Tensor {
  const { ctx, hp } = s;
  const { outputGroups, outputRank } = hp;
  const [length, count, tokens] = heads.ne;
  const groupLength = (length * count) / outputGroups;
  const byGroup = ctx.permute(ctx.reshape(heads, [groupLength, outputGroups, tokens]), [0, 2, 1, 3]);
  const first = s.weight('attn_output_a.weight', [groupLength, outputRank, outputGroups]);
  const short = s.named(ctx.mulMat(first, byGroup), 'attn_wo_a');
  const rows = ctx.cont(ctx.permute(short, [0, 2, 1, 3]), [outputRank * outputGroups, tokens]);
  return s.named(product(s, 'attn_output_b', rows, hp.embeddingLength), 'attn_out');
}
