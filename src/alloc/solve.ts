/**
 * Places the buffers of a problem as low as possible, with proof where that can be had, within a budget.
 *
 * Layers, cheapest first, each of which can end the search: the live load as a bound, greedy orders, and exact search in
 * each component whose greedy peak is above the bound. A problem with too many overlaps to list them goes to a method
 * that does not need them.
 *
 * Invariant: `lowerBound <= true minimum <= peak`, whatever ended the search, and the placement is valid.
 */
import { checkArgument, checkOptionsObject, PlannerError } from '../errors.js';
import { liveLoad } from '../problem/lower-bound.js';
import type { Problem } from '../problem/problem.js';
import { selectBuffers } from '../problem/select.js';
import { placementSize, type Placement, type PlaceOptions } from './allocator.js';
import { polishChunks } from './chunks.js';
import { timeComponents } from './components.js';
import { Budget, type StopReason } from './exact/budget.js';
import { createInstance } from './exact/instance.js';
import { minimise } from './exact/minimise.js';
import { placeGreedily } from './greedy-portfolio.js';
import { findOverlaps, type Overlaps } from './overlaps.js';
import { defaultStepBudget, placeLarge } from './large/place-large.js';

/** What `solve` may spend, and what it is asked for. */
export interface SolveOptions extends PlaceOptions {
  /** Bytes: decide whether a placement within them exists. Default: minimise. */
  readonly capacity?: number;
  /**
   * Search steps at most, the one limit that is the same on every machine. Default 200 000: some seconds. Where overlaps
   * are too many to list, a step stands for 2,500 accesses to sets of intervals.
   */
  readonly maxSteps?: number;
  /** Milliseconds for the search, not for the greedy placement before it. Default: no limit; with one, the result depends on the machine. */
  readonly timeLimitMs?: number;
  /**
   * Looked at before the search and every 256 steps. `solve` is synchronous, so nothing but `onProgress` can abort it on the
   * way: `AbortSignal.timeout` does not fire meanwhile, for which there is `timeLimitMs`. If it is aborted beforehand,
   * the result is the greedy placement.
   */
  readonly signal?: AbortSignal;
  /** Called at every improvement and every 256 steps. */
  readonly onProgress?: (progress: Progress) => void;
}

/** How far `solve` has come. */
export interface Progress {
  /** Bytes of the best placement so far. */
  readonly peak: number;
  /** Bytes that no placement can do without. */
  readonly lowerBound: number;
  readonly steps: number;
}

/** Why no placement below `bytes` exists: something that can be checked without the solver. */
export type Certificate =
  /** So many bytes are live at this step. */
  | { readonly kind: 'load'; readonly bytes: number; readonly step: number }
  /** The search tree for everything below `bytes` was exhausted; run it again to check. */
  | { readonly kind: 'exhausted'; readonly bytes: number; readonly steps: number };

/** What `solve` found. */
export interface Solution extends Placement {
  /**
   * `optimal`: no placement is smaller. `feasible`: valid, and within the capacity if one was given. `infeasible`: none
   * is within the capacity. `unknown`: none was found within it. The placement is valid in all four.
   */
  readonly status: 'optimal' | 'feasible' | 'infeasible' | 'unknown';
  /** Bytes of all chunks together. */
  readonly peak: number;
  /** Bytes that no placement can do without. */
  readonly lowerBound: number;
  /** The proof of `lowerBound`. */
  readonly certificate: Certificate;
  readonly steps: number;
  /** What ended the search. */
  readonly stopped: StopReason;
}

const DEFAULT_MAX_STEPS = 200_000;
/** Above this many pairs, overlaps are not listed: 8 bytes each. */
const MAX_PAIRS = 4_000_000;
/** The exact search keeps two bits for each pair of buffers of a component. */
const MAX_EXACT_BUFFERS = 10_000;

/**
 * Minimises the peak, or decides a capacity.
 *
 * With `maxChunkSize` it minimises the sum of all chunks. Gaps that leave a part of a buffer are used by the greedy
 * layers, while the exact search takes such a buffer as whole; only the live load proves optimality then.
 *
 * @throws PlannerError `OVERSIZE`, `FIXED_OVERLAP`, `BAD_ARGUMENT`.
 */
export function solve(problem: Problem, options: SolveOptions = {}): Solution {
  checkProblem(problem);
  checkOptionsObject(options);
  checkOptions(options);
  return new Solver(problem, options).run();
}

/** What `placeLarge` calls steps, to one step of the exact search. */
const EFFORT_PER_STEP = 2500;

class Solver {
  private readonly budget: Budget;
  private readonly load: { bytes: number; step: number };
  private placement: Placement = { offsets: new Float64Array(0), chunkOf: new Int32Array(0), chunks: [] };
  private certificate: Certificate;
  /** Bytes at which the search may stop: the capacity, or the best that is possible. */
  private goal: number;

  constructor(
    private readonly problem: Problem,
    private readonly options: SolveOptions,
  ) {
    const { maxSteps = DEFAULT_MAX_STEPS, timeLimitMs = Infinity, signal } = options;
    this.budget = new Budget({ maxSteps, timeLimitMs, signal, onTick: () => this.report() });
    this.load = liveLoad(problem);
    this.certificate = { kind: 'load', ...this.load };
    this.goal = Math.max(options.capacity ?? 0, this.load.bytes);
  }

  run(): Solution {
    const { problem, options } = this;
    const overlaps = findOverlaps(problem, MAX_PAIRS);
    if (overlaps === null) {
      this.placeWithoutOverlaps();
      return this.solution();
    }
    this.placement = placeGreedily(problem, overlaps, this.goal, options);
    this.report();
    const tooSmall = options.capacity !== undefined && options.capacity < this.load.bytes;
    if (placementSize(this.placement) > this.goal && !tooSmall) this.search(overlaps);
    return this.solution();
  }

  private placeWithoutOverlaps(): void {
    const { problem, options, budget } = this;
    const { maxSteps = DEFAULT_MAX_STEPS } = options;
    const most = maxSteps > DEFAULT_MAX_STEPS ? Infinity : defaultStepBudget(problem);
    const placement = placeLarge(problem, {
      ...options,
      stepBudget: Math.min(most, EFFORT_PER_STEP * maxSteps),
      shouldStop: () => budget.look(),
      onPlacement: (peak, effort) => {
        budget.steps = Math.ceil(effort / EFFORT_PER_STEP);
        const lowerBound = this.certificate.bytes;
        this.options.onProgress?.({ peak, lowerBound, steps: budget.steps });
      },
    });
    budget.steps = Math.ceil(placement.steps / EFFORT_PER_STEP);
    if (placement.peak > this.goal && !budget.isSpent) budget.reason = 'steps';
    this.placement = placement;
    this.report();
  }

  private search(overlaps: Overlaps): void {
    const { maxChunkSize = Infinity } = this.options;
    const greedy = this.placement;
    if (greedy.chunks.length > 1) {
      this.placement = placeGreedily(this.problem, overlaps, this.goal, {});
    }
    if (this.load.bytes <= maxChunkSize) this.searchOneChunk(overlaps);
    if (greedy.chunks.length === 1 || this.placement.chunks[0] <= maxChunkSize) return;
    this.placement = polishChunks(this.problem, overlaps, greedy, this.goal, this.options, this.budget);
    this.report();
  }

  /** Lowers the components one by one, the highest first, until the highest is as low as it can be. */
  private searchOneChunk(overlaps: Overlaps): void {
    const { problem, budget, options } = this;
    const { sizes } = problem;
    const provable = isProvable(problem, options);
    const offsets = this.placement.offsets.slice();
    const peakOf = (buffers: Int32Array): number =>
      buffers.reduce((peak, b) => Math.max(peak, offsets[b] + sizes[b]), 0);
    const components = timeComponents(problem).map((buffers) => ({ buffers, peak: peakOf(buffers) }));
    components.sort((a, b) => b.peak - a.peak);
    for (const { buffers, peak } of components) {
      if (peak <= this.goal || budget.isSpent || buffers.length > MAX_EXACT_BUFFERS) return;
      const instance = createInstance(problem, overlaps, buffers);
      const { unit } = instance;
      const range = {
        low: Math.ceil(liveLoad(selectBuffers(problem, buffers)).bytes / unit),
        high: Math.ceil(peak / unit),
      };
      minimise(instance, range, Math.floor(this.goal / unit), budget, {
        onPlacement: (found) => {
          buffers.forEach((b, i) => (offsets[b] = found[i] * unit));
          const chunk = offsets.reduce((top, offset, b) => Math.max(top, offset + sizes[b]), 0);
          this.placement = { offsets: offsets.slice(), chunkOf: new Int32Array(problem.bufferCount), chunks: [chunk] };
          this.report();
        },
        onBound: () => {
          const bytes = range.low * unit;
          if (provable && bytes > this.certificate.bytes) {
            this.certificate = { kind: 'exhausted', bytes, steps: budget.steps };
            this.report();
          }
          return bytes <= (options.capacity ?? Infinity);
        },
      });
      this.goal = Math.max(this.goal, this.certificate.bytes);
    }
  }

  private report(): void {
    this.options.onProgress?.({
      peak: placementSize(this.placement),
      lowerBound: this.certificate.bytes,
      steps: this.budget.steps,
    });
  }

  private solution(): Solution {
    const { placement, certificate, budget, options } = this;
    const peak = placementSize(placement);
    const lowerBound = certificate.bytes;
    const { capacity = Infinity } = options;
    let status: Solution['status'] = 'feasible';
    if (lowerBound > capacity) status = 'infeasible';
    else if (peak > capacity) status = 'unknown';
    else if (peak === lowerBound) status = 'optimal';
    const stopped = status === 'unknown' || status === 'feasible' ? budget.reason : 'done';
    return { ...placement, status, peak, lowerBound, certificate, steps: budget.steps, stopped };
  }
}

/**
 * Whether an exhausted search proves anything: it takes buffers as whole, and places them in one chunk. Several chunks
 * on top of each other are one chunk of their total size, but only if no padding comes between them.
 */
function isProvable({ gaps, alignments, sizes }: Problem, { maxChunkSize = Infinity }: SolveOptions): boolean {
  if (gaps !== null && gaps.lowers.some((lower, g) => lower < gaps.uppers[g])) return false;
  if (maxChunkSize === Infinity) return true;
  const alignment = alignments.reduce((most, value) => Math.max(most, value), 1);
  return sizes.every((size) => size % alignment === 0);
}

function checkProblem(problem: Problem): void {
  const { sizes, starts, ends } = (problem as Partial<Problem> | null) ?? {};
  const isProblem = [sizes, starts, ends].every((column) => ArrayBuffer.isView(column));
  checkArgument(isProblem, 'problem', problem, 'a Problem', 'Make one with createProblem or parseProblemCsv.');
}

function checkOptions({ capacity = 0, maxSteps = 0, timeLimitMs = 0 }: SolveOptions): void {
  const check = (culprit: string, value: number, valid: boolean, limit: string): void => {
    if (!valid)
      throw new PlannerError('BAD_ARGUMENT', { culprit, value, limit, remedy: 'Correct it, or leave it out.' });
  };
  check('capacity', capacity, Number.isSafeInteger(capacity) && capacity >= 0, 'an integer from 0 to 2^53 - 1');
  check('maxSteps', maxSteps, maxSteps === Infinity || (Number.isSafeInteger(maxSteps) && maxSteps >= 0), 'at least 0');
  check('timeLimitMs', timeLimitMs, timeLimitMs >= 0, 'at least 0');
}
