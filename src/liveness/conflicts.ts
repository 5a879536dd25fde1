/**
 * Whether a graph may have a conflict at all: a quick look, so that a measurement need not find every hazard.
 *
 *     t ──▶ w = scale_inplace(t) ──▶ r      w is what t's storage holds last, and r reads it: r depends on w. As long as
 *     └─────────────────────────────▶ r     each writer reads what was there before it, r depends on all of them.
 *                                           A read of t itself after w is one that may find its value destroyed.
 *
 * Invariant: false only if `findHazards` reports no conflict. O(sources from the first writer on).
 */
import type { GraphTable } from '../graph/table.js';
import { TRAIT } from '../graph/table.js';
import type { Tensor } from '../tensor/tensor.js';
import { mayOverwrite } from './hazards.js';

const NONE = -1;
/** In a storage: some writer has not read what the one before it left. */
const BROKEN = -2;

export function mayConflict(tensors: readonly Tensor[], table: GraphTable): boolean {
  const { writers, outputs, nodes, steps, roots, sources, sourceFirst, traits, tensorCount } = table;
  if (writers.length === 0) return false;
  // By the id of its owner: whether a storage is overwritten at all, and by whom last.
  const isOverwritten = new Uint8Array(tensorCount);
  const newest = new Int32Array(tensorCount).fill(NONE);
  const isWriter = new Uint8Array(tensorCount);
  let firstStep = nodes.length;
  for (let w = 0; w < writers.length; w++) {
    const id = writers[w];
    // What writes to its operands besides its result is rare: only the whole search knows it.
    if (traits[id] % TRAIT.external !== TRAIT.view || mayUpdate(tensors[id])) return true;
    isWriter[id] = 1;
    isOverwritten[roots[id]] = 1;
    if (steps[id] < firstStep) firstStep = steps[id];
  }

  /** The tensor whose value `id` shows: what computed it, or a leaf. */
  const shownBy = (id: number): number => {
    let at = id;
    // A view that writes nothing computes nothing.
    while (traits[at] % TRAIT.external === TRAIT.view && isWriter[at] === 0 && sourceFirst[at] < sourceFirst[at + 1]) {
      at = sources[sourceFirst[at]];
    }
    return at;
  };
  /** Whether what `id` shows may be gone by now. */
  const mayBeGone = (id: number): boolean => {
    const writer = newest[roots[id]];
    if (writer === NONE) return false;
    const shown = shownBy(id);
    if (shown === writer) return false;
    // What is filled from outside is what the order of the program makes it.
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
