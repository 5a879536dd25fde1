/**
 * Which operands the result of a node may lie over, as its operation or a graph file says.
 *
 * Invariant: this is the only fact that the verifiers trust without recomputing it.
 */
import { sameLayout } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';

/** Lists of slots as sets: a graph file may name any number of slots, and each slot is looked up. */
const SLOT_SETS = new WeakMap<readonly number[], ReadonlySet<number>>();

function includes(slots: readonly number[], slot: number): boolean {
  let set = SLOT_SETS.get(slots);
  if (set === undefined) SLOT_SETS.set(slots, (set = new Set(slots)));
  return set.has(slot);
}

/** Whether `node` may overwrite its operand in `slot`, if both have the same bytes. */
export function mayOverwrite(node: Tensor, slot: number): boolean {
  const source = node.sources[slot]!;
  const { operation, overwritableSlots: declared } = node;
  if (!sameLayout(node, source)) return false;
  if (includes(declared, slot)) return true;
  // For an operation that the library does not know, the graph file decides: if it allows overwriting and names no
  // slots, the operation may overwrite any operand. A storage that the node reads twice is not safe, since nobody knows
  // the order of the reads.
  const isUnknown =
    (operation === null || !operation.isKnown) && declared.length === 0 && node.reuseRule?.reusesAny === true;
  return isUnknown && node.sources.every((other, index) => index === slot || other?.root !== source.root);
}
