/**
 * Orders that a graph relies on without saying so: a node overwrites bytes that another node reads or writes, and no
 * path of sources puts one before the other.
 *
 *     set_rows(cache, k) ──writes──▶ ┌───────┐
 *                                    │ cache │   no path from the write to the read: only the order of the program
 *     mul_mat(view(cache), q) ◀reads─┘───────┘   says which comes first. dependency(view(cache), set_rows) would.
 *
 * Invariant: a pair without a report is ordered by sources, destinations and dependencies alone.
 */
import { checkGraph, type Graph } from '../graph/graph.js';
import { findOperation } from '../graph/operations.js';
import type { GraphTable } from '../graph/table.js';
import { sameLayout } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { Paths } from './paths.js';
import { covers, overlapOf, regionOf, type Region } from './regions.js';

/** Two nodes that touch the same bytes, at least one of them writing; or one that overwrites what it still reads. */
export interface Hazard {
  /**
   * `conflict`: the reader needs a computed value that the writer has destroyed by then, whatever else is true.
   * `unordered`: the result is what the program order makes it; no path of the graph says so.
   */
  readonly kind: 'conflict' | 'unordered';
  /** The node that overwrites. */
  readonly writer: Tensor;
  /**
   * The node that reads or overwrites the same bytes; `writer` itself if it overwrites its own operand, and an output
   * itself if it is lost before it can be read from outside.
   */
  readonly other: Tensor;
  /** Whether `other` runs before `writer` in the graph's order. */
  readonly otherRunsFirst: boolean;
  /** What is read or overwritten by both. */
  readonly tensor: Tensor;
  /** The call that would order the two. */
  readonly missing: string;
}

/** A node that reads or writes bytes of a storage that some node overwrites. */
interface Access {
  readonly step: number;
  readonly nodeId: number;
  readonly isWrite: boolean;
  /** What is read, or the node itself where it writes. */
  readonly region: Region;
  readonly regionId: number;
  /** Of a write: the reads after it of bytes that it touches, in execution order. */
  readonly readsAfter: Access[];
}

/** A hazard with the step at which it has happened. */
interface Found {
  readonly step: number;
  readonly hazard: Hazard;
}

/**
 * Every pair of nodes that touches the same bytes in an order that the graph does not state, in execution order.
 * O(nodes) for graphs that overwrite nothing; otherwise each write also costs the steps from it to the accesses to the
 * same bytes before and after it, no further than to the next write that covers them, and every access costs the writes
 * to its storage back to one that covers it: quadratic for many small writes into one storage, some seconds for 20,000.
 */
export function findHazards(graph: Graph): Hazard[] {
  checkGraph(graph);
  const storages = accessesToOverwritten(graph);
  if (storages.length === 0) return [];
  const search = new Search(graph);
  for (const accesses of storages) search.run(accesses);
  return search.hazards();
}

const NONE = -1;

/** The accesses to each storage that some node overwrites, in execution order. */
function accessesToOverwritten({ tensors, table }: Graph): Access[][] {
  const { nodes, roots, sources, sourceFirst } = table;
  const { storageOf, storages } = overwrittenStorages(tensors, table);
  if (storages.length === 0) return storages;

  for (let step = 0; step < nodes.length; step++) {
    const nodeId = nodes[step];
    for (let s = sourceFirst[nodeId]; s < sourceFirst[nodeId + 1]; s++) {
      const source = sources[s];
      const storage = storageOf[roots[source]];
      if (storage === NONE || computesNothing(tensors[nodeId])) continue;
      const isUpdated = updatedBy(tensors[nodeId]).includes(tensors[source]);
      const isOwn = roots[source] === roots[nodeId] && mayOverwrite(tensors[nodeId], tensors[source]);
      if (!isOwn) storages[storage].push(accessTo(tensors, source, nodeId, step, isUpdated));
    }
    const storage = storageOf[roots[nodeId]];
    if (storage === NONE || !overwrites(tensors[nodeId])) continue;
    storages[storage].push(accessTo(tensors, nodeId, nodeId, step, true));
  }
  // Computed outputs are read once more, from outside, when all is done.
  for (let id = 0; id < tensors.length; id++) {
    const storage = storageOf[roots[id]];
    if (storage === NONE || !tensors[id].isOutput || !isComputed(tensors[id])) continue;
    storages[storage].push(accessTo(tensors, id, id, nodes.length, false));
  }
  return storages;
}

/** An empty list of accesses for each storage that some node overwrites, and its index by the id of the owner. */
function overwrittenStorages(
  tensors: Graph['tensors'],
  { nodes, roots, sources, sourceFirst, tensorCount }: GraphTable,
): { storageOf: Int32Array; storages: Access[][] } {
  const storageOf = new Int32Array(tensorCount).fill(NONE);
  const storages: Access[][] = [];
  const add = (root: number): void => {
    if (storageOf[root] === NONE) storageOf[root] = storages.push([]) - 1;
  };
  for (const id of nodes) {
    if (overwrites(tensors[id])) add(roots[id]);
    const updated = updatedBy(tensors[id]);
    for (let s = sourceFirst[id]; s < sourceFirst[id + 1] && updated.length > 0; s++) {
      if (updated.includes(tensors[sources[s]])) add(roots[sources[s]]);
    }
  }
  return { storageOf, storages };
}

const NO_TENSORS: readonly (Tensor | null)[] = [];

/** The sources that a node writes besides its result. */
function updatedBy(node: Tensor): readonly (Tensor | null)[] {
  const slots = findOperation(node.op)?.updates ?? [];
  return slots.length === 0 ? NO_TENSORS : slots.map((slot) => node.sources[slot] ?? null);
}

/** Whether a node has computed what `tensor` shows; else it is memory that somebody fills from outside. */
function isComputed(tensor: Tensor): boolean {
  let at: Tensor | null = tensor;
  while (at !== null && at.op !== 'NONE' && computesNothing(at)) at = at.sources[0] ?? null;
  return at !== null && at.op !== 'NONE';
}

/** Whether nothing is left of what `node` overwrites. */
function writesAll(node: Tensor): boolean {
  return node.destination !== null || findOperation(node.op)?.writesPart === false;
}

function accessTo(tensors: Graph['tensors'], regionId: number, nodeId: number, step: number, isWrite: boolean): Access {
  return { step, nodeId, isWrite, region: regionOf(tensors[regionId]), regionId, readsAfter: [] };
}

/** Whether a node writes into a storage that some other tensor owns. */
function overwrites(node: Tensor): boolean {
  return node.isView && !computesNothing(node);
}

function computesNothing(node: Tensor): boolean {
  return node.op === 'NONE' || (findOperation(node.op)?.isView ?? false);
}

/** Whether `node`, which writes into the storage of `source`, may do so while it reads `source`. */
function mayOverwrite(node: Tensor, source: Tensor): boolean {
  if (!sameLayout(node, source) || node.viewOffset !== source.viewOffset) return false;
  if (node.destination === null) return true; // it is the operand that the operation is there to overwrite
  const operands = node.inPlaceRule?.operands ?? findOperation(node.op)?.overwrites ?? [];
  return node.sources.every((other, slot) => other !== source || operands.includes(slot));
}

/**
 * Of the first `count` accesses, those to bytes that `later` touches, last to first; back to a write that covers them
 * all: what came before that is ordered if the two are.
 */
function touchedBy(later: Access, accesses: readonly Access[], count: number): Access[] {
  const touched: Access[] = [];
  for (let i = count - 1; i >= 0; i--) {
    const earlier = accesses[i];
    if (overlapOf(earlier.region, later.region) !== 'disjoint') touched.push(earlier);
    if (earlier.isWrite && covers(earlier.region, later.region)) break;
  }
  return touched;
}

/** Compares the accesses to one storage after another. */
class Search {
  readonly #tensors: Graph['tensors'];
  readonly #paths: Paths;
  readonly #lastStep: number;
  readonly #found: Found[] = [];

  constructor({ tensors, table }: Graph) {
    this.#tensors = tensors;
    this.#paths = new Paths(table);
    this.#lastStep = table.nodes.length - 1;
  }

  hazards(): Hazard[] {
    return this.#found.sort((a, b) => a.step - b.step).map(({ hazard }) => hazard);
  }

  run(accesses: readonly Access[]): void {
    const writes: Access[] = [];
    for (let index = 0; index < accesses.length; index++) {
      const access = accesses[index];
      if (access.isWrite) {
        this.#compareWithEarlier(access, touchedBy(access, accesses, index));
        writes.push(access);
      } else {
        for (const write of touchedBy(access, writes, writes.length)) write.readsAfter.push(access);
      }
    }
    for (const write of writes) this.#compareWithReads(write);
  }

  /** Of `touched`, in which later steps come first, reports what the write does not depend on. */
  #compareWithEarlier(write: Access, touched: readonly Access[]): void {
    if (touched.length === 0) return;
    this.#paths.markAncestors(write.step, touched[touched.length - 1].step);
    const node = this.#tensors[write.nodeId];
    for (const earlier of touched) {
      if (earlier.nodeId === write.nodeId) {
        const isCertain = overlapOf(earlier.region, write.region) === 'overlapping';
        const missing = `cont(${nameOf(earlier.region.tensor)}) as what ${nameOf(node)} reads`;
        this.#report(isCertain ? 'conflict' : 'unordered', write, earlier, missing);
      } else if (!this.#paths.isMarked(earlier.nodeId)) {
        const first = nameOf(this.#tensors[earlier.nodeId]);
        const missing = `dependency(${nameOf(targetOf(node))}, ${first}) as what ${nameOf(node)} overwrites`;
        this.#report('unordered', write, earlier, missing);
      }
    }
  }

  /** Reports which reads after the write do not depend on it. */
  #compareWithReads(write: Access): void {
    const reads = write.readsAfter;
    if (reads.length === 0) return;
    this.#paths.markDescendants(write.step, Math.min(reads[reads.length - 1].step, this.#lastStep));
    for (const read of reads) {
      if (this.#paths.isMarked(read.regionId)) continue; // it reads what was written
      const { tensor } = read.region;
      const [writer, reader] = [this.#tensors[write.nodeId], this.#tensors[read.nodeId]];
      const missing = `dependency(${nameOf(tensor)}, ${nameOf(writer)}) as what ${nameOf(reader)} reads`;
      const isLost = tensor.root.op !== 'NONE' || (isComputed(tensor) && writesAll(writer));
      if (isLost && overlapOf(write.region, read.region) === 'overlapping') {
        this.#report('conflict', write, read, missing);
      } else if (!this.#paths.isMarked(read.nodeId)) {
        this.#report('unordered', write, read, missing);
      }
    }
  }

  #report(kind: Hazard['kind'], write: Access, access: Access, missing: string): void {
    const writer = this.#tensors[write.nodeId];
    const other = this.#tensors[access.nodeId];
    const otherRunsFirst = access.step < write.step;
    const hazard = { kind, writer, other, otherRunsFirst, tensor: access.region.tensor, missing };
    this.#found.push({ step: Math.max(write.step, access.step), hazard });
  }
}

/** What a node overwrites, as the caller named it. */
function targetOf(writer: Tensor): Tensor {
  const named = writer.destination ?? writer.sources.find((source) => source !== null && source.root === writer.root);
  return named ?? writer.root;
}

function nameOf(tensor: Tensor): string {
  return tensor.name || tensor.op;
}
