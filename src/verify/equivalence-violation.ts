/**
 * The ways in which a graph may compute something else than the graph that it was made of.
 *
 * Invariant: a message says in one line what the other fields say, with the names of the tensors.
 */

/** One way in which a rewritten graph is not the graph that it was made of. */
export interface EquivalenceViolation {
  /**
   * - `bad-origin`: the list of origins does not fit the graphs, so that nothing else was checked.
   * - `wrong-leaf`: a leaf differs from what it stands for, stands for what another leaf stands for, or is an input of which
   *   the old graph has nothing.
   * - `not-computed`: a node needs what runs later, or never.
   * - `wrong-origin`: a node computes something else than the node that it stands for.
   * - `wrong-slice`: a node is not the slice that it claims to be of the node that it stands for: it reads other elements, or
   *   has other settings.
   * - `wrong-output`: nothing holds what an output or a result of the old graph holds in the end.
   * - `wrong-memory`: memory outside the plan, such as a cache, holds something else in the end.
   * - `wrong-effect`: an operation of which nobody knows all that it does, or a write into memory outside the plan, is left
   *   out, runs once more, or in another order.
   */
  readonly kind:
    | 'bad-origin'
    | 'wrong-leaf'
    | 'not-computed'
    | 'wrong-origin'
    | 'wrong-slice'
    | 'wrong-output'
    | 'wrong-memory'
    | 'wrong-effect';
  /** Id of the tensor in the old graph; null if the old graph has nothing like it. */
  readonly oldId: number | null;
  /** Id of the tensor in the new graph; null if there is none. */
  readonly newId: number | null;
  /** One line naming the tensors. */
  readonly message: string;
}
