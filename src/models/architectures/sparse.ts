/**
 * DeepSeek-V3.2 and its kin: latent attention over the tokens that an indexer chooses.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { projectOutput } from '../blocks/attention.js';
import { askForIndexer, chooseTokens, indexerAccess, onlyChosen, type IndexerOptions } from '../blocks/indexer.js';
import type { MixtureRecipe } from '../blocks/mixture.js';
import {
  attendRows,
  compressedHeads,
  compressedQueries,
  rowAccess,
  type SparseLatentHyperparameters,
} from '../blocks/sparse-latent-attention.js';
import { decoder } from '../decoder/decoder.js';
import type { BlockMaker, DecoderRecipe } from '../decoder/recipe.js';
import { withAttention, type Hyperparameters } from '../hyperparameters.js';
import { readIndexer } from '../indexers.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Presence } from '../presence.js';
import { attentionScale, predictingAttention, STATED_EXPERTS } from './deepseek.js';

/** Unlike V3, a file may hold scales of the matrices of its networks, as files in NVFP4 do. */
export const SCALED_EXPERTS: MixtureRecipe = {
  ...STATED_EXPERTS,
  isScaled: true,
  shared: { length: 'counted', network: { isScaled: true } },
};

const SPARSE = {
  headRules: null,
  feedForward: { isScaled: true },
  experts: SCALED_EXPERTS,
  output: { product: 'plain' },
  predicts: 'uncached',
  prediction: { layer: { attention: predictingAttention } },
  predictTensors: 'all-or-none',
} satisfies DecoderRecipe<SparseLatentHyperparameters>;

/** llama.cpp's own epsilon for the norms of the indexers' keys. */
export const KEY_NORM = { kind: 'layer', bias: 'required', epsilon: 1e-6 } as const;

/** DeepSeek-V3.2: an indexer in every layer. */
export const deepseek32 = decoder<SparseLatentHyperparameters>({
  ...SPARSE,
  attention: sparseAttention({ mode: 'neox', keyNorm: KEY_NORM }, 'required'),
  adjust: (hp, reader) => {
    const logMultiplier = reader.number('rope.scaling.yarn_log_multiplier', 0) / 0.1;
    const layers = hp.attention.layers.map((_, layer) => layer < hp.layerCount);
    return readSparse({ ...hp, rope: { ...hp.rope, logMultiplier } }, reader, layers);
  },
});

/** From this context on, files are of GLM 5.2, where one layer of four has an indexer. */
const GLM_52_CONTEXT = 1048576;
const GLM_52_LAYERS = 78;

/** GLM 5: layers without an indexer see the tokens that the one before them chose. */
export const glmDsa = decoder<SparseLatentHyperparameters>({
  ...SPARSE,
  experts: { ...SCALED_EXPERTS, gating: { ifUnsaid: 'sigmoid' } },
  attention: sparseAttention(
    { mode: 'normal', keyNorm: { kind: 'layer', weight: 'optional', bias: 'optional', epsilon: 0 } },
    'optional',
  ),
  adjust: (hp, reader) => {
    const isShared = (layer: number): boolean => layer >= GLM_52_LAYERS || (layer > 2 && (layer - 2) % 4 !== 0);
    const usual = hp.attention.layers.map((_, layer) => hp.contextLength < GLM_52_CONTEXT || !isShared(layer));
    const key = 'attention.indexer.types';
    const own = reader.has(key) ? reader.perLayer(key, hp.layerCount).map((flag) => flag !== 0) : usual;
    const layers = usual.map((_, layer) => layer < hp.layerCount && own[layer]);
    if (!layers[0]) reader.refuse(key, 'a list that begins with a layer that has an indexer of its own');
    return readSparse(hp, reader, layers);
  },
});

/** @param unused which tensors of an indexer the layers have that predict further tokens, which do not run it */
function sparseAttention(options: IndexerOptions, unused: Presence): BlockMaker<SparseLatentHyperparameters> {
  return (m, { positions }) => {
    const rows = rowAccess(m, m.memory.kv!.full);
    const indexer = indexerAccess(m);
    let chosen: Tensor | null = null;
    return (s, x) => {
      const queries = compressedQueries(s, x);
      const inputs = { positions, x, queries };
      if (s.hp.indexer!.layers[s.index]) chosen = chooseTokens(s, indexer, inputs, options);
      else askForIndexer(s, s.hp.queryRank, s.index < s.hp.layerCount ? 'optional' : unused);
      // Layers that share a choice rename it.
      if (chosen !== null) s.named(chosen, 'top_k');
      const heads = compressedHeads(s, s.hp, inputs);
      const maskOf = (): Tensor => (chosen === null ? rows.mask : onlyChosen(s, rows.mask, chosen, 'f32'));
      return projectOutput(s, attendRows(s, s.hp, rows, heads, maskOf), { scale: 1 });
    };
  };
}

function readSparse(
  hp: Hyperparameters,
  reader: MetadataReader,
  layers: readonly boolean[],
): SparseLatentHyperparameters {
  const [{ keyLength, kvHeadCount, ropeLength }] = hp.attention.layers;
  const fullKeyLength = reader.positive('attention.key_length_mla');
  if (fullKeyLength <= ropeLength) reader.refuse('rope.dimension_count', 'less than the length of a head’s key');
  const kvRank = reader.positive('attention.kv_lora_rank');
  if (kvHeadCount !== 1) reader.refuse('attention.head_count_kv', '1 in this kind of file');
  const row = kvRank + ropeLength;
  if (keyLength !== row) reader.refuse('attention.key_length', `${row}, the length of a cached row`);
  return {
    ...withAttention(hp, { isLatent: true }),
    indexer: readIndexer(reader, ropeLength, layers),
    fullKeyLength,
    fullValueLength: reader.positive('attention.value_length_mla'),
    queryRank: reader.positive('attention.q_lora_rank'),
    kvRank,
    attentionScale: attentionScale(hp.rope, fullKeyLength),
  };
}
