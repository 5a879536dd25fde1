/**
 * Which tensors are in memory at the worst moment.
 *
 *     step     0    1    2    3
 *     a        ████████                 the peak is step 1, where a, b and c live;
 *     b             ████████            d takes over the bytes of b at step 3, so that b counts as gone there
 *     c        ██████████████
 *     d                      ████
 *
 * Invariant: the bytes of the tensors that live at the peak add up to the plan's lower bound.
 */
import type { Plan, PlannedTensor } from '../plan/plan.js';

/** The step at which most bytes are live. */
export interface Peak {
  /** Position in the execution order; the first one, if several are equal. */
  readonly step: number;
  /** Bytes that are live at that step. */
  readonly bytes: number;
  /** What lives there, the largest first, then by offset; `end` is where the bytes are given up or taken over. */
  readonly tensors: readonly PlannedTensor[];
}

/** Finds the peak of a plan. O(n log n + steps). */
export function findPeak(plan: Plan): Peak {
  const tensors = occupants(plan);
  const load = new Float64Array(Math.max(1, plan.nodeCount) + 1);
  for (const { start, end, size } of tensors) {
    load[start] += size;
    load[end] -= size;
  }
  let step = 0;
  let bytes = 0;
  for (let s = 0, current = 0; s < load.length; s++) {
    current += load[s];
    if (current > bytes) [step, bytes] = [s, current];
  }
  const alive = tensors.filter(({ start, end }) => start <= step && step < end);
  alive.sort((a, b) => b.size - a.size || a.chunk - b.chunk || a.offset - b.offset);
  return { step, bytes, tensors: alive };
}

/** The planned tensors that need bytes, each only until another one takes these bytes over. */
function occupants({ tensors, shares }: Plan): PlannedTensor[] {
  const startOf = new Map(tensors.map(({ id, start }) => [id, start]));
  const takenAt = new Map<number, number>();
  for (const { id, with: giver, why } of shares) {
    const start = startOf.get(id);
    if (why === 'in-place' && start !== undefined) takenAt.set(giver, start);
  }
  return tensors
    .map((tensor) => ({ ...tensor, end: takenAt.get(tensor.id) ?? tensor.end }))
    .filter(({ start, end, size }) => start < end && size > 0);
}
