/**
 * Exhaustive search for buffers that need only some of their bytes at times, and so may interlock: neither is below the
 * other.
 *
 *     step   0 1 2 3     Two buffers of 8 bytes: ░ needs its lower half, then its upper half; ▒ needs its upper half,
 *        8 ┤             then its lower half. Both can lie at offset 0.
 *          │ ▒ ▒ ░ ░
 *        4 ┤             Each pair that meets excludes a stretch of differences between the two offsets. A choice puts
 *          │ ░ ░ ▒ ▒     the difference of one pair below or above its stretch. A node computes the lowest offsets that
 *        0 ┼────────     obey all choices so far. If these offsets break no pair, no placement with these choices is
 *                        lower. Otherwise the search decides one broken pair, one way and then the other.
 *
 * Invariant: the offsets at a node are the lowest that obey its choices, so no node below it has lower offsets.
 */
import type { Problem } from '../../problem/problem.js';
import { createTimeline, type Timeline } from '../../problem/timeline.js';
import type { Budget } from '../budget.js';
import { DifferenceBounds, type Bound, type Mark } from './difference-bounds.js';
import type { Overlaps } from '../../problem/overlaps.js';
import type { Outcome } from './search.js';
import { findSeparations, type Separations } from './separations.js';

/** Pairs examined, or offsets raised, per unit of effort. */
const LOOKS_PER_EFFORT = 256;

/** A pair that has been decided. */
interface Choice {
  readonly mark: Mark;
  /** The other way to decide it; `null` once both have been tried. */
  readonly other: Bound | null;
}

export class Interlocking {
  /** Nodes visited so far. */
  nodes = 0;
  readonly #bounds: DifferenceBounds;
  readonly #separations: Separations;
  readonly #timeline: Timeline;
  /** Bytes needed in each section, and the lowest offset of any of these bytes at the current node. */
  readonly #needs: Float64Array;
  readonly #lowest: Float64Array;
  readonly #choices: Choice[] = [];
  /** Whether the search has left a node without a proof. */
  #isUnsure = false;
  readonly #problem: Problem;

  constructor(problem: Problem, overlaps: Overlaps) {
    this.#problem = problem;
    this.#timeline = createTimeline(problem);
    this.#bounds = new DifferenceBounds(problem);
    this.#separations = findSeparations(this.#timeline, overlaps);
    const { sectionCount, starts, ends, lowers, uppers, first } = this.#timeline;
    this.#needs = new Float64Array(sectionCount);
    this.#lowest = new Float64Array(sectionCount);
    for (let p = 0; p < first[problem.bufferCount]; p++) {
      for (let s = starts[p]; s < ends[p]; s++) this.#needs[s] += uppers[p] - lowers[p];
    }
  }

  /** Bytes; after `found`, the offsets of the placement. */
  get offsets(): Float64Array {
    return this.#bounds.offsets;
  }

  /**
   * Visits up to `maxNodes` nodes, looking for a placement of at most `limit` bytes. `limit` must not grow from call to
   * call.
   */
  advance(limit: number, maxNodes: number, budget: Budget): Outcome {
    for (let left = maxNodes; left > 0; left--) {
      if (!budget.spend()) return 'stopped';
      const raises = this.#bounds.raises;
      this.nodes++;
      const ways = this.#hasRoom(limit) ? this.#findBroken(limit) : [];
      if (ways === null) return 'found';
      const [way, other = null] = ways;
      const isAlive = (way !== undefined && this.#choose(way, other, limit)) || this.#backtrack(limit);
      budget.charge(Math.floor((this.#separations.count + this.#bounds.raises - raises) / LOOKS_PER_EFFORT));
      if (!isAlive) return this.#isUnsure ? 'stopped' : 'exhausted';
    }
    return 'paused';
  }

  /** Whether all buffers end within `limit`, and so would the needed bytes of each section if stacked without holes. */
  #hasRoom(limit: number): boolean {
    const { offsets } = this;
    const lowest = this.#lowest;
    const needs = this.#needs;
    const { first, starts, ends, lowers } = this.#timeline;
    const { bufferCount, sizes } = this.#problem;
    lowest.fill(Infinity);
    for (let b = 0; b < bufferCount; b++) {
      if (offsets[b] + sizes[b] > limit) return false;
      for (let p = first[b]; p < first[b + 1]; p++) {
        const low = offsets[b] + lowers[p];
        for (let s = starts[p]; s < ends[p]; s++) if (low < lowest[s]) lowest[s] = low;
      }
    }
    return needs.every((bytes, s) => bytes === 0 || lowest[s] + bytes <= limit);
  }

  /**
   * The ways to mend the broken pair that takes the largest raise; the way with the smaller raise comes first. Empty if
   * some broken pair cannot be mended, `null` if no pair is broken.
   */
  #findBroken(limit: number): Bound[] | null {
    const { offsets } = this;
    const { count, firsts, seconds, rows, lows, highs } = this.#separations;
    let hardest = -1;
    let row = -1;
    let mostRaise = -1;
    for (let p = 0; p < count; p++) {
      const a = firsts[p];
      const b = seconds[p];
      const difference = offsets[b] - offsets[a];
      let r = rows[p];
      while (r < rows[p + 1] && highs[r] <= difference) r++;
      if (r === rows[p + 1] || lows[r] >= difference) continue;
      const raise = Math.min(
        this.#raiseOf({ lower: a, upper: b, distance: highs[r] }, limit),
        this.#raiseOf({ lower: b, upper: a, distance: -lows[r] }, limit),
      );
      if (raise === Infinity) return [];
      if (raise <= mostRaise) continue;
      mostRaise = raise;
      hardest = p;
      row = r;
    }
    if (hardest === -1) return null;
    const [a, b] = [firsts[hardest], seconds[hardest]];
    return [
      { lower: a, upper: b, distance: highs[row] },
      { lower: b, upper: a, distance: -lows[row] },
    ]
      .filter((way) => this.#raiseOf(way, limit) < Infinity)
      .sort((v, w) => this.#raiseOf(v, limit) - this.#raiseOf(w, limit));
  }

  /** The least bytes by which a bound raises its upper buffer; `Infinity` if the buffer then ends above `limit`. */
  #raiseOf({ lower, upper, distance }: Bound, limit: number): number {
    const offset = this.offsets[lower] + distance;
    return offset + this.#problem.sizes[upper] > limit ? Infinity : offset - this.offsets[upper];
  }

  #choose(way: Bound, other: Bound | null, limit: number): boolean {
    this.#choices.push({ mark: this.#bounds.mark(), other });
    const outcome = this.#bounds.add(way, limit);
    if (outcome === 'endless') this.#isUnsure = true;
    return outcome === 'holds';
  }

  /** Goes back to the last choice that has another way; false if there is none. */
  #backtrack(limit: number): boolean {
    for (;;) {
      const choice = this.#choices.pop();
      if (choice === undefined) return false;
      this.#bounds.undo(choice.mark);
      if (choice.other !== null && this.#choose(choice.other, null, limit)) return true;
    }
  }
}
