/**
 * What an order of jobs costs, in flat columns: which storages a job makes, reads and may reuse.
 *
 * The load is that of `analyzeLiveness` without groups: a storage takes its padded size from the job that makes it (leafs:
 * from the start) to the last job that reads it, and a job that reuses a storage which dies at it does not need that one's
 * bytes besides its own.
 *
 * Invariant: after a set of jobs has run, the bytes that are live depend on the set alone, and not on its order.
 */
import type { Graph } from '../../graph/graph.js';
import { isComputed, isKept, isPlanned, REUSABLE, type GraphTable } from '../../graph/table.js';
import type { ReuseMode } from '../../liveness/liveness.js';
import { alignUp } from '../../units.js';
import { listsOf, type Jobs, type Lists } from './jobs.js';

export interface OrderProblem extends Pick<Jobs, 'needs' | 'isLazy'> {
  readonly jobCount: number;
  /** By storage, bytes with padding. */
  readonly sizes: Float64Array;
  /** By job, the storage that it makes; -1 if it makes none. */
  readonly made: Int32Array;
  /** By job, the storages that it reads, each once; not the one that it makes. */
  readonly reads: Lists;
  /** By job, those of `reads` that it may reuse if they die there. */
  readonly reusable: Lists;
  /** By storage, the jobs that read it; not the one that makes it. */
  readonly readers: Lists;
  /** By storage, whether it lasts to the end. */
  readonly isKept: Uint8Array;
  /** Bytes of the storages that are there from the start. */
  readonly firstLoad: number;
  /** The same without those that no job reads. */
  readonly startLoad: number;
}

/** No storage. */
export const NO_STORAGE = -1;

/** O(tensors + sources). */
export function orderProblemOf(graph: Graph, jobs: Jobs, alignment: number, mode: ReuseMode): OrderProblem {
  const { table } = graph;
  const { steps, needs, isLazy } = jobs;
  const storageOf = numberStorages(table);
  const sizes: number[] = [];
  const kept: number[] = [];
  storageOf.forEach((storage, root) => {
    if (storage === NO_STORAGE) return;
    sizes[storage] = alignUp(table.sizes[root], alignment);
    kept[storage] = isKept(table.traits[root]) ? 1 : 0;
  });
  const made = Int32Array.from(steps, ([step]) => {
    const node = table.nodes[step];
    return isComputed(table.traits[node]) ? storageOf[node] : NO_STORAGE;
  });
  const reads = steps.map((own, job) => readsOf(table, own, storageOf, made[job]));
  const reusable = steps.map((own) => reusableBy(table, own, storageOf, mode));
  const readers: number[][] = sizes.map(() => []);
  reads.forEach((list, job) => list.forEach((storage) => readers[storage].push(job)));
  const isMade = new Uint8Array(sizes.length);
  for (const storage of made) if (storage !== NO_STORAGE) isMade[storage] = 1;
  const early = sizes.map((size, storage) => (isMade[storage] === 1 ? 0 : size));
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  return {
    jobCount: steps.length,
    needs,
    isLazy,
    sizes: Float64Array.from(sizes),
    made,
    reads: listsOf(reads),
    reusable: listsOf(reusable),
    readers: listsOf(readers),
    isKept: Uint8Array.from(kept),
    firstLoad: sum(early),
    startLoad: sum(early.filter((_, storage) => kept[storage] === 1 || readers[storage].length > 0)),
  };
}

/** By the id of its root, the number of each storage that needs bytes in the plan. */
function numberStorages({ tensorCount, traits, sizes }: GraphTable): Int32Array {
  const storageOf = new Int32Array(tensorCount).fill(NO_STORAGE);
  let count = 0;
  for (let id = 0; id < tensorCount; id++) if (isPlanned(traits[id]) && sizes[id] > 0) storageOf[id] = count++;
  return storageOf;
}

function readsOf(table: GraphTable, steps: readonly number[], storageOf: Int32Array, made: number): number[] {
  const { nodes, sources, sourceFirst, roots } = table;
  const reads = new Set<number>();
  for (const step of steps) {
    const node = nodes[step];
    for (let s = sourceFirst[node]; s < sourceFirst[node + 1]; s++) reads.add(storageOf[roots[sources[s]]]);
  }
  reads.delete(NO_STORAGE);
  reads.delete(made);
  return [...reads];
}

/** The storages that a job may reuse, as `canReuse` of liveness has it, but for the time. */
function reusableBy(table: GraphTable, steps: readonly number[], storageOf: Int32Array, mode: ReuseMode): number[] {
  const { nodes, sources, sourceFirst, roots, traits, reusable } = table;
  const node = nodes[steps[0]];
  if (mode === 'off' || !isComputed(traits[node])) return [];
  const rule = mode === 'full' ? REUSABLE.full : REUSABLE.any;
  const found = new Set<number>();
  for (let s = sourceFirst[node]; s < sourceFirst[node + 1]; s++) {
    const root = roots[sources[s]];
    const isAllowed = reusable[s] === rule || reusable[s] === REUSABLE.any + REUSABLE.full;
    if (isAllowed && storageOf[root] !== NO_STORAGE && !isKept(traits[root])) found.add(storageOf[root]);
  }
  // What a view reads after the node does not die at the node.
  for (const step of steps.slice(1)) {
    const view = nodes[step];
    for (let s = sourceFirst[view]; s < sourceFirst[view + 1]; s++) found.delete(storageOf[roots[sources[s]]]);
  }
  return [...found];
}
