/**
 * What can be wrong with a plan, and how it is said.
 *
 * Invariant: a message says in one line what the other fields say, with the names of the tensors.
 */
import type { Tensor } from '../tensor/tensor.js';

/** One broken rule. */
export interface PlanViolation {
  /**
   * `overlap`: two storages need the same bytes at once; `stale-view`: the first is a view that is read after the second has
   * been computed over some of its bytes, while the storage itself is read no more; `output-overwritten`: the first must
   * last to the end, as an output or because nobody reads it; `in-place-not-allowed`: the second is computed over an
   * operand that its operation may not overwrite, or not there; `fused-overlap`: the second is the result of nodes that the
   * runtime may compute at once, and lies over the first, which one of them reads; `misaligned`, `out-of-arena`: the place of one storage;
   * `missing`: it has none; `duplicate`: it has two; `unknown-tensor`: the graph has no such tensor; `wrong-entry`: what
   * the plan says of name, size or live range, or the place that it gives to what lies elsewhere; `chunk-limit`, `bad-size`: sizes of chunks and of the whole.
   */
  readonly kind:
    | 'bad-size'
    | 'chunk-limit'
    | 'duplicate'
    | 'fused-overlap'
    | 'in-place-not-allowed'
    | 'misaligned'
    | 'missing'
    | 'out-of-arena'
    | 'output-overwritten'
    | 'overlap'
    | 'stale-view'
    | 'unknown-tensor'
    | 'wrong-entry';
  /**
   * Ids of the tensors concerned: two where bytes collide, the one that came first in front; all that end above the
   * limit of their chunk; none where the plan as a whole is concerned.
   */
  readonly ids: readonly number[];
  /** First and one past the last step at which the rule is broken; null where it has nothing to do with time. */
  readonly steps: readonly [number, number] | null;
  /** The bytes concerned within the chunk, first and one past the last; null where there are none. */
  readonly bytes: readonly [number, number] | null;
  /** One line naming the tensors, steps and bytes. */
  readonly message: string;
}

/** What messages call a tensor. */
export function labelOf(tensor: Tensor | undefined, id: number): string {
  return tensor === undefined
    ? `tensor ${typeof id === 'string' ? JSON.stringify(id) : id}`
    : `${tensor.label} (${id})`;
}
