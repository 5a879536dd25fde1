/** Incumbents that write down what a search finds and proves. */
import type { Incumbent } from '../../src/solver/incumbent.js';

/** Sizes of the least and of the best placement, in the unit of the search. */
export interface Range {
  bound: number;
  peak: number;
}

/** One of a problem of its own, whose placements are offsets. It wants no more once `isRefutedBy` says so of a bound. */
export class TrackedIncumbent<Offsets extends ArrayLike<number>> implements Incumbent<Offsets> {
  readonly peaks: number[] = [];
  readonly bounds: number[] = [];
  #isRefuted = false;

  constructor(
    readonly sizes: ArrayLike<number>,
    readonly range: Range,
    readonly wanted: number,
    private readonly isRefutedBy: (bound: number) => boolean = () => false,
  ) {}

  get peak(): number {
    return this.range.peak;
  }

  get bound(): number {
    return this.range.bound;
  }

  get goal(): number {
    return Math.max(this.bound, this.wanted);
  }

  get isDone(): boolean {
    return this.#isRefuted || this.peak <= this.goal;
  }

  offer(offsets: Offsets): void {
    const peak = Array.from(offsets).reduce((most, offset, b) => Math.max(most, offset + this.sizes[b]), 0);
    if (peak >= this.peak) throw new Error(`A placement of ${peak} is offered, no less than ${this.peak}.`);
    this.range.peak = peak;
    this.peaks.push(peak);
  }

  prove(bound: number): void {
    this.range.bound = bound;
    this.bounds.push(bound);
    this.#isRefuted = this.isRefutedBy(bound);
  }
}
