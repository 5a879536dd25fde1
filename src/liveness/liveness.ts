/**
 * From a graph to a placement problem: which node reuses the storage of a dying operand, and the live range of each
 * storage. Matches `ggml_gallocr_alloc_graph_impl`, without its addresses.
 *
 * A step is a position in the execution order. `c` reuses the storage of `a`, so both are one buffer:
 *
 *     step      0       1        2        3          buffer   live range
 *     node    a = …   b = f(a) c = a+b  d = g(c)
 *     a       ██████████████████                      0       [0, 4)   a, then c
 *     b               ██████████                      1       [1, 3)
 *     c                        ████████████
 *     d                                 ███           2       [3, 4)
 *
 * Invariant: a storage lives from the step that first writes it (inputs and other leafs: from step 0) to the step after
 * the last one that reads it or a view of it; outputs and results that nobody reads live to the end. The operands of a
 * group live to the step at which the bytes of the group's result begin to exist.
 */
import { REUSABLE, isComputed, isKept, isPlanned, type GraphTable } from '../graph/table.js';
import { ColumnSet } from '../columns.js';
import type { Pools } from '../graph/pools.js';
import type { GapTable, Problem } from '../problem/problem.js';
import { alignUp, checkBytes } from '../units.js';
import type { FusedGroups } from './groups.js';

/** Which nodes may reuse a dying operand: no node, the nodes that do so in ggml, or all nodes that provably can. */
export type ReuseMode = 'off' | 'ggml' | 'full';

/** No buffer: a view, an external tensor, or one of zero bytes. */
export const NO_BUFFER = -1;

/** The problem that a graph poses, and the buffer of each storage. */
export interface Liveness {
  /** Buffers in the order in which an online allocator meets them. */
  readonly problem: Problem;
  /** Buffer of each tensor that owns a planned storage, by id; {@link NO_BUFFER} for all others. */
  readonly bufferOf: Int32Array;
  /**
   * One past the last step at which each storage is read, or kept for a group that reads it, by the id of its root. A
   * node that reuses the storage does not count.
   */
  readonly storageEnds: Int32Array;
  /** Id of the root whose buffer each tensor reuses; {@link NO_BUFFER} for all others. */
  readonly reused: Int32Array;
}

/**
 * Works out the live ranges of a graph's storages. O(tensors + sources).
 *
 * Each node reuses an operand if it may: the first one in mode `ggml`, as ggml does, and the one with the largest
 * storage in mode `full`. At the node's step the result and the reused storage count once; at every other step all
 * choices need the same bytes. So the live load in mode `full` is the least of all choices, except for the storages
 * that groups keep alive.
 *
 * @param memory the pools that storages lie in; or, for one pool, its alignment: sizes are padded to multiples of it, bytes
 * @param refused one per entry of `table.sources`: 1 where the node must not reuse that operand. Default: the refusals
 * of `groups`
 * @param groups the nodes that the runtime may compute at once; `refused` must include their refusals. Default: none
 * @param smallest storages of fewer bytes get no buffer: 0 or 1. Default 1
 * @throws PlannerError `BYTES_TOO_LARGE` if all storages together exceed 2^53 - 1 bytes
 */
export function analyzeLiveness(
  table: GraphTable,
  mode: ReuseMode,
  memory: number | Pools,
  groups: FusedGroups | null = null,
  refused: Uint8Array | null = groups?.refused ?? null,
  smallest = 1,
): Liveness {
  const { nodes, leafs, inputNodes, traits, roots, sources } = table;
  const storageEnds = storageEndsOf(table);
  const pools = typeof memory === 'number' ? null : memory;
  const buffers = new BufferColumns(table, storageEnds, memory, smallest);
  for (let i = 0; i < leafs.length; i++) if (isPlanned(traits[leafs[i]])) buffers.add(leafs[i], 0);
  for (let i = 0; i < inputNodes.length; i++) if (isPlanned(traits[inputNodes[i]])) buffers.add(inputNodes[i], 0);
  let group = 0;
  for (let step = 0; step < nodes.length; step++) {
    const node = nodes[step];
    if (isComputed(traits[node])) {
      const entry = findReused(table, node, mode, storageEnds, refused, pools);
      const reused = entry === NO_ENTRY ? NO_BUFFER : roots[sources[entry]];
      if (reused === NO_BUFFER) buffers.add(node, step);
      else buffers.reuse(reused, node, step);
    }
    if (groups !== null && groups.lastSteps[group] === step) buffers.keepFor(roots[node], groups, group++);
  }
  return { problem: buffers.toProblem(), bufferOf: buffers.bufferOf, storageEnds, reused: buffers.reused };
}

/** A graph without nodes still has one step, at which its leafs exist. */
const stepCountOf = ({ nodes }: GraphTable): number => Math.max(1, nodes.length);

/** By the id of its root, the step after the last read of each storage; `stepCount` for kept storages. O(sources). */
export function storageEndsOf(table: GraphTable): Int32Array {
  const { nodes, sourceFirst, sources, roots, kept, tensorCount } = table;
  const ends = new Int32Array(tensorCount);
  const stepCount = stepCountOf(table);
  for (let step = 0; step < nodes.length; step++) {
    const node = nodes[step];
    const last = sourceFirst[node + 1];
    for (let s = sourceFirst[node]; s < last; s++) ends[roots[sources[s]]] = step + 1;
  }
  for (let i = 0; i < kept.length; i++) ends[kept[i]] = stepCount;
  return ends;
}

const NO_ENTRY = -1;

/** The entry of `sources` whose storage `node` reuses; {@link NO_ENTRY} if there is none. */
function findReused(
  table: GraphTable,
  node: number,
  mode: ReuseMode,
  storageEnds: Int32Array,
  refused: Uint8Array | null,
  pools: Pools | null,
): number {
  const { sourceFirst, sources, reusable, roots, sizes } = table;
  let reused = NO_ENTRY;
  for (let entry = sourceFirst[node]; entry < sourceFirst[node + 1]; entry++) {
    if (reusable[entry] === 0 || refused?.[entry] === 1 || !canReuse(table, node, entry, mode, storageEnds)) continue;
    if (pools !== null && pools.of[roots[sources[entry]]] !== pools.of[node]) continue;
    if (mode === 'ggml') return entry;
    if (reused === NO_ENTRY || sizes[roots[sources[entry]]] > sizes[roots[sources[reused]]]) reused = entry;
  }
  return reused;
}

/**
 * Whether `node` may reuse the storage of its operand at `entry`: the operation allows it, and no later node reads it.
 */
export function canReuse(
  { steps, sources, reusable, roots, sizes, traits }: GraphTable,
  node: number,
  entry: number,
  mode: ReuseMode,
  storageEnds: Int32Array,
): boolean {
  if (mode === 'off') return false;
  const rule = mode === 'full' ? REUSABLE.full : REUSABLE.any;
  const allowed = reusable[entry];
  if (allowed !== rule && allowed !== REUSABLE.any + REUSABLE.full) return false;
  const root = roots[sources[entry]];
  return storageEnds[root] === steps[node] + 1 && isPlanned(traits[root]) && !isKept(traits[root]) && sizes[root] > 0;
}

/** From `step` on, `buffer` needs only its first `bytes`. */
interface Shrink {
  readonly buffer: number;
  readonly step: number;
  readonly bytes: number;
}

/** Buffers under construction, as columns. Plain fields and arrays: this is the hot path of every measurement. */
class BufferColumns {
  readonly bufferOf: Int32Array;
  readonly reused: Int32Array;
  #count = 0;
  readonly #sizes: Float64Array;
  /** Bytes that each buffer needs by now. */
  readonly #bytes: Float64Array;
  readonly #alignments: Float64Array;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #shrinks: Shrink[] = [];

  readonly #table: GraphTable;
  readonly #storageEnds: Int32Array;
  readonly #memory: number | Pools;
  readonly #smallest: number;

  constructor(table: GraphTable, storageEnds: Int32Array, memory: number | Pools, smallest: number) {
    this.#table = table;
    this.#storageEnds = storageEnds;
    this.#memory = memory;
    this.#smallest = smallest;
    const { tensorCount, plannedCount } = table;
    const columns = new ColumnSet(8 * tensorCount + 32 * plannedCount);
    this.#sizes = columns.float64(plannedCount);
    this.#bytes = columns.float64(plannedCount);
    this.#alignments = columns.float64(plannedCount);
    this.#starts = columns.int32(plannedCount);
    this.#ends = columns.int32(plannedCount);
    this.bufferOf = columns.int32(tensorCount).fill(NO_BUFFER);
    this.reused = columns.int32(tensorCount).fill(NO_BUFFER);
  }

  #alignmentOf(tensor: number): number {
    const memory = this.#memory;
    return typeof memory === 'number' ? memory : memory.list[memory.of[tensor]].alignment;
  }

  /** A buffer for the storage of `tensor`, unless it is too small for one. */
  add(tensor: number, start: number): void {
    const bytes = this.#table.sizes[tensor];
    if (bytes < this.#smallest) return;
    const buffer = this.#count++;
    this.bufferOf[tensor] = buffer;
    const alignment = this.#alignmentOf(tensor);
    this.#alignments[buffer] = alignment;
    this.#sizes[buffer] = this.#bytes[buffer] = alignUp(bytes, alignment);
    this.#starts[buffer] = start;
    this.#ends[buffer] = this.#storageEnds[tensor];
  }

  /** Puts `reuser` into the buffer of `reused`, which then needs only the bytes of `reuser`. */
  reuse(reused: number, reuser: number, step: number): void {
    const buffer = this.bufferOf[reused];
    const size = alignUp(this.#table.sizes[reuser], this.#alignmentOf(reuser));
    this.reused[reuser] = reused;
    this.bufferOf[reuser] = buffer;
    this.#ends[buffer] = Math.max(this.#storageEnds[reuser], this.#ends[buffer]);
    if (size === this.#bytes[buffer]) return;
    this.#bytes[buffer] = size;
    // A leaf or input needs all its bytes at step 0, even if the first node reuses them.
    this.#shrinks.push({ buffer, step: Math.max(step, this.#starts[buffer] + 1), bytes: size });
  }

  /**
   * Keeps the operands of a group until the bytes of its result, in the storage of `root`, exist: so the result cannot
   * lie on them.
   */
  keepFor(root: number, { first, roots }: FusedGroups, group: number): void {
    const buffer = this.bufferOf[root];
    if (buffer === NO_BUFFER) return;
    const end = this.#starts[buffer] + 1;
    for (let i = first[group]; i < first[group + 1]; i++) {
      const read = roots[i];
      const kept = this.bufferOf[read];
      if (kept === NO_BUFFER) continue;
      if (this.#ends[kept] < end) this.#ends[kept] = end;
      if (this.#storageEnds[read] < end) this.#storageEnds[read] = end;
    }
  }

  toProblem(): Problem {
    const count = this.#count;
    const sizes = this.#sizes;
    let totalBytes = 0;
    for (let b = 0; b < count; b++) totalBytes += sizes[b];
    checkBytes(totalBytes, 'the sum of all storages');
    return {
      bufferCount: count,
      stepCount: stepCountOf(this.#table),
      sizes: sizes.subarray(0, count),
      starts: this.#starts.subarray(0, count),
      ends: this.#ends.subarray(0, count),
      alignments: this.#alignments.subarray(0, count),
      fixedOffsets: null,
      gaps: this.#shrinks.length === 0 ? null : this.#gapTable(),
    };
  }

  /** Each shrink as a gap to the next shrink of the same buffer, or to its end; `null` if all gaps are empty. */
  #gapTable(): GapTable | null {
    // The shrinks of one buffer come in order of steps.
    const sorted = [...this.#shrinks].sort((a, b) => a.buffer - b.buffer);
    const shrinks = sorted.filter(({ buffer, step }, row) => {
      const next = sorted[row + 1];
      return step < this.#ends[buffer] && !(next?.buffer === buffer && next.step === step);
    });
    if (shrinks.length === 0) return null;
    const first = new Int32Array(this.#count + 1);
    for (const { buffer } of shrinks) first[buffer + 1]++;
    for (let b = 0; b < this.#count; b++) first[b + 1] += first[b];
    const ends = shrinks.map(({ buffer }, row) => {
      const next = shrinks[row + 1];
      return next?.buffer === buffer ? next.step : this.#ends[buffer];
    });
    return {
      first,
      starts: Int32Array.from(shrinks, ({ step }) => step),
      ends: Int32Array.from(ends),
      lowers: new Float64Array(shrinks.length),
      uppers: Float64Array.from(shrinks, ({ bytes }) => bytes),
    };
  }
}
