/**
 * The layers of the search for the lowest placement, cheapest first, each of which can end it: bounds, greedy orders, and
 * exact search in each component whose peak is above the bound, unless it is too large for that.
 *
 * Invariant: `lowerBound <= true minimum <= peak`, whatever ended the search, and the placement is valid.
 */
import type { Problem } from '../problem/problem.js';
import { selectBuffers } from '../problem/select.js';
import { placementSize, type Placement } from './allocator.js';
import { boundOf } from './bounds.js';
import { placeInChunks } from './chunks.js';
import { Budget, EFFORT_PER_STEP } from './exact/budget.js';
import { timeComponents } from './exact/components.js';
import { findCore, placeAround, type Core } from './exact/core.js';
import { createInstance, isSearchable, type Units } from './exact/instance.js';
import { minimise } from './exact/minimise.js';
import { checkChunkLimit } from './greedy/fill-chunks.js';
import { GreedySearch } from './greedy/search.js';
import { createTimeline, type Timeline } from './greedy/timeline.js';
import type { Certificate, Solution, SolveOptions } from './solution.js';

const DEFAULT_MAX_STEPS = 200_000;
/** What the greedy search spends by default, in its own steps: so many a buffer, within limits. */
const EFFORT_PER_BUFFER = 1600;
const LEAST_EFFORT = 1e6;
const MOST_EFFORT = 5e7;

export class Solver {
  private readonly budget: Budget;
  private readonly timeline: Timeline;
  private placement: Placement;
  private certificate: Certificate;
  /** Bytes at which the search may stop: the capacity, or the best that is possible. */
  private goal: number;

  /** @throws PlannerError `OVERSIZE`, `BAD_ARGUMENT` */
  constructor(
    private readonly problem: Problem,
    private readonly options: SolveOptions,
  ) {
    checkChunkLimit(problem, options);
    const { maxSteps = DEFAULT_MAX_STEPS, timeLimitMs = Infinity, signal } = options;
    this.budget = new Budget({ maxSteps, timeLimitMs, signal, onTick: () => this.report() });
    this.timeline = createTimeline(problem);
    const { bufferCount } = problem;
    this.placement = { offsets: new Float64Array(bufferCount), chunkOf: new Int32Array(bufferCount), chunks: [] };
    this.certificate = boundOf(problem, options);
    this.goal = Math.max(options.capacity ?? 0, this.certificate.bytes);
  }

  /** Pauses every few milliseconds, so that the caller can do something else. @throws PlannerError `FIXED_OVERLAP` */
  *run(): Generator<void, Solution> {
    const { problem, options, budget } = this;
    if (problem.bufferCount > 0) {
      yield* this.placeInOneChunk();
      if (this.peak > this.largestChunk) {
        this.placement = yield* placeInChunks(problem, this.timeline, options, this.goal, budget);
        this.report();
      }
    }
    return this.solution();
  }

  private get peak(): number {
    return placementSize(this.placement);
  }

  /** Bytes that a chunk may have at most. */
  private get largestChunk(): number {
    const { maxChunkSize = Infinity, allowOversize = false } = this.options;
    return allowOversize ? this.problem.sizes.reduce((a, b) => Math.max(a, b), maxChunkSize) : maxChunkSize;
  }

  private *placeInOneChunk(): Generator<void, void> {
    const { problem, budget } = this;
    const { capacity = Infinity } = this.options;
    const greedy = new GreedySearch(problem, this.timeline, this.goal);
    let isWorthMore = yield* this.placeGreedily(greedy);
    const isHopeless = this.certificate.bytes > Math.min(capacity, this.largestChunk);
    if (this.peak <= this.goal || isHopeless || budget.isSpent) return;
    const parts = timeComponents(problem);
    if (parts.every((buffers) => isSearchable(selectBuffers(problem, buffers)))) return yield* this.lowerParts(parts);
    while (isWorthMore && !budget.isSpent) isWorthMore = yield* this.placeGreedily(greedy);
    if (this.peak > this.goal) budget.giveUp();
  }

  /** One round of orders; whether another one is worth it. */
  private *placeGreedily(greedy: GreedySearch): Generator<void, boolean> {
    const { budget, options } = this;
    const { chunkOf } = this.placement;
    const { maxSteps = DEFAULT_MAX_STEPS } = options;
    const most = maxSteps > DEFAULT_MAX_STEPS ? Infinity : defaultEffort(this.problem);
    const round = greedy.round(Math.min(most, EFFORT_PER_STEP * maxSteps));
    for (let before = greedy.steps; ; before = greedy.steps) {
      const { done, value } = round.next();
      budget.charge(Math.floor(greedy.steps / EFFORT_PER_STEP) - Math.floor(before / EFFORT_PER_STEP));
      if (greedy.peak < Infinity && greedy.peak !== this.peak) {
        this.placement = { offsets: greedy.offsets, chunkOf, chunks: [greedy.peak] };
        this.report();
      }
      if (done) return value;
      if (greedy.peak < Infinity && budget.isSpent) return false;
      yield;
    }
  }

  /** Lowers the parts one by one, the highest first, until the highest is as low as it can be. */
  private *lowerParts(parts: readonly Int32Array[]): Generator<void, void> {
    const { problem, budget } = this;
    this.placement = { ...this.placement, offsets: this.placement.offsets.slice() };
    const byPeak = parts.map((buffers) => ({ buffers, peak: this.peakOf(buffers) })).sort((a, b) => b.peak - a.peak);
    // Of the parts that have been lowered already.
    let lowered = 0;
    for (let i = 0; i < byPeak.length; i++) {
      const { buffers, peak } = byPeak[i];
      if (peak <= this.goal || budget.isSpent) return;
      const others = i + 1 < byPeak.length ? Math.max(lowered, byPeak[i + 1].peak) : lowered;
      yield* this.lowerPart({ buffers, problem: selectBuffers(problem, buffers), others }, peak);
      lowered = Math.max(lowered, this.peakOf(buffers));
      this.goal = Math.max(this.goal, this.certificate.bytes);
      yield;
    }
  }

  private peakOf(buffers: Int32Array): number {
    const { sizes } = this.problem;
    const { offsets } = this.placement;
    return buffers.reduce((peak, b) => Math.max(peak, offsets[b] + sizes[b]), 0);
  }

  private *lowerPart(part: Part, peak: number): Generator<void, void> {
    const { budget, options } = this;
    const provable = isProvable(part.problem, options);
    const core = findCore(part.problem, boundOf(part.problem).bytes);
    const coreProblem = selectBuffers(part.problem, core.buffers);
    if (coreProblem.bufferCount === 0) return this.placePart(part, core, new Int32Array(0), 1);
    const instance = createInstance(coreProblem);
    const { unit } = instance;
    const range = { low: Math.ceil(boundOf(coreProblem).bytes / unit), high: Math.ceil(peak / unit) };
    yield* minimise(instance, range, Math.floor(this.goal / unit), budget, {
      onPlacement: (found) => this.placePart(part, core, found, unit),
      onBound: () => {
        const bytes = range.low * unit;
        if (provable && bytes > this.certificate.bytes) {
          this.certificate = { kind: 'exhausted', bytes, steps: budget.steps };
          this.report();
        }
        return bytes <= (options.capacity ?? Infinity);
      },
    });
  }

  /** Places a part around its core, which has been placed in units. */
  private placePart({ buffers, problem: part, others }: Part, core: Core, found: Units, unit: number): void {
    const { offsets, chunkOf } = this.placement;
    const coreOffsets = Float64Array.from(found, (offset) => offset * unit);
    const partOffsets = placeAround(part, core, coreOffsets);
    buffers.forEach((b, i) => (offsets[b] = partOffsets[i]));
    this.placement = { offsets, chunkOf, chunks: [Math.max(others, this.peakOf(buffers))] };
    this.report();
  }

  private report(): void {
    this.options.onProgress?.({
      peak: this.peak,
      lowerBound: this.certificate.bytes,
      steps: this.budget.steps,
    });
  }

  private solution(): Solution {
    const { placement, certificate, budget, options, peak } = this;
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

/** A component, with its buffers' indices in the whole problem. */
interface Part {
  readonly buffers: Int32Array;
  readonly problem: Problem;
  /** Bytes: the highest end of all buffers outside of it. */
  readonly others: number;
}

/** What the greedy search spends if nothing is said, in its own steps. */
function defaultEffort({ bufferCount }: Problem): number {
  return Math.min(MOST_EFFORT, Math.max(LEAST_EFFORT, EFFORT_PER_BUFFER * bufferCount));
}

/**
 * Whether an exhausted search proves anything: it takes buffers as whole, and places them in one chunk. Several chunks
 * on top of each other are one chunk of their total size, but only if no padding comes between them.
 */
function isProvable(problem: Problem, { maxChunkSize = Infinity }: SolveOptions): boolean {
  const { gaps, alignments, sizes, fixedOffsets } = problem;
  if (gaps !== null && gaps.lowers.some((lower, g) => lower < gaps.uppers[g])) return false;
  if (maxChunkSize === Infinity) return true;
  const alignment = alignments.reduce((most, value) => Math.max(most, value), 1);
  const needsNoPadding = (bytes: number): boolean => Number.isNaN(bytes) || bytes % alignment === 0;
  return sizes.every(needsNoPadding) && (fixedOffsets === null || fixedOffsets.every(needsNoPadding));
}
