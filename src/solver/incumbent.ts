/**
 * The best placement so far and the best proven bound. Every search gets an incumbent, asks it whether to stop, and
 * reports placements (`offer`) and proofs (`prove`) to it.
 *
 *     size   ├──────────┼──────────┼───────────┤
 *            0        bound      goal         peak
 *                  proven least  good enough  found
 *
 * Invariant: `bound <= minimum <= peak` and `bound <= goal`; the peak only falls, the bound only rises.
 */
export interface Incumbent<Found> {
  /** Size of the best placement so far; `Infinity` while there is none. */
  readonly peak: number;
  /** No placement is smaller. */
  readonly bound: number;
  /** A placement of this size needs no further search. */
  readonly goal: number;
  /** Whether the goal is reached, or a proof has shown that the wanted capacity is too small. */
  readonly isDone: boolean;
  /** Takes a placement if it is smaller than the best one, and copies it. */
  offer(found: Found): void;
  /** Records that no placement is below `bound`; the exhausted search had visited `nodes` nodes. */
  prove(bound: number, nodes: number): void;
}
