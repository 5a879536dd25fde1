/**
 * Graphs that passes have made of one graph, with what each needs and costs.
 *
 * Invariant: a frontier is by falling size and rising cost; of two that need and cost the same, the earlier one stays.
 */
import type { Rewritten } from '../../graph/rewritten.js';
import type { FitPoint } from './options.js';

/** A graph with its size and its cost. `origin` names tensors of the graph that was given first. */
export interface Candidate extends Rewritten, FitPoint {}

/** Whether the first costs less, or as much. */
const isNoDearer = (a: FitPoint, b: FitPoint): boolean =>
  a.extraOps < b.extraOps || (a.extraOps === b.extraOps && a.rereadBytes <= b.rereadBytes);

/** The candidates but for those for which another is as small and no dearer, the cheapest first. */
export function frontierOf(candidates: readonly Candidate[]): Candidate[] {
  const sorted = [...candidates].sort(
    (a, b) => a.bufferSize - b.bufferSize || a.extraOps - b.extraOps || a.rereadBytes - b.rereadBytes,
  );
  const frontier: Candidate[] = [];
  for (const candidate of sorted) {
    if (!frontier.some((smaller) => isNoDearer(smaller, candidate))) frontier.push(candidate);
  }
  return frontier.reverse();
}

/** What stands for the tensors of the first graph after one more pass. */
export function throughOrigin(base: Rewritten, step: Rewritten): Rewritten {
  const origin = step.origin.map((id) => (id === -1 ? -1 : base.origin[id]));
  if (base.slices === undefined && step.slices === undefined) return { graph: step.graph, origin };
  const slices = Array.from(step.origin, (id, index) => {
    return step.slices?.[index] ?? (id === -1 ? null : (base.slices?.[id] ?? null));
  });
  return { graph: step.graph, origin, slices };
}
