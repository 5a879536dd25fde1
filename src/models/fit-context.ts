/**
 * The largest context that fits a memory budget, and the changes of other options that would make the wanted context
 * fit.
 *
 * Invariant: every configuration that is said to fit was measured as `measureModel` measures it. The search relies on
 * weights, cache and live bytes growing with the context, not on the sizes that the allocator reaches: see
 * `largest-fitting.ts`.
 */
import { checkOptions, PlannerError, wrongValue } from '../errors.js';
import type { Gguf } from '../gguf/types.js';
import { alignUp } from '../units.js';
import { equalTypes, nullIfRefused, smallerCaches } from './cache-choices.js';
import { configureIfCountable, openIfCountable, type ModelConfiguration } from './configuration.js';
import { largestFitting, type LargestFitting, type Need } from './largest-fitting.js';
import { MetadataReader } from './metadata-reader.js';
import { isRead, readModel, type Model, type ModelHeader, type ModelSource } from './model-graph.js';
import { CONTEXT_STEP, MODEL_OPTIONS, type ModelOptions, type ResolvedModelOptions } from './options.js';
import { measureWeights } from './weights.js';

/** One configuration that was tried. Sizes in bytes. */
export interface FitAttempt extends Omit<ModelConfiguration, 'compute' | 'total'> {
  /** Null if weights and context alone exceed the budget: the compute buffer was not worked out then. */
  readonly compute: number | null;
  readonly total: number | null;
  readonly fits: boolean;
}

/** A configuration that fits. */
export interface FittingConfiguration extends FitAttempt, ModelConfiguration {
  readonly compute: number;
  readonly total: number;
  readonly fits: true;
}

/** The configurations that fit a budget. */
export interface ContextFit {
  /** Bytes. */
  readonly budget: number;
  /** Bytes of the weights. If they alone exceed the budget, nothing fits, for any architecture. */
  readonly weights: number;
  /**
   * Whether any tried configuration fits. `tried[0].fits` says whether the wanted context fits with all options as
   * given.
   */
  readonly fits: boolean;
  /** Tokens of context that were asked for: `ctxSize`, or the tokens that the model was trained on. */
  readonly wantedContext: number;
  /** Tokens of one sequence. */
  readonly trainedContext: number;
  /**
   * The largest context that fits with all other options as given. Its length per sequence is at most the trained or
   * the wanted context, whichever is longer.
   */
  readonly largest: FittingConfiguration | null;
  /**
   * A context beyond {@link largest} that fits; few models can use so long a context. Null if there is none, or if
   * every context fits.
   */
  readonly beyondTraining: FittingConfiguration | null;
  /**
   * Whether every context fits that llama.cpp's options can name. That is common with recurrent models, whose state
   * does not grow.
   */
  readonly isUnlimited: boolean;
  /**
   * Whether every larger context is ruled out. If not, llama.cpp's allocator may need less for one of them.
   */
  readonly isProven: boolean;
  /** The wanted context with the largest physical batch that makes it fit, at most the batch size. */
  readonly largestUbatch: FittingConfiguration | null;
  /**
   * The wanted context with the largest cache types that fit, none larger than the given types: the given types, one
   * type for keys and values, or else two types.
   */
  readonly largestCache: FittingConfiguration | null;
  /**
   * As {@link largest}, with keys and values cached as `q8_0` and as `q4_0`, where these are smaller than the given
   * types. An entry is left out if its context is no larger than the one before.
   */
  readonly largestByCache: readonly FittingConfiguration[];
  /** All configurations that were tried, each once, in order. */
  readonly tried: readonly FitAttempt[];
}

/**
 * Finds the largest context with which weights, context and compute buffer fit into `budgetBytes`, to the unit of
 * llama.cpp's rounding: 256 tokens, for each sequence unless the cache is unified. For the wanted context `ctxSize`
 * (default: the tokens that the model was trained on) it also finds the largest physical batch, and the smallest change
 * of cache types, that makes this context fit. If nothing fits, the result says so. The search measures some dozens of
 * graphs, a few milliseconds each.
 *
 * @throws PlannerError `BAD_ARGUMENT`, `BAD_MODEL`; `UNKNOWN_ARCHITECTURE` unless the weights alone exceed the budget:
 * then nothing fits, for any architecture
 *
 * @example
 * ```ts
 * import { fitContext } from 'tensor-arena/models';
 * import { readGguf } from 'tensor-arena/gguf';
 * const gguf = await readGguf('examples/phi-3-mini-4k.gguf');
 * const { largest, largestCache } = fitContext(gguf, 3 * 1024 ** 3);
 * console.log(largest?.run.contextSize, largestCache?.run.keyType.name);
 * ```
 */
export function fitContext(gguf: ModelSource, budgetBytes: number, options: ModelOptions = {}): ContextFit {
  checkBudget(budgetBytes);
  checkOptions(options, MODEL_OPTIONS);
  const header = readIfKnown(gguf, budgetBytes);
  if (!isRead(header)) return tooHeavy(header, budgetBytes, options);
  const search = new Search(header, budgetBytes);
  const wanted: ModelOptions = { ...options, ctxSize: options.ctxSize || header.trainedContext };
  const { run } = header.withOptions(wanted);
  search.attempt(wanted);
  const contexts = largestContexts(search, wanted, run);
  const ubatch = search.largest(run.batchSize, run.ubatchSize, (ubatchSize) => ({ ...wanted, ubatchSize }));
  const largestCache = search.first(smallerCaches(header, budgetBytes, wanted, run));
  return {
    budget: budgetBytes,
    weights: header.weightBytes,
    fits: search.tried.some(({ fits }) => fits),
    wantedContext: run.contextSize,
    trainedContext: header.trainedContext,
    ...contexts,
    largestUbatch: ubatch.need?.attempt ?? null,
    largestCache,
    tried: search.tried,
  };
}

/**
 * The header as it is if the architecture is unknown, but nothing fits anyway.
 *
 * @throws PlannerError `UNKNOWN_ARCHITECTURE`, `BAD_MODEL`
 */
function readIfKnown(gguf: ModelSource, budget: number): ModelSource {
  try {
    return readModel(gguf);
  } catch (error) {
    const isUnknown = error instanceof PlannerError && error.code === 'UNKNOWN_ARCHITECTURE';
    if (isUnknown && !isRead(gguf) && measureWeights(gguf) > budget) return gguf;
    throw error;
  }
}

/** The answer where the weights of an unknown architecture exceed the budget. */
function tooHeavy(gguf: Gguf, budget: number, { ctxSize = 0 }: ModelOptions): ContextFit {
  const trained = new MetadataReader(gguf).integer('context_length', 0);
  return {
    budget,
    weights: measureWeights(gguf),
    fits: false,
    wantedContext: ctxSize || trained,
    trainedContext: trained,
    largest: null,
    beyondTraining: null,
    isUnlimited: false,
    isProven: true,
    largestUbatch: null,
    largestCache: null,
    largestByCache: [],
    tried: [],
  };
}

type LargestContexts = Pick<ContextFit, 'largest' | 'beyondTraining' | 'isUnlimited' | 'isProven' | 'largestByCache'>;

function largestContexts(search: Search, wanted: ModelOptions, run: ResolvedModelOptions): LargestContexts {
  const { header } = search;
  const step = CONTEXT_STEP * (run.isUnified ? 1 : run.sequences);
  const sensible = Math.ceil(Math.max(header.trainedContext, run.sequenceContext) / CONTEXT_STEP);
  const all = Math.floor(longestThatMatters(header, wanted) / step);
  const count = Math.min(sensible, all);
  const upTo = (last: number, start: number, types: ModelOptions = {}): LargestFitting<MeasuredNeed> => {
    return search.largest(last, start, (index) => ({ ...wanted, ...types, ctxSize: index * step }));
  };
  const found = upTo(count, run.sequenceContext / CONTEXT_STEP);
  const isWhole = found.index === count;
  const beyond = isWhole ? upTo(all, count) : found;
  const isUnlimited = beyond.index === all;
  const byCache: LargestFitting<MeasuredNeed>[] = [];
  let last = found.index;
  for (const types of equalTypes(header, run)) {
    const next = last === count ? null : nullIfRefused(() => upTo(count, Math.max(1, last), types));
    if (next === null || next.index <= last) continue;
    byCache.push(next);
    last = next.index;
  }
  return {
    largest: (isUnlimited ? search.attempt({ ...wanted, ctxSize: sensible * step }) : found.need)?.attempt ?? null,
    beyondTraining: isUnlimited || beyond.index === found.index ? null : (beyond.need?.attempt ?? null),
    isUnlimited,
    isProven: beyond.isProven,
    largestByCache: byCache.flatMap(({ need }) => need?.attempt ?? []),
  };
}

/** The largest context that llama.cpp's options can name. */
const MAX_CONTEXT = 2 ** 32 - 1;

/** Tokens of context beyond which sizes no longer grow: for a recurrent model, the tokens of a full batch. */
function longestThatMatters(header: ModelHeader, options: ModelOptions): number {
  if (!header.isRecurrent) return MAX_CONTEXT;
  const { ubatchSize, sequences } = header.withOptions({ ...options, ctxSize: MAX_CONTEXT }).run;
  return alignUp(ubatchSize, CONTEXT_STEP * sequences);
}

function checkBudget(budgetBytes: number): void {
  if (Number.isSafeInteger(budgetBytes) && budgetBytes >= 0) return;
  throw wrongValue('BAD_ARGUMENT', {
    culprit: 'budgetBytes',
    value: budgetBytes,
    limit: 'an integer from 0 to 2^53 - 1',
    remedy: 'Give the available memory in bytes.',
  });
}

/** An attempt whose compute buffer was worked out. */
interface MeasuredNeed extends Need {
  /** Null if it doesn't fit. */
  readonly attempt: FittingConfiguration | null;
}

/** Measures configurations, each once, and remembers them. */
class Search {
  readonly tried: FitAttempt[] = [];
  readonly #needs = new Map<string, MeasuredNeed | null>();

  constructor(
    readonly header: ModelHeader,
    readonly budget: number,
  ) {}

  /** The bytes that a configuration needs; null if its weights and context alone exceed the budget. */
  attempt(options: ModelOptions): MeasuredNeed | null {
    const model = openIfCountable(this.header, options);
    if (model === null) return null;
    const key = JSON.stringify(model.run);
    let need = this.#needs.get(key);
    if (need === undefined) this.#needs.set(key, (need = this.#measure(options, model)));
    return need;
  }

  /**
   * The largest of sizes 1 to `count` that fits. If weights and context exceed the budget even with size 1, no other is
   * tried.
   */
  largest(count: number, start: number, optionsOf: (index: number) => ModelOptions): LargestFitting<MeasuredNeed> {
    const isHopeless = this.header.weightBytes > this.budget || this.attempt(optionsOf(1)) === null;
    return largestFitting(isHopeless ? 0 : count, start, this.budget, (index) => this.attempt(optionsOf(index)));
  }

  /** The first candidate that fits. Options that llama.cpp refuses do not fit. */
  first(candidates: Iterable<ModelOptions>): FittingConfiguration | null {
    for (const options of candidates) {
      const fitting = nullIfRefused(() => this.attempt(options))?.attempt;
      if (fitting) return fitting;
    }
    return null;
  }

  #measure(options: ModelOptions, model: Model): MeasuredNeed | null {
    const { run, weightBytes: weights, contextBytes: context, isRecurrent } = model;
    const measured = weights + context > this.budget ? null : configureIfCountable(options, model);
    if (measured === null) {
      this.tried.push({ options, run, weights, context, isRecurrent, compute: null, total: null, fits: false });
      return null;
    }
    const { lowerBound, ...configuration } = measured;
    const fits = configuration.total <= this.budget;
    const attempt = { ...configuration, fits };
    this.tried.push(attempt);
    return { total: attempt.total, lowerBound, attempt: isFitting(attempt) ? attempt : null };
  }
}

function isFitting(attempt: FitAttempt): attempt is FittingConfiguration {
  return attempt.fits;
}
