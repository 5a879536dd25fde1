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
import type { Jobs } from './jobs.js';
import { inverseOf, listsOf, type Lists } from './lists.js';

export interface OrderProblem {
  readonly jobCount: number;
  /** Jobs that each job must follow, all of them before it in the given order. */
  readonly needs: Lists;
  /** By storage, bytes with padding. */
  readonly sizes: Float64Array;
  /** By job, the storage that it makes; -1 if it makes none. */
  readonly made: Int32Array;
  /** By job, the bytes of that storage. */
  readonly madeBytes: Float64Array;
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

/**
 * O(tensors + sources).
 *
 * @param smallest storages below so many bytes are left out. Every order of what is left needs at most what it needs of all
 */
export function orderProblemOf(
  graph: Graph,
  { steps, needs }: Jobs,
  { alignment, reuse, smallest }: { readonly alignment: number; readonly reuse: ReuseMode; readonly smallest: number },
): OrderProblem {
  const { table } = graph;
  const storageOf = new Int32Array(table.tensorCount).fill(NO_STORAGE);
  const sizes: number[] = [];
  const kept: number[] = [];
  for (let id = 0; id < table.tensorCount; id++) {
    if (!isPlanned(table.traits[id]) || table.sizes[id] < smallest) continue;
    storageOf[id] = sizes.push(alignUp(table.sizes[id], alignment)) - 1;
    kept.push(isKept(table.traits[id]) ? 1 : 0);
  }
  const made = Int32Array.from(steps, ([step]) => {
    const node = table.nodes[step];
    return isComputed(table.traits[node]) ? storageOf[node] : NO_STORAGE;
  });
  const reads = listsOf(steps.map((own, job) => readsOf(table, own, storageOf, made[job])));
  const reusable = listsOf(steps.map((own) => reusableBy(table, own, storageOf, reuse)));
  const readers = inverseOf(reads, sizes.length);
  const isMade = new Uint8Array(sizes.length);
  for (const storage of made) if (storage !== NO_STORAGE) isMade[storage] = 1;
  let firstLoad = 0;
  let startLoad = 0;
  sizes.forEach((size, storage) => {
    if (isMade[storage] === 1) return;
    firstLoad += size;
    if (kept[storage] === 1 || readers.first[storage] < readers.first[storage + 1]) startLoad += size;
  });
  return {
    jobCount: steps.length,
    needs,
    sizes: Float64Array.from(sizes),
    made,
    madeBytes: Float64Array.from(made, (storage) => (storage === NO_STORAGE ? 0 : sizes[storage])),
    reads,
    reusable,
    readers,
    isKept: Uint8Array.from(kept),
    firstLoad,
    startLoad,
  };
}

function readsOf(table: GraphTable, steps: readonly number[], storageOf: Int32Array, made: number): number[] {
  const { nodes, sources, sourceFirst, roots } = table;
  const reads: number[] = [];
  for (const step of steps) {
    const node = nodes[step];
    for (let s = sourceFirst[node]; s < sourceFirst[node + 1]; s++) {
      const storage = storageOf[roots[sources[s]]];
      if (storage !== NO_STORAGE && storage !== made && !reads.includes(storage)) reads.push(storage);
    }
  }
  return reads;
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
  for (let index = 1; index < steps.length && found.size > 0; index++) {
    const view = nodes[steps[index]];
    for (let s = sourceFirst[view]; s < sourceFirst[view + 1]; s++) found.delete(storageOf[roots[sources[s]]]);
  }
  return [...found];
}
