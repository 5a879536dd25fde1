/**
 * The numbers that describe a model, as all architectures share them.
 *
 * Invariant: names and defaults are those of llama.cpp's `load_hparams`; lengths count elements.
 */
import { PlannerError } from '../errors.js';
import type { RopeMode, RopeOptions } from '../dialects/ggml/ops/attention.js';
import { readExperts, type ExpertHyperparameters } from './experts.js';
import type { MetadataReader } from './metadata-reader.js';
import { readRope, readScalingType } from './rope-scaling.js';
import type { StateLengths } from './state-cache.js';

/** Layers that look back at a limited number of tokens only. */
export interface SlidingWindow {
  readonly tokens: number;
  /** Per layer, whether it is limited. */
  readonly layers: readonly boolean[];
}

export interface Hyperparameters {
  /** Tokens that the model was trained on; 0 if the file does not say. */
  readonly contextLength: number;
  readonly embeddingLength: number;
  readonly vocabularySize: number;
  /** Layers that every token goes through. */
  readonly layerCount: number;
  /** Layers after these, which predict further tokens: they have a cache, but only a draft runs them. */
  readonly predictLayerCount: number;
  readonly feedForwardLength: number;
  readonly headCount: number;
  readonly kvHeadCount: number;
  /** Elements of a head's keys and queries. */
  readonly keyLength: number;
  readonly valueLength: number;
  /** Elements of a head that turn with the position. */
  readonly ropeLength: number;
  readonly rope: RopeOptions;
  /** Whether frequencies have divisors of their own for short and for long contexts. */
  readonly isLongRope: boolean;
  /** Tokens that the model was trained on before its context was stretched. */
  readonly originalContextLength: number;
  readonly normEpsilon: number;
  /** Whether a token sees only the tokens before it. */
  readonly isCausal: boolean;
  readonly slidingWindow: SlidingWindow | null;
  /** Whether keys and values share one compressed cache (multi-head latent attention). */
  readonly isLatent: boolean;
  /** Lengths of a recurrent model's state; null for models with a cache of keys and values. */
  readonly stateLengths: StateLengths | null;
  /** Limit that attention scores approach; 0: none. */
  readonly attentionSoftcap: number;
  /** Null if the file names none. An architecture without experts ignores them. */
  readonly experts: ExpertHyperparameters | null;
}

/** The numbers that most architectures have in common. @throws PlannerError `BAD_MODEL` */
export function readHyperparameters(reader: MetadataReader): Hyperparameters {
  const layerCount = reader.layerCount();
  const embeddingLength = reader.positive('embedding_length');
  const [headCount] = reader.perLayer('attention.head_count', layerCount, 0);
  const headLength = headCount === 0 ? 0 : Math.floor(embeddingLength / headCount);
  const keyLength = reader.integer('attention.key_length', headLength);
  checkUnusedKeys(reader);
  const contextLength = reader.integer('context_length');
  return {
    contextLength,
    embeddingLength,
    vocabularySize: reader.vocabularySize(),
    layerCount,
    predictLayerCount: 0,
    feedForwardLength: reader.perLayer('feed_forward_length', layerCount, 0)[0],
    headCount,
    kvHeadCount: readKvHeadCount(reader, layerCount),
    keyLength,
    valueLength: reader.integer('attention.value_length', headLength),
    ropeLength: reader.integer('rope.dimension_count', keyLength),
    rope: readRope(reader, contextLength),
    isLongRope: readScalingType(reader) === 'longrope',
    originalContextLength: reader.integer('rope.scaling.original_context_length', contextLength),
    normEpsilon: 0,
    isCausal: reader.flag('attention.causal', true),
    slidingWindow: null,
    isLatent: false,
    stateLengths: null,
    attentionSoftcap: 0,
    experts: readExperts(reader),
  };
}

/**
 * Checks the keys that llama.cpp reads of every model, and refuses in another type, although most models do not use
 * them.
 */
function checkUnusedKeys(reader: MetadataReader): void {
  for (const length of ['key_length', 'value_length']) reader.integer(`attention.${length}_swa`, 0);
  for (const key of ['rope.dimension_count_swa', 'embedding_length_out', 'pooling_type']) reader.integer(key, 0);
  reader.number('rope.scaling.alpha', 0);
  reader.flag('rope.scaling.finetuned', false);
}

/**
 * The number of key heads, which must be the same for all layers: the cache would follow a list, but the matrices of
 * our architectures follow its first entry. Mamba has neither.
 */
function readKvHeadCount(reader: MetadataReader, layerCount: number): number {
  const key = reader.has('attention.head_count_kv') ? 'attention.head_count_kv' : 'attention.head_count';
  const counts = reader.perLayer(key, layerCount, 0);
  const isUsed = reader.architecture !== 'mamba';
  if (isUsed && counts.some((count) => count !== counts[0]))
    reader.refuse(key, 'the same for all layers in this architecture');
  return counts[0];
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
 * The sliding window that a file names: of every `period` layers, all but the last have the window; with a period of 0,
 * all layers have it (`set_swa_pattern`).
 *
 * @param defaults values for keys that the file lacks. If `tokens` is left out, the file must have its key
 * @throws PlannerError `BAD_MODEL`
 */
export function readWindow(reader: MetadataReader, defaults: { period: number; tokens?: number }): SlidingWindow {
  const key = 'attention.sliding_window_pattern';
  const period = reader.hasScalar(key) ? reader.integer(key) : defaults.period;
  const layers = Array.from({ length: reader.layerCount() }, (_, i) => period === 0 || i % period < period - 1);
  if (!layers.includes(true)) reader.refuse(key, 'a pattern with a sliding window in one layer at least');
  return { tokens: reader.integer('attention.sliding_window', defaults.tokens), layers };
}

/**
 * Gives some layers of a model a sliding window. Heads may have other lengths in layers with the window only if all
 * layers have it.
 *
 * @throws PlannerError `BAD_MODEL`
 */
export function withWindow<H extends Hyperparameters>(reader: MetadataReader, hp: H, slidingWindow: SlidingWindow): H {
  const [isFirst] = slidingWindow.layers;
  const isMixed = slidingWindow.layers.some((isWindowed) => isWindowed !== isFirst);
  const length = (key: string, full: number): number => {
    const windowed = reader.integer(key, full);
    if (isMixed && windowed !== full) reader.refuse(key, `${full}, as in layers without a sliding window`);
    return isFirst ? windowed : full;
  };
  return {
    ...hp,
    slidingWindow,
    keyLength: length('attention.key_length_swa', hp.keyLength),
    valueLength: length('attention.value_length_swa', hp.valueLength),
    ropeLength: isFirst ? reader.integer('rope.dimension_count_swa', hp.ropeLength) : hp.ropeLength,
  };
}

/** Whether a layer sees a limited number of tokens only. */
export function isWindowed({ slidingWindow }: Hyperparameters, layer: number): boolean {
  return slidingWindow?.layers[layer] ?? false;
}

/** Rules for the lengths of an architecture's heads, besides the rule that keys are as long as values. */
export interface HeadRules {
  /** Whether the whole head turns with the position. */
  readonly isTurnedWhole?: boolean;
  /** Whether all heads together are as wide as the embedding. */
  readonly isAsWideAsEmbedding?: boolean;
}

/**
 * Checks that keys are as long as values, and that heads form equal groups that share them. @throws PlannerError
 * `BAD_MODEL`
 */
export function requireHeads(hp: Hyperparameters, { isTurnedWhole, isAsWideAsEmbedding }: HeadRules = {}): void {
  const { keyLength, valueLength, ropeLength, headCount, kvHeadCount, embeddingLength } = hp;
  const value = `${keyLength} for keys, ${valueLength} for values, ${ropeLength} for positions`;
  const found = `The head length is ${value}, but must be`;
  if (keyLength !== valueLength || keyLength === 0) {
    const limit = 'one length above zero for keys and values in this architecture';
    throw badHeads(`${found} ${limit}.`, 'head length', value, limit);
  }
  if (isTurnedWhole && keyLength !== ropeLength) {
    const limit = 'one length for all three in this architecture';
    throw badHeads(`${found} ${limit}.`, 'head length', value, limit);
  }
  if (isAsWideAsEmbedding && keyLength * headCount !== embeddingLength) {
    const limit = `${embeddingLength}, the length of the embedding, in this architecture`;
    const all = `${headCount} × ${keyLength}`;
    throw badHeads(`The length of all heads is ${all}, but must be ${limit}.`, 'length of all heads', all, limit);
  }
  if (kvHeadCount === 0 || headCount % kvHeadCount !== 0) {
    throw badHeads(
      `The number of heads is ${headCount}, which is no multiple of the ${kvHeadCount} for keys and values.`,
      'number of heads',
      `${headCount}, and ${kvHeadCount} for keys and values`,
      'a multiple of the latter',
    );
  }
}

function badHeads(message: string, culprit: string, value: string, limit: string): PlannerError {
  const remedy = 'Convert the model again with a current converter.';
  return new PlannerError('BAD_MODEL', { message, culprit, value, limit, remedy });
}
