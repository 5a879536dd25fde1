/**
 * The violations that a plan can have, and their messages.
 *
 * Invariant: a message says in one line what the other fields say, with the names of the tensors.
 */
import type { Tensor } from '../tensor/tensor.js';

/** One broken rule. */
export interface PlanViolation {
  /**
   * - `overlap`: two storages need the same bytes at once.
   * - `stale-view`: the first tensor is a view that is read after the second has been computed over some of its bytes,
   *   while no node reads the storage itself any more.
   * - `output-overwritten`: the first storage must last to the end, as an output or because nobody reads it.
   * - `in-place-not-allowed`: the second tensor is computed over an operand that its operation, or the runtime's kernel,
   *   may not overwrite, or may not overwrite at that offset.
   * - `fused-overlap`: the second tensor is the result of nodes that the runtime may compute at once, and lies over the
   *   first tensor, which one of these nodes reads.
   * - `misaligned`, `out-of-arena`: a storage has a wrong place; `missing`: it has no place; `duplicate`: it has two.
   * - `wrong-pool`: a storage lies in a chunk of another pool than its own, so that another device would have to reach it.
   * - `unknown-tensor`: the graph has no tensor with the entry's id.
   * - `wrong-entry`: the entry states a wrong name, size or live range, or gives a view a place outside its storage.
   * - `chunk-limit`: a chunk is too large; `bad-size`: the sizes, the alignment or the pools of the plan contradict
   *   one another, or are not the pools that the check was given.
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
    | 'wrong-entry'
    | 'wrong-pool';
  /**
   * Ids of the tensors concerned: two where bytes collide, the earlier one first; for `chunk-limit`, all tensors that
   * end above the limit; none where the plan as a whole is concerned.
   */
  readonly ids: readonly number[];
  /** First and one past the last step at which the rule is broken; null where the rule has nothing to do with time. */
  readonly steps: readonly [number, number] | null;
  /** The bytes concerned within the chunk, first and one past the last; null where no bytes are concerned. */
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
