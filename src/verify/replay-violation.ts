/**
 * The violations that a replay can find.
 *
 * Invariant: a message says in one line what the other fields say, with the names of the tensors.
 */

/** One thing that went wrong in a replay. */
export interface ReplayViolation {
  /**
   * - `stale-read`: an operand's bytes were another tensor's when they were read, or when they were copied.
   * - `lost-result`: a result's bytes were another tensor's after the last step.
   * - `overwritten-operand`: a result lies over an operand that its operation still reads while it writes.
   * - `fused-overlap`: a result lies over an operand of another node that the runtime may compute at once with it.
   * - `not-computed`: an operand is computed only later.
   * - `missing`: a storage has no place in the arena.
   * - `wrong-pool`: a storage lies in another pool than its own, or the plan was made for other pools.
   * - `unordered`: two nodes touch the same bytes, and only the order of the program says which comes first (reported
   *   for `order: 'stated'`).
   */
  readonly kind:
    | 'missing'
    | 'wrong-pool'
    | 'not-computed'
    | 'overwritten-operand'
    | 'fused-overlap'
    | 'stale-read'
    | 'lost-result'
    | 'unordered';
  /** Ids of the tensors concerned; where bytes collide, the tensor that was written there first. */
  readonly ids: readonly number[];
  /** The step at which it was found; the number of nodes for `lost-result`. */
  readonly step: number;
  /** The first bytes concerned: within the chunk if they are planned, else within their storage. */
  readonly bytes: readonly [number, number] | null;
  readonly message: string;
}
