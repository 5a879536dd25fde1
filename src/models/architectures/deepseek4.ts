/**
 * DeepSeek-V4: a window everywhere, compressed rows of the past beside it in most layers, a residual of several lanes,
 * and experts that are looked up by the token in the first layers.
 */
import type { RopeOptions } from '../../dialects/ggml/ops/attention.js';
import { named } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import {
  attendCompressedRows,
  attendWindow,
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
  flatLanes,
  headOfLanes,
  joinLanes,
  mixLanes,
  spreadLanes,
} from '../blocks/hyper-connections.js';
import { finalNorm, tokenIds } from '../blocks/inputs.js';
import { linear, product } from '../blocks/linear.js';
import { mixture, type MixtureRecipe } from '../blocks/mixture.js';
import { norm } from '../blocks/norm.js';
import { OVERLAPPING_RATIO, WHOLE_RATIO } from '../compression.js';
import { decoder } from '../decoder/decoder.js';
import type { Block, DecoderInputs } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import { badTensor } from '../weights.js';
import { readDeepSeek4, type DeepSeek4Hyperparameters } from './deepseek4-numbers.js';

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
  prediction: {
    layer: predictingLayer,
    join: joinInLanes,
    keepsWantedAfter: 'layer',
    conclude: (s, kept) => headOfLanes(s.model, kept),
    givesEmbeddings: true,
    check: requirePlainLayer,
  },
  hasSnapshots: true,
  graphRoom: { perToken: 40, perWeight: 32 },
  adjust: readDeepSeek4,
});

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

/** The embedding of the guess, and each lane of what the model said of it, side by side in every lane. */
function joinInLanes(s: Layer<DeepSeek4Hyperparameters>, embedded: Tensor, result: Tensor): Tensor {
  const { ctx, hp } = s;
  const lanes = ctx.reshape(result, [hp.embeddingLength, hp.lanes, result.ne[1]]);
  const even = s.named(spreadLanes(s, norm(s, 'nextn.enorm', embedded)), 'mtp_enorm');
  const both = s.named(ctx.concat(even, s.named(norm(s, 'nextn.hnorm', lanes), 'mtp_hnorm'), 0), 'mtp_concat');
  return s.named(linear(s, 'nextn.eh_proj', both, hp.embeddingLength), 'mtp_eh_proj');
}

/** The layer that predicts further tokens looks back at the window alone. */
function predictingLayer(
  m: ModelBuilder<DeepSeek4Hyperparameters>,
  { positions }: DecoderInputs,
): Block<DeepSeek4Hyperparameters> {
  const window = windowAccess(m, false);
  return (s, x) => {
    const before = mixLanes(s, 'attn', x);
    const normed = s.named(norm(s, 'attn_norm', before.input), 'attn_norm');
    const turns = { freqBase: s.hp.rope.freqBase };
    const attended = attendWith(s, normed, { positions, turns }, (heads) => attendWindow(s, window, heads));
    const middle = s.named(joinLanes(s, attended, x, before), 'hc_attn_post');
    const after = mixLanes(s, 'ffn', middle);
    const fed = mixture(s, s.named(norm(s, 'ffn_norm', after.input), 'ffn_norm'), EXPERTS);
    return flatLanes(s, s.named(joinLanes(s, fed, middle, after), 'l_last'));
  };
}

/** @throws PlannerError `BAD_MODEL` if the layer is of a kind that llama.cpp does not run by itself */
function requirePlainLayer(s: Layer<DeepSeek4Hyperparameters>): void {
  const name = `blk.${s.index}.attn_compressor_kv.weight`;
  if (s.listedShape('attn_compressor_kv.weight') !== null) {
    const message = `${named(name)} is in the file, but a layer that predicts further tokens runs without it.`;
    throw badTensor(message, name, 'in the file', 'missing, for a context of that layer');
  }
  s.weight('exp_probs_b.bias', [s.hp.experts!.count]);
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
