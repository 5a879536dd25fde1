/**
 * The numbers that describe a model, as all architectures share them.
 *
 * Invariant: names and defaults are those of llama.cpp's `load_hparams`; lengths count elements.
 */
import type { NormHyperparameters } from './norm-recipe.js';
import { readPooling, type Pooling } from './pooling.js';
import type { GateLimits } from './gate-limits.js';
import { readExperts, type ExpertHyperparameters } from './experts.js';
import type { MetadataReader } from './metadata-reader.js';
import type { Presence } from './presence.js';
import { readRope, type RopeHyperparameters } from './rope-scaling.js';
import type { CompressionHyperparameters } from './compression.js';
import type { IndexerHyperparameters } from './indexers.js';
import type { StateHyperparameters, StateLengths } from './memory/state-cache.js';

/** The heads of one layer. */
export interface LayerHeads {
  readonly headCount: number;
  readonly kvHeadCount: number;
  /** Elements of a head's keys and queries. */
  readonly keyLength: number;
  readonly valueLength: number;
  /** Elements of a head that turn with the position. */
  readonly ropeLength: number;
  /** Whether the layer looks back at a limited number of tokens only. */
  readonly isWindowed: boolean;
  /** The layer whose cached keys and values this layer reads: most often its own; null: none. */
  readonly cacheLayer: number | null;
}

/** A matrix, which a file may lack, that the embedding of a text goes through. */
export interface Projection {
  /** Name of the weights without `.weight`. */
  readonly part: string;
  /** Elements before and after. */
  readonly ne: readonly [number, number];
  /** Default: none. */
  readonly bias?: Presence;
}

export interface AttentionHyperparameters {
  /** Every layer of the file, those that predict further tokens included. */
  readonly layers: readonly LayerHeads[];
  /** Tokens that layers with a sliding window look back at; null: no layer has a window. */
  readonly window: number | null;
  /** Whether keys and values share one compressed cache (multi-head latent attention). */
  readonly isLatent: boolean;
  /** Whether tokens look at cached keys and values; if not, at those of their batch. */
  readonly readsCache: boolean;
  /** Whether attention can be computed without writing its scores to memory; if not, it is not, whatever is asked for. */
  readonly hasFlash: boolean;
  /** Factor of the scores; 0: one over the square root of the key's length. */
  readonly scale: number;
  /** Limit that scores approach; 0: none. */
  readonly softcap: number;
  /** Steepest slope by which scores fall with the distance (ALiBi); 0: none. */
  readonly alibiBias: number;
  /** Limit that queries, keys and values are cut to; 0: none. */
  readonly clamp: number;
  /** How fast attention cools with the position; 0: it doesn't. */
  readonly temperature: number;
}

export interface Hyperparameters {
  /** Tokens that the model was trained on; 0 if the file does not say. */
  readonly contextLength: number;
  readonly embeddingLength: number;
  readonly vocabularySize: number;
  /** Layers that every token goes through. */
  readonly layerCount: number;
  /** Layers after these, which predict further tokens: only a draft runs them. */
  readonly predictLayerCount: number;
  readonly norm: NormHyperparameters;
  readonly rope: RopeHyperparameters;
  readonly attention: AttentionHyperparameters;
  /** Elements between up and down, of every layer of the file. */
  readonly feedForwardLengths: readonly number[];
  /** Null if the file names none. An architecture without experts ignores them. */
  readonly experts: ExpertHyperparameters | null;
  /** Limits of gated networks; null: none. */
  readonly gateLimits: GateLimits | null;
  /** How layers compress the past; null: not at all. */
  readonly compression: CompressionHyperparameters | null;
  /** The indexers of sparse attention; null for other models. */
  readonly indexer: IndexerHyperparameters | null;
  /** The state of a recurrent or hybrid model; null for others. */
  readonly state: StateHyperparameters | null;
  /** Whether llama.cpp takes snapshots of what a sequence keeps, so that it can go back some tokens. */
  readonly hasSnapshots: boolean;
  /** Whether a token sees only the tokens before it. */
  readonly isCausal: boolean;
  /** How the embeddings of a text's tokens become one; null: in a way that llama.cpp doesn't know. */
  readonly pooling: Pooling | null;
  /** Scores that a text gets of a model that classifies. */
  readonly classCount: number;
  /** Matrices that turn the embedding of a text into another, one after the other. */
  readonly projections: readonly Projection[];
  /** Whether an encoder runs ahead of the decoder: then all tokens of a batch are wanted. */
  readonly hasEncoder: boolean;
  /** Elements of the embedding that a run gives of a token. */
  readonly outputLength: number;
  /** Whether a run gives embeddings even if none are wanted. */
  readonly givesEmbeddings: boolean;
  /** Embeddings that the row of an image's part holds behind its first, each for one of the layers; 0: none. */
  readonly deepstackCount: number;
  /** Factor of the embeddings; 0: none. */
  readonly embeddingScale: number;
  /** Factor of what a layer adds; 0: none. */
  readonly residualScale: number;
  /** Factor of the vocabulary's scores; null: none. */
  readonly logitScale: number | null;
  /** Limit that the vocabulary's scores approach; 0: none. */
  readonly logitSoftcap: number;
}

/** The numbers that llama.cpp reads of every model. @throws PlannerError `BAD_MODEL` */
export function readHyperparameters(reader: MetadataReader): Hyperparameters {
  const layerCount = reader.layerCount();
  const embeddingLength = reader.positive('embedding_length');
  checkUnusedKeys(reader);
  const contextLength = reader.integer('context_length');
  return {
    contextLength,
    embeddingLength,
    vocabularySize: reader.vocabularySize(),
    layerCount,
    predictLayerCount: 0,
    norm: { kind: 'rms', epsilon: 0, weight: 'required', bias: 'none' },
    rope: readRope(reader, contextLength),
    attention: {
      layers: readHeads(reader, layerCount, embeddingLength),
      window: null,
      isLatent: false,
      readsCache: true,
      hasFlash: true,
      scale: 0,
      softcap: 0,
      alibiBias: 0,
      clamp: 0,
      temperature: 0,
    },
    feedForwardLengths: reader.perLayer('feed_forward_length', layerCount, 0),
    experts: readExperts(reader),
    gateLimits: null,
    compression: null,
    indexer: null,
    state: null,
    hasSnapshots: false,
    isCausal: reader.flag('attention.causal', true),
    pooling: readPooling(reader),
    classCount: reader.listLength('classifier.output_labels') || 1,
    projections: [],
    hasEncoder: false,
    outputLength: reader.integer('embedding_length_out', 0) || embeddingLength,
    givesEmbeddings: false,
    deepstackCount: 0,
    embeddingScale: 0,
    residualScale: 0,
    logitScale: null,
    logitSoftcap: 0,
  };
}

function readHeads(reader: MetadataReader, layerCount: number, embeddingLength: number): LayerHeads[] {
  const headCounts = reader.perLayer('attention.head_count', layerCount, 0);
  const key = reader.has('attention.head_count_kv') ? 'attention.head_count_kv' : 'attention.head_count';
  const kvHeadCounts = reader.perLayer(key, layerCount, 0);
  const [first] = headCounts;
  const headLength = first === 0 ? 0 : Math.floor(embeddingLength / first);
  // A file whose first layer has no heads gives no length of heads.
  const length = (key: string, fallback: number): number => (first === 0 ? 0 : reader.integer(key, fallback));
  const keyLength = length('attention.key_length', headLength);
  const valueLength = length('attention.value_length', headLength);
  const ropeLength = length('rope.dimension_count', keyLength);
  return headCounts.map((headCount, layer) => ({
    headCount,
    kvHeadCount: kvHeadCounts[layer],
    keyLength,
    valueLength,
    ropeLength,
    isWindowed: false,
    cacheLayer: layer,
  }));
}

/**
 * Checks the keys that llama.cpp reads of every model, and refuses in another type, although most models do not use
 * them.
 */
function checkUnusedKeys(reader: MetadataReader): void {
  for (const length of ['key_length', 'value_length']) reader.integer(`attention.${length}_swa`, 0);
  for (const key of ['rope.dimension_count_swa']) reader.integer(key, 0);
  reader.number('rope.scaling.alpha', 0);
  reader.flag('rope.scaling.finetuned', false);
}

/** A change of attention, the rest of the numbers as they are. */
export function withAttention<H extends Hyperparameters>(hp: H, changes: Partial<AttentionHyperparameters>): H {
  return { ...hp, attention: { ...hp.attention, ...changes } };
}

/** A change of every layer's heads. */
export function withHeads<H extends Hyperparameters>(
  hp: H,
  change: (heads: LayerHeads, layer: number) => Partial<LayerHeads>,
): H {
  const layers = hp.attention.layers.map((heads, layer) => ({ ...heads, ...change(heads, layer) }));
  return withAttention(hp, { layers });
}

/** The model with a cache in some layers only, of those that have one. */
export function withCachesIn<H extends Hyperparameters>(hp: H, hasCache: (layer: number) => boolean): H {
  return withHeads(hp, ({ cacheLayer }, layer) => ({ cacheLayer: hasCache(layer) ? cacheLayer : null }));
}

/** The model with the first layer's number of heads in all layers. */
export function withFirstHeadCount<H extends Hyperparameters>(hp: H): H {
  const [{ headCount }] = hp.attention.layers;
  return withHeads(hp, () => ({ headCount }));
}

/**
 * The model with numbers of heads that differ by layer, as the file lists them.
 *
 * @throws PlannerError `BAD_MODEL`
 */
export function withListedHeadCounts<H extends Hyperparameters>(reader: MetadataReader, hp: H): H {
  const counts = reader.perLayer('attention.head_count', hp.attention.layers.length, 0);
  return withHeads(hp, (_, layer) => ({ headCount: counts[layer] }));
}

/**
 * The model with a state in some layers, which have no cache then.
 *
 * @param hasState default: in layers without heads for keys and values
 */
export function withStates<H extends Hyperparameters>(
  hp: H,
  lengths: StateLengths,
  hasState = (layer: number): boolean => hp.attention.layers[layer].kvHeadCount === 0,
): H {
  const layers = hp.attention.layers.map((_, layer) => hasState(layer));
  return { ...withCachesIn(hp, (layer) => !layers[layer]), state: { lengths, layers } };
}

/**
 * The model without the layers at its end that predict further tokens, which the file counts among its layers.
 *
 * @throws PlannerError `BAD_MODEL`
 */
export function withPredictLayers<H extends Hyperparameters>(reader: MetadataReader, hp: H): H {
  const predictLayerCount = reader.integer('nextn_predict_layers', 0);
  if (predictLayerCount >= hp.layerCount) {
    reader.refuse('nextn_predict_layers', `less than ${hp.layerCount}, the number of all layers`);
  }
  return { ...hp, layerCount: hp.layerCount - predictLayerCount, predictLayerCount };
}
