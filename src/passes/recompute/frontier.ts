/**
 * The sequences of runs that were found, but those for which another needs no more bytes and costs no more.
 *
 * Invariant: by falling peak and rising cost, so that a larger budget never costs more.
 */
import { NO_RUN, type Runs } from './runs.js';

export interface FrontierPoint {
  /** Bytes. */
  readonly peak: number;
  /** Of all runs but the first of each job. */
  readonly cost: number;
  /** The jobs in the sequence in which they run. */
  readonly jobs: Int32Array;
}

export class Frontier {
  /** The cheapest, which needs most, first. */
  readonly points: FrontierPoint[] = [];

  /** Takes in what was measured last, unless something else is as good. O(log points), and a copy. */
  offer({ peak, cost, jobs, count }: Runs): void {
    const { points } = this;
    let at = 0;
    for (let end = points.length; at < end;) {
      const middle = Math.floor((at + end) / 2);
      if (points[middle].peak > peak) at = middle + 1;
      else end = middle;
    }
    // Those before need more bytes. That behind needs no more.
    if (at < points.length && points[at].cost <= cost) return;
    let first = at;
    while (first > 0 && points[first - 1].cost >= cost) first--;
    const removed = at < points.length && points[at].peak === peak ? at + 1 - first : at - first;
    points.splice(first, removed, { peak, cost, jobs: jobs.subarray(0, count).filter((job) => job !== NO_RUN) });
  }

  /** The cheapest that needs no more than so many bytes; null if there is none. */
  cheapestWithin(limit: number): FrontierPoint | null {
    return this.points.find(({ peak }) => peak <= limit) ?? null;
  }
}
