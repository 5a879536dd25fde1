/**
 * One chunk that is filled buffer by buffer, each at the lowest offset that is free throughout its life.
 *
 * Invariant: buffers with a fixed offset are taken before all others, and what is taken stays until `reset`.
 */
import { PlannerError } from '../../errors.js';
import { labelOfBuffer, type Problem } from '../../problem/problem.js';
import { Occupancy } from './occupancy.js';
import type { Timeline } from './timeline.js';

export class LowestFit {
  readonly #problem: Problem;
  readonly #timeline: Timeline;
  readonly #occupancy: Occupancy;

  constructor(problem: Problem, timeline: Timeline) {
    this.#problem = problem;
    this.#timeline = timeline;
    this.#occupancy = new Occupancy(timeline.sectionCount);
  }

  /** Effort so far. */
  get steps(): number {
    return this.#occupancy.steps;
  }

  /** Frees everything. */
  reset(): void {
    this.#occupancy.clear();
  }

  /** The lowest free offset for a buffer, at least `from`, aligned. */
  find(buffer: number, from = 0): number {
    const { first, starts, ends, lowers, uppers } = this.#timeline;
    this.#occupancy.ask();
    for (let p = first[buffer]; p < first[buffer + 1]; p++) {
      this.#occupancy.need(starts[p], ends[p], lowers[p], uppers[p]);
    }
    return this.#occupancy.lowest(this.#problem.alignments[buffer], from);
  }

  /** Takes what a buffer needs when it lies at `offset`. */
  take(buffer: number, offset: number): void {
    const { first, starts, ends, lowers, uppers } = this.#timeline;
    for (let p = first[buffer]; p < first[buffer + 1]; p++) {
      this.#occupancy.take(starts[p], ends[p], offset + lowers[p], offset + uppers[p]);
    }
  }

  /**
   * Takes what the buffers with a fixed offset need, and returns their highest end.
   *
   * @throws PlannerError `FIXED_OVERLAP` if two of them collide, `OVERSIZE` if one ends above `limit`.
   */
  takeFixed(limit: number): number {
    const { bufferCount, sizes, fixedOffsets, names } = this.#problem;
    let top = 0;
    if (fixedOffsets === null) return top;
    for (let b = 0; b < bufferCount; b++) {
      const fixed = fixedOffsets[b];
      if (Number.isNaN(fixed)) continue;
      const refuse = (code: 'FIXED_OVERLAP' | 'OVERSIZE', allowed: string): never =>
        reject(code, labelOfBuffer({ names }, b), fixed, allowed);
      if (fixed + sizes[b] > limit) refuse('OVERSIZE', `at most ${limit - sizes[b]}`);
      const free = this.find(b, fixed);
      if (free !== fixed) refuse('FIXED_OVERLAP', `at least ${free}, by what buffers before it take`);
      this.take(b, fixed);
      top = Math.max(top, fixed + sizes[b]);
    }
    return top;
  }
}

function reject(code: 'FIXED_OVERLAP' | 'OVERSIZE', label: string, value: number, limit: string): never {
  throw new PlannerError(code, {
    culprit: `the fixed offset of ${label}`,
    value,
    limit,
    remedy: 'Choose another fixed offset, or leave it to the planner.',
  });
}
