/**
 * Whether a graph may have a conflict: a quick check that spares most measurements the full search for hazards.
 *
 *     t ──▶ w = scale_inplace(t) ──▶ r      r reads w, the last value in t's storage, so r depends on w. If each writer
 *     └─────────────────────────────▶ r     reads the value that it overwrites, r depends on all earlier writers too.
 *                                           A read of t itself after w may find the value of t destroyed.
 *
 * Invariant: false only if `findHazards` reports no conflict. O(sources from the first writer on).
 */
import type { GraphTable } from '../graph/table.js';
import { TRAIT } from '../graph/table.js';
import type { Tensor } from '../tensor/tensor.js';
import { mayOverwrite } from './hazards.js';

const NONE = -1;
/** Mark of a storage in which some writer has not read the value that the writer before it left. */
const BROKEN = -2;

export function mayConflict(tensors: readonly Tensor[], table: GraphTable): boolean {
  const { writers, outputs, nodes, steps, roots, sources, sourceFirst, traits, tensorCount } = table;
  if (writers.length === 0) return false;
  // By the id of a storage's root: whether some node overwrites the storage, and the last writer so far.
  const isOverwritten = new Uint8Array(tensorCount);
  const newest = new Int32Array(tensorCount).fill(NONE);
  const isWriter = new Uint8Array(tensorCount);
  let firstStep = nodes.length;
  for (let w = 0; w < writers.length; w++) {
    const id = writers[w];
    // Nodes that write to operands besides their result are rare: the full search handles them.
    if (traits[id] % TRAIT.external !== TRAIT.view || mayUpdate(tensors[id])) return true;
    isWriter[id] = 1;
    isOverwritten[roots[id]] = 1;
    if (steps[id] < firstStep) firstStep = steps[id];
  }

  /** The tensor that holds the value of `id`, views looked through: the node that computed it, or a leaf. */
  const shownBy = (id: number): number => {
    let at = id;
    // A view that writes nothing computes nothing.
    while (traits[at] % TRAIT.external === TRAIT.view && isWriter[at] === 0 && sourceFirst[at] < sourceFirst[at + 1]) {
      at = sources[sourceFirst[at]];
    }
    return at;
  };
  /** Whether a writer may have destroyed the value of `id` by now. */
  const mayBeGone = (id: number): boolean => {
    const writer = newest[roots[id]];
    if (writer === NONE) return false;
    const shown = shownBy(id);
    if (shown === writer) return false;
    // A leaf that the caller fills has no computed value to lose.
    const isFilled = tensors[roots[id]].operation === null && sourceFirst[shown] === sourceFirst[shown + 1];
    return !(isFilled && tensors[shown].operation === null);
  };

  for (let step = firstStep; step < nodes.length; step++) {
    const id = nodes[step];
    const writes = isWriter[id] === 1;
    if (!writes && traits[id] % TRAIT.external === TRAIT.view) continue;
    const root = roots[id];
    let continues = newest[root] === NONE;
    const end = sourceFirst[id + 1];
    for (let entry = sourceFirst[id]; entry < end; entry++) {
      const source = sources[entry];
      if (isOverwritten[roots[source]] === 0) continue;
      if (mayBeGone(source)) return true;
      if (!writes || roots[source] !== root) continue;
      if (!mayOverwrite(tensors[id], tensors[source])) return true;
      if (shownBy(source) === newest[root]) continues = true;
    }
    if (writes) newest[root] = continues ? id : BROKEN;
  }
  for (let index = 0; index < outputs.length; index++) if (mayBeGone(outputs[index])) return true;
  return false;
}

/** Whether a node may write to operands besides its result. */
function mayUpdate({ operation }: Tensor): boolean {
  return operation === null || !operation.isKnown || operation.updates.length > 0;
}
