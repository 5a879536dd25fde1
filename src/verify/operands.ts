/**
 * Which operands the result of a node may lie over, as far as its operation, or a graph file, says.
 *
 * Invariant: the one place where the verifiers take a word for anything.
 */
import { isKnown } from '../graph/operation.js';
import { sameLayout } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';

/** Lists of slots as sets: a graph file may name any number of them, and each is asked for. */
const SLOT_SETS = new WeakMap<readonly number[], ReadonlySet<number>>();

function includes(slots: readonly number[], slot: number): boolean {
  let set = SLOT_SETS.get(slots);
  if (set === undefined) SLOT_SETS.set(slots, (set = new Set(slots)));
  return set.has(slot);
}

/** Whether `node` may overwrite what it reads in `slot`, if both have the same bytes. */
export function mayOverwrite(node: Tensor, slot: number): boolean {
  const source = node.sources[slot]!;
  const { operation, overwritableSlots: declared } = node;
  if (!sameLayout(node, source)) return false;
  if (includes(declared, slot)) return true;
  // Of an operation that the library does not know, a graph file's word is all there is: it may overwrite any operand, if
  // none is named. What it does with a storage that it reads twice is anybody's guess.
  const isUnknown =
    (operation === null || !isKnown(operation)) && declared.length === 0 && node.reuseRule?.ggml === true;
  return isUnknown && node.sources.every((other, index) => index === slot || other?.root !== source.root);
}
