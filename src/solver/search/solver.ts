/**
 * The layers of the search for the lowest placement, cheapest first, each of which can end it: bounds, greedy orders, and
 * exact search in each component whose peak is above the bound, unless it is too large for that.
 *
 * Invariant: `lowerBound <= true minimum <= peak`, whatever ended the search, and the placement is valid.
 */
import type { Problem } from '../../problem/problem.js';
import { selectBuffers } from '../../problem/select.js';
import { placementSize, type Placement } from '../allocator.js';
import { boundOf, stackBoundOf } from './bounds.js';
import { Budget } from '../budget.js';
import { placeInChunks } from './chunks.js';
import { timeComponents } from '../exact/components.js';
import { isSearchable } from '../exact/instance.js';
import { checkChunkLimit } from '../greedy/fill-chunks.js';
import { EFFORT_PER_STEP } from '../greedy/lowest-fit.js';
import { GreedySearch } from '../greedy/search.js';
import { createTimeline, type Timeline } from '../greedy/timeline.js';
import { lowerComponent, type Component } from './lower-component.js';
import { bestPartition, MOST_PARTITIONED } from './partitions.js';
import type { Certificate, Solution, SolveOptions } from './solution.js';

const DEFAULT_MAX_STEPS = 200_000;
/** What the greedy search spends by default, in its own steps: so many a buffer, within limits. */
const EFFORT_PER_BUFFER = 1600;
const LEAST_EFFORT = 1e6;
const MOST_EFFORT = 5e7;
/** Where the first order ends so far above the goal, few problems are met by another: the exact search comes first. */
const FAR = 1.1;
/** With more buffers than these, another order costs less than a few dives of the exact search. */
const MOST_SEARCHED_FIRST = 1024;
/** What the exact search gets then; the rest is for the other orders. */
const SEARCH_SHARE = 0.98;

/** Buffers that overlap none of the others in time. */
interface Part {
  readonly buffers: Int32Array;
  readonly problem: Problem;
}

export class Solver {
  private readonly budget: Budget;
  private readonly timeline: Timeline;
  private placement: Placement;
  private certificate: Certificate;
  /** Bytes at which the search may stop: the capacity or the best that is possible, and any once the capacity is refuted. */
  private goal: number;

  /** @throws PlannerError `OVERSIZE`, `BAD_ARGUMENT` */
  constructor(
    private readonly problem: Problem,
    private readonly options: SolveOptions,
    budget?: Budget,
  ) {
    checkChunkLimit(problem, options);
    const { maxSteps = DEFAULT_MAX_STEPS, timeLimitMs = Infinity, signal } = options;
    this.budget = budget ?? new Budget({ maxSteps, timeLimitMs, signal, onTick: () => this.report() });
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
      if (!this.isWithinLimit) {
        yield* placeInChunks(problem, this.timeline, options, this.goal, budget, (placement) => {
          this.placement = placement;
          this.report();
        });
      }
      const { maxChunkSize = Infinity } = options;
      if (maxChunkSize < Infinity && problem.bufferCount <= MOST_PARTITIONED && !budget.isSpent) this.partition();
      if (this.peak > this.goal) budget.giveUp();
    }
    return this.solution();
  }

  private get peak(): number {
    return placementSize(this.placement);
  }

  /** Whether this is a placement in the end: one chunk that is too large is only a step on the way to several. */
  private get isWithinLimit(): boolean {
    return this.placement.chunks.length > 1 || this.peak <= this.largestChunk;
  }

  /** Bytes that a chunk may have at most. */
  private get largestChunk(): number {
    const { maxChunkSize = Infinity, allowOversize = false } = this.options;
    return allowOversize ? this.problem.sizes.reduce((a, b) => Math.max(a, b), maxChunkSize) : maxChunkSize;
  }

  private *placeInOneChunk(): Generator<void, void> {
    const { problem, budget } = this;
    const greedy = new GreedySearch(problem, this.timeline, this.goal);
    let isWorthMore = yield* this.placeGreedily(greedy, 1);
    const isFar = this.peak > FAR * this.goal && problem.bufferCount <= MOST_SEARCHED_FIRST;
    if (isWorthMore && !isFar) isWorthMore = yield* this.placeGreedily(greedy);
    if (this.peak > this.goal) this.raiseBound(stackBoundOf(problem, this.options, this.certificate));
    if (this.peak <= this.goal || this.certificate.bytes > this.largestChunk || budget.isSpent) return;
    const parts = timeComponents(problem).map((buffers) => ({ buffers, problem: selectBuffers(problem, buffers) }));
    if (parts.every((part) => isSearchable(part.problem))) {
      const keepsRest = isFar && isWorthMore && this.maxSteps < Infinity;
      yield* this.lowerParts(parts, keepsRest ? budget.slice(SEARCH_SHARE) : budget);
      if (keepsRest && this.peak > this.goal && !budget.isSpent) yield* this.placeGreedily(greedy);
      return;
    }
    while (isWorthMore && !budget.isSpent) isWorthMore = yield* this.placeGreedily(greedy);
  }

  private raiseBound(certificate: Certificate): void {
    const { capacity = Infinity } = this.options;
    this.certificate = certificate;
    // Once the capacity is refuted, nothing is left to look for.
    this.goal = certificate.bytes > capacity ? Infinity : Math.max(this.goal, certificate.bytes);
    this.report();
  }

  private get maxSteps(): number {
    return this.options.maxSteps ?? DEFAULT_MAX_STEPS;
  }

  /** What is left of a round of orders, or `orderCount` of them; whether there are more. */
  private *placeGreedily(greedy: GreedySearch, orderCount = Infinity): Generator<void, boolean> {
    const { budget, maxSteps } = this;
    const { chunkOf } = this.placement;
    const most = maxSteps > DEFAULT_MAX_STEPS ? Infinity : defaultEffort(this.problem);
    const round = greedy.round(Math.min(most, EFFORT_PER_STEP * maxSteps), orderCount);
    for (let before = greedy.steps; ; before = greedy.steps) {
      const { done, value } = round.next();
      budget.charge(Math.floor(greedy.steps / EFFORT_PER_STEP) - Math.floor(before / EFFORT_PER_STEP));
      const isFirst = this.placement.chunks.length === 0;
      if (greedy.peak < Infinity && (isFirst || greedy.peak < this.peak)) {
        this.placement = { offsets: greedy.offsets, chunkOf, chunks: [greedy.peak] };
        this.report();
      }
      if (done) return value;
      if (greedy.peak < Infinity && budget.isSpent) return false;
      yield;
    }
  }

  /** Lowers the parts one by one, the highest first, until the highest is as low as it can be. */
  private *lowerParts(parts: readonly Part[], budget: Budget): Generator<void, void> {
    this.placement = { ...this.placement, offsets: this.placement.offsets.slice() };
    const byPeak = parts.map((part) => ({ part, peak: this.peakOf(part.buffers) })).sort((a, b) => b.peak - a.peak);
    // Of the parts that have been lowered already.
    let lowered = 0;
    for (let i = 0; i < byPeak.length; i++) {
      const { part, peak } = byPeak[i];
      if (peak <= this.goal || budget.isSpent) return;
      const others = i + 1 < byPeak.length ? Math.max(lowered, byPeak[i + 1].peak) : lowered;
      yield* lowerComponent(this.component(part, others), budget);
      lowered = Math.max(lowered, this.peakOf(part.buffers));
      yield;
    }
  }

  /** `others`: bytes, the highest end of all buffers outside of it. */
  private component({ buffers, problem }: Part, others: number): Component {
    const isProof = isOneChunkEnough(problem, this.options);
    return {
      problem,
      capacity: this.options.capacity ?? Infinity,
      peak: () => this.peakOf(buffers),
      goal: () => this.goal,
      place: (found) => {
        const { offsets, chunkOf } = this.placement;
        buffers.forEach((b, i) => (offsets[b] = found[i]));
        this.placement = { offsets, chunkOf, chunks: [Math.max(others, this.peakOf(buffers))] };
        this.report();
      },
      prove: (bytes, nodes) => {
        if (isProof) this.prove(bytes, nodes);
      },
    };
  }

  private peakOf(buffers: Int32Array): number {
    const { sizes } = this.problem;
    const { offsets } = this.placement;
    return buffers.reduce((peak, b) => Math.max(peak, offsets[b] + sizes[b]), 0);
  }

  /** Tries every split into chunks, within what is left of the budget. */
  private partition(): void {
    const { problem, options, budget } = this;
    if (this.peak <= this.goal) return;
    const share = 2 ** -problem.bufferCount;
    const { isProven, ...placement } = bestPartition(problem, options, (part) => solveWhole(part, budget.slice(share)));
    if (placementSize(placement) < this.peak) this.placement = placement;
    if (isProven) this.prove(placementSize(placement), 2 ** problem.bufferCount);
    this.report();
  }

  private prove(bytes: number, nodes: number): void {
    if (bytes > this.certificate.bytes) this.raiseBound({ kind: 'exhausted', bytes, nodes });
  }

  private report(): void {
    this.options.onProgress?.({
      peak: this.isWithinLimit ? this.peak : Infinity,
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

/** Solves a part in one chunk, as far as the budget goes. */
function solveWhole(problem: Problem, budget: Budget): Solution {
  const search = new Solver(problem, {}, budget).run();
  for (;;) {
    const { done, value } = search.next();
    if (done) return value;
  }
}

/** What the greedy search spends if nothing is said, in its own steps. */
function defaultEffort({ bufferCount }: Problem): number {
  return Math.min(MOST_EFFORT, Math.max(LEAST_EFFORT, EFFORT_PER_BUFFER * bufferCount));
}

/**
 * Whether what no single chunk can hold, several cannot hold either: on top of each other they are one chunk of their
 * total size, but only if no padding comes between them. So whatever offsets are sums of must be a multiple of every alignment.
 */
function isOneChunkEnough(
  { alignments, sizes, fixedOffsets, gaps }: Problem,
  { maxChunkSize = Infinity }: SolveOptions,
): boolean {
  if (maxChunkSize === Infinity) return true;
  const alignment = alignments.reduce((most, value) => Math.max(most, value), 1);
  const needsNoPadding = (bytes: number): boolean => Number.isNaN(bytes) || bytes % alignment === 0;
  return [sizes, fixedOffsets, gaps?.lowers, gaps?.uppers].every((column) => column?.every(needsNoPadding) ?? true);
}
