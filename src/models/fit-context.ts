/**
 * The largest context that fits a memory budget, and what else would make the wanted one fit.
 *
 * Invariant: whatever is said to fit was measured as `measureModel` measures it. The search relies on weights, cache
 * and live bytes growing with the context, not on what the allocator makes of them: see `largest-fitting.ts`.
 */
import { checkOptions, PlannerError } from '../errors.js';
import type { Gguf } from '../gguf/gguf.js';
import { elementType } from '../tensor/element-type.js';
import { alignUp } from '../units.js';
import { configureIfCountable, openIfCountable, type Configuration } from './configuration.js';
import { largestFitting, type LargestFitting, type Need } from './largest-fitting.js';
import { readModel, type Model, type ModelHeader } from './model-graph.js';
import { CACHE_TYPES, CONTEXT_STEP, MODEL_OPTIONS, type ModelOptions, type Run } from './options.js';

/** One configuration that was looked at. Sizes in bytes. */
export interface FitAttempt extends Omit<Configuration, 'compute' | 'total'> {
  /** Null if it wasn't worked out, since weights and context alone exceed the budget. */
  readonly compute: number | null;
  readonly total: number | null;
  readonly fits: boolean;
}

/** A configuration that fits. */
export interface FittingConfiguration extends FitAttempt, Configuration {
  readonly compute: number;
  readonly total: number;
  readonly fits: true;
}

/** What fits a budget. */
export interface ContextFit {
  /** Bytes. */
  readonly budget: number;
  /** Whether anything that was looked at fits. */
  readonly fits: boolean;
  /** Tokens of context that were asked for: `ctxSize`, or what the model was trained on. */
  readonly wantedContext: number;
  /** Tokens. */
  readonly trainedContext: number;
  /** The largest context that fits with all other options as given; it may exceed what was wanted. If any fits, that. */
  readonly largest: FittingConfiguration | null;
  /**
   * Whether every context fits that llama.cpp can be asked for, as it often is with recurrent models, whose state does not
   * grow.
   */
  readonly unlimited: boolean;
  /** Whether each larger context was ruled out. If not, llama.cpp's allocator may surprise with one. */
  readonly proven: boolean;
  /** The wanted context with the largest physical batch, up to the batch, with which it fits. */
  readonly largestUbatch: FittingConfiguration | null;
  /** The wanted context with the cache types, equal to the given ones or smaller, that keep most bytes and fit. */
  readonly largestCache: FittingConfiguration | null;
  /** All configurations that were looked at, each once, in order. */
  readonly tried: readonly FitAttempt[];
}

/**
 * Finds the largest context with which weights, context and compute buffer fit into `budgetBytes`, to one step of
 * llama.cpp's rounding: 256 tokens, for each sequence unless the cache is unified. With `ctxSize` as wanted context
 * (default: what the model was trained on) it also finds the largest physical batch, and the smallest change of cache
 * types, with which that fits. That nothing fits is a result. Some dozens of graphs, a few milliseconds each.
 *
 * @throws PlannerError `BAD_ARGUMENT`, `UNKNOWN_ARCHITECTURE`, `BAD_MODEL`
 *
 * @example
 * ```ts
 * import { fitContext } from 'tensor-arena';
 * import { readGguf } from 'tensor-arena/gguf';
 * const gguf = await readGguf('examples/phi-3-mini-4k.gguf');
 * const { largest, largestCache } = fitContext(gguf, 3 * 1024 ** 3);
 * console.log(largest?.run.contextSize, largestCache?.run.keyType.name);
 * ```
 */
export function fitContext(gguf: Gguf, budgetBytes: number, options: ModelOptions = {}): ContextFit {
  checkBudget(budgetBytes);
  checkOptions(options, MODEL_OPTIONS);
  const search = new Search(readModel(gguf), budgetBytes);
  const { trainedContext } = search.header;
  const wanted: ModelOptions = { ...options, ctxSize: options.ctxSize || trainedContext };
  const { run } = search.header.withOptions(wanted);
  search.attempt(wanted);

  const step = CONTEXT_STEP * (run.isUnified ? 1 : run.sequences);
  const count = Math.floor(longestThatMatters(search.header, options) / step);
  const context = search.largest(count, Math.floor(run.contextSize / step), (index) => ({
    ...options,
    ctxSize: index * step,
  }));
  const unlimited = context.index === count;
  const ubatch = search.largest(run.batchSize, run.ubatchSize, (ubatchSize) => ({ ...wanted, ubatchSize }));
  const largestCache = search.first(smallerCaches(search, wanted, run));
  return {
    budget: budgetBytes,
    fits: search.tried.some(({ fits }) => fits),
    wantedContext: run.contextSize,
    trainedContext,
    largest: (unlimited ? search.attempt(wanted) : context.need)?.attempt ?? null,
    unlimited,
    proven: context.proven,
    largestUbatch: ubatch.need?.attempt ?? null,
    largestCache,
    tried: search.tried,
  };
}

/** The largest context that llama.cpp's options can name. */
const MAX_CONTEXT = 2 ** 32 - 1;

/** Tokens of context beyond which the sizes stay as they are: of a recurrent model, those of a full batch. */
function longestThatMatters(header: ModelHeader, options: ModelOptions): number {
  if (!header.isRecurrent) return MAX_CONTEXT;
  const { ubatchSize, sequences } = header.withOptions({ ...options, ctxSize: MAX_CONTEXT }).run;
  return alignUp(ubatchSize, CONTEXT_STEP * sequences);
}

function checkBudget(budgetBytes: number): void {
  if (Number.isSafeInteger(budgetBytes) && budgetBytes >= 0) return;
  throw new PlannerError('BAD_ARGUMENT', {
    culprit: 'budgetBytes',
    value: budgetBytes,
    limit: 'an integer from 0 to 2^53 - 1',
    remedy: 'Give the memory that there is in bytes.',
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

  /** What a configuration needs; null if its weights and context alone are too much. */
  attempt(options: ModelOptions): MeasuredNeed | null {
    const model = openIfCountable(this.header, options);
    if (model === null) return null;
    const key = JSON.stringify(model.run);
    let need = this.#needs.get(key);
    if (need === undefined) this.#needs.set(key, (need = this.#measure(options, model)));
    return need;
  }

  /** Of sizes 1 to `count`. If nothing can fit, none is tried. */
  largest(count: number, start: number, optionsOf: (index: number) => ModelOptions): LargestFitting<MeasuredNeed> {
    const isHopeless = this.header.weightBytes > this.budget;
    return largestFitting(isHopeless ? 0 : count, start, this.budget, (index) => this.attempt(optionsOf(index)));
  }

  /** The first that fits; what llama.cpp refuses does not. */
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

/**
 * The wanted options with cache types no larger than the given ones, as far as weights and caches leave room: those
 * first that keep most bytes, then those that change least.
 */
function smallerCaches({ header, budget }: Search, wanted: ModelOptions, { keyType, valueType }: Run): ModelOptions[] {
  const noLargerThan = (limit: Run['keyType']): string[] =>
    CACHE_TYPES.filter((name) => {
      const { blockBytes, blockSize } = elementType(name);
      return name === limit.name || blockBytes * limit.blockSize < limit.blockBytes * blockSize;
    });
  const candidates = noLargerThan(keyType).flatMap((cacheTypeK) =>
    noLargerThan(valueType).flatMap((cacheTypeV) => {
      const options = { ...wanted, cacheTypeK, cacheTypeV };
      const bytes = contextBytes(header, options);
      const changes = Number(cacheTypeK !== keyType.name) + Number(cacheTypeV !== valueType.name);
      return header.weightBytes + bytes > budget ? [] : [{ options, bytes, changes }];
    }),
  );
  candidates.sort((a, b) => b.bytes - a.bytes || a.changes - b.changes);
  return candidates.map(({ options }) => options);
}

/** Infinite for types that the model refuses, or that make more than can be counted. */
function contextBytes(header: ModelHeader, options: ModelOptions): number {
  return nullIfRefused(() => openIfCountable(header, options))?.contextBytes ?? Infinity;
}

function nullIfRefused<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof PlannerError && error.code === 'BAD_ARGUMENT') return null;
    throw error;
  }
}
