/**
 * The lowest offsets that obey bounds of the form "v is at least so many bytes above u", with an undo trail.
 *
 * Invariant: no offset could be lower under the bounds in force; each offset is a multiple of the buffer's alignment,
 * and no buffer ends above the limit of the last bound that held.
 */
import type { Problem } from '../../problem/problem.js';
import { alignUp } from '../../units.js';

/** Buffer `upper` is at least `distance` bytes, which may be negative, above `lower`. */
export interface Bound {
  readonly lower: number;
  readonly upper: number;
  readonly distance: number;
}

/** `endless`: bounds raise each other in a circle. Alignments might end the circle later, so nothing is decided. */
export type Outcome = 'holds' | 'fails' | 'endless';

/** Heights of the two stacks, for a return to an earlier state. */
export interface Mark {
  readonly boundCount: number;
  readonly raiseCount: number;
}

export class DifferenceBounds {
  /** Bytes; one per buffer. */
  readonly offsets: Float64Array;
  /** How often an offset has been raised: the effort. */
  raises = 0;
  readonly #isAligned: boolean;
  readonly #bounds: Bound[] = [];
  /** Per buffer: the bounds in which the buffer is `lower`, as ascending places in `bounds`. */
  readonly #boundsAbove: number[][];
  readonly #raised: number[] = [];
  readonly #offsetsBefore: number[] = [];
  readonly #problem: Problem;

  constructor(problem: Problem) {
    this.#problem = problem;
    const { bufferCount, fixedOffsets, alignments } = problem;
    this.offsets = new Float64Array(bufferCount);
    fixedOffsets?.forEach((offset, b) => (this.offsets[b] = Number.isNaN(offset) ? 0 : offset));
    this.#isAligned = alignments.some((alignment) => alignment > 1);
    this.#boundsAbove = Array.from({ length: bufferCount }, () => []);
  }

  mark(): Mark {
    return { boundCount: this.#bounds.length, raiseCount: this.#raised.length };
  }

  undo({ boundCount, raiseCount }: Mark): void {
    while (this.#raised.length > raiseCount) this.offsets[this.#raised.pop()!] = this.#offsetsBefore.pop()!;
    while (this.#bounds.length > boundCount) this.#boundsAbove[this.#bounds.pop()!.lower].pop();
  }

  /**
   * Puts a bound in force and raises offsets until all bounds hold. {@link undo} takes this back, also after a failure.
   */
  add(bound: Bound, limit: number): Outcome {
    const { offsets } = this;
    const boundsAbove = this.#boundsAbove;
    const bounds = this.#bounds;
    const { sizes, alignments, fixedOffsets, bufferCount } = this.#problem;
    boundsAbove[bound.lower].push(bounds.push(bound) - 1);
    const queue = [bound.lower];
    for (let i = 0; i < queue.length; i++) {
      // First in, first out: without a circle no buffer is in the queue more often than there are buffers.
      if (i > bufferCount ** 2) return this.#isAligned ? 'endless' : 'fails';
      for (const index of boundsAbove[queue[i]]) {
        const { lower, upper, distance } = bounds[index];
        const offset = alignUp(offsets[lower] + distance, alignments[upper]);
        if (offset <= offsets[upper]) continue;
        const isFixed = fixedOffsets !== null && !Number.isNaN(fixedOffsets[upper]);
        if (isFixed || offset + sizes[upper] > limit) return 'fails';
        this.#raised.push(upper);
        this.#offsetsBefore.push(offsets[upper]);
        this.raises++;
        offsets[upper] = offset;
        queue.push(upper);
      }
    }
    return 'holds';
  }
}
