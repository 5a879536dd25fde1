/**
 * The numbers that describe a model, as all architectures share them.
 *
 * Invariant: names and defaults are those of llama.cpp's `load_hparams`; lengths count elements.
 */
import { PlannerError } from '../errors.js';
import type { RopeMode, RopeOptions } from '../graph/ops/attention.js';
import type { MetadataReader } from './metadata-reader.js';
import { readRope } from './rope-scaling.js';
import type { StateLengths } from './state-cache.js';

/** Layers that look back at a limited number of tokens only. */
export interface SlidingWindow {
  readonly tokens: number;
  /** Per layer, whether it is limited. */
  readonly layers: readonly boolean[];
}

export interface Hyperparameters {
  /** Tokens that the model was trained on. */
  readonly contextLength: number;
  readonly embeddingLength: number;
  readonly vocabularySize: number;
  /** Layers that a token goes through. */
  readonly layerCount: number;
  /** Layers that the cache has room for: more than `layerCount` if the file predicts several tokens. */
  readonly cachedLayerCount: number;
  /** Per layer. */
  readonly feedForwardLengths: readonly number[];
  /** Per layer. */
  readonly headCounts: readonly number[];
  /** Per layer. */
  readonly kvHeadCounts: readonly number[];
  /** Elements of a head's keys and queries. */
  readonly keyLength: number;
  readonly valueLength: number;
  /** Elements of a head that turn with the position. */
  readonly ropeLength: number;
  readonly rope: RopeOptions;
  /** Tokens that the model was trained on before its context was stretched. */
  readonly originalContextLength: number;
  readonly normEpsilon: number;
  /** Whether a token sees only those before it. */
  readonly isCausal: boolean;
  readonly slidingWindow: SlidingWindow | null;
  /** Whether keys and values share one compressed cache (multi-head latent attention). */
  readonly isLatent: boolean;
  /** Of recurrent models, which have no cache of keys and values. */
  readonly stateLengths: StateLengths | null;
  /** Limit that attention scores approach; 0: none. */
  readonly attentionSoftcap: number;
}

/** What most architectures have in common. @throws PlannerError `BAD_MODEL` */
export function readHyperparameters(reader: MetadataReader): Hyperparameters {
  const layerCount = reader.layerCount();
  const embeddingLength = reader.positive('embedding_length');
  const zeros = new Array<number>(layerCount).fill(0);
  const headCounts = reader.perLayer('attention.head_count', layerCount, zeros);
  const headLength = headCounts[0] === 0 ? 0 : Math.floor(embeddingLength / headCounts[0]);
  const keyLength = reader.integer('attention.key_length', headLength);
  const contextLength = reader.positive('context_length');
  return {
    contextLength,
    embeddingLength,
    vocabularySize: reader.vocabularySize(),
    layerCount,
    cachedLayerCount: layerCount,
    feedForwardLengths: reader.perLayer('feed_forward_length', layerCount, zeros),
    headCounts,
    kvHeadCounts: reader.perLayer('attention.head_count_kv', layerCount, headCounts),
    keyLength,
    valueLength: reader.integer('attention.value_length', headLength),
    ropeLength: reader.integer('rope.dimension_count', keyLength),
    rope: readRope(reader, contextLength),
    originalContextLength: reader.integer('rope.scaling.original_context_length', contextLength),
    normEpsilon: 0,
    isCausal: reader.flag('attention.causal', true),
    slidingWindow: null,
    isLatent: false,
    stateLengths: null,
    attentionSoftcap: 0,
  };
}

/**
 * As {@link readHyperparameters}, for models that normalise by the root mean square.
 *
 * @param mode how a head's elements are paired for rotation
 * @throws PlannerError `BAD_MODEL`
 */
export function readRmsHyperparameters(reader: MetadataReader, mode: RopeMode): Hyperparameters {
  const hp = readHyperparameters(reader);
  return { ...hp, normEpsilon: reader.number('attention.layer_norm_rms_epsilon'), rope: { ...hp.rope, mode } };
}

/**
 * The sliding window that a file names: of every `period` layers, all but the last have it; with a period of 0 all
 * have it (`set_swa_pattern`).
 *
 * @param defaults where the file is silent. A length that is left out is required
 * @throws PlannerError `BAD_MODEL`
 */
export function readWindow(reader: MetadataReader, defaults: { period: number; tokens?: number }): SlidingWindow {
  const key = 'attention.sliding_window_pattern';
  const period = reader.hasScalar(key) ? reader.integer(key) : defaults.period;
  const layers = Array.from({ length: reader.layerCount() }, (_, i) => period === 0 || i % period < period - 1);
  return { tokens: reader.integer('attention.sliding_window', defaults.tokens), layers };
}

/** Whether a layer sees a limited number of tokens only. */
export function isWindowed({ slidingWindow }: Hyperparameters, layer: number): boolean {
  return slidingWindow?.layers[layer] ?? false;
}

/** Architectures that turn whole heads, with keys as long as values. @throws PlannerError `BAD_MODEL` */
export function requireUniformHeads({ keyLength, valueLength, ropeLength }: Hyperparameters): void {
  if (keyLength === valueLength && keyLength === ropeLength && keyLength > 0) return;
  throw new PlannerError('BAD_MODEL', {
    culprit: 'head length',
    value: `${keyLength} for keys, ${valueLength} for values, ${ropeLength} for positions`,
    limit: 'one length above zero for all three in this architecture',
    remedy: 'Convert the model again with a current converter.',
  });
}
