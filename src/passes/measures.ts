/**
 * What a pass makes small: the live load of a graph's plan, or the buffer that it takes.
 */
import type { Graph } from '../graph/graph.js';
import { groupsOf } from '../liveness/groups.js';
import { analyzeLiveness } from '../liveness/liveness.js';
import { place } from '../plan/measure.js';
import type { ResolvedOptions } from '../plan/options.js';
import { liveLoad } from '../problem/lower-bound.js';

/** `load`: the live load, which no placement can go below; `size`: the buffer that `measureGraph` makes. */
export type Minimised = 'load' | 'size';

export const MEASURES: Readonly<Record<Minimised, (graph: Graph, planning: ResolvedOptions) => number>> = {
  load: (graph, { alignment, reuse, runtime }) => {
    const { problem } = analyzeLiveness(graph.table, reuse, alignment, groupsOf(graph, runtime));
    return liveLoad(problem).bytes;
  },
  size: (graph, planning) => place(graph, planning).measurement.bufferSize,
};
