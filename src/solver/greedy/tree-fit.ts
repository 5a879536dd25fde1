/**
 * The lowest fit by a tree of taken bytes over time: for problems of any size, with gaps or without.
 */
import type { Problem } from '../../problem/problem.js';
import type { LowestFit } from './fit.js';
import { Occupancy } from './occupancy.js';
import type { Timeline } from '../../problem/timeline.js';

export class TreeFit implements LowestFit {
  readonly #occupancy: Occupancy;
  /** Queries for buffers that never need a byte. They count as work, so that a budget always runs out. */
  #idleWork = 0;
  readonly #problem: Problem;
  readonly #timeline: Timeline;

  constructor(problem: Problem, timeline: Timeline) {
    this.#problem = problem;
    this.#timeline = timeline;
    this.#occupancy = new Occupancy(timeline.sectionCount);
  }

  get work(): number {
    return this.#occupancy.work + this.#idleWork;
  }

  reset(): void {
    this.#occupancy.clear();
  }

  find(buffer: number, from = 0): number {
    const occupancy = this.#occupancy;
    const { first, starts, ends, lowers, uppers } = this.#timeline;
    if (first[buffer] === first[buffer + 1]) this.#idleWork++;
    occupancy.ask();
    for (let p = first[buffer]; p < first[buffer + 1]; p++) {
      occupancy.need(starts[p], ends[p], lowers[p], uppers[p]);
    }
    return occupancy.lowest(this.#problem.alignments[buffer], from);
  }

  take(buffer: number, offset: number): void {
    const { first, starts, ends, lowers, uppers } = this.#timeline;
    for (let p = first[buffer]; p < first[buffer + 1]; p++) {
      this.#occupancy.take(starts[p], ends[p], offset + lowers[p], offset + uppers[p]);
    }
  }
}
