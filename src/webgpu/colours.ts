/**
 * Arenas of which no dispatch reads the one that it writes: the colours of a graph whose edges join what a dispatch writes
 * with what it reads.
 *
 *     a ──▶ b ──▶ c = b + a      a, b and c need three arenas: c is written while a and b are read, and b while a is
 *     └───────────┘              read. If c lies over b, two are enough: one binding reads and writes both.
 *
 * Invariant: storages that reuse one another have one colour. A storage that a dispatch both reads and writes is bound
 * once, for both, whatever its colour.
 */
import type { Graph } from '../graph/graph.js';
import type { Pools } from '../graph/pools.js';
import { groupsOf, type FusedGroups } from '../liveness/groups.js';
import { analyzeLiveness, NO_BUFFER, type Liveness, type ReuseMode } from '../liveness/liveness.js';
import type { Problem } from '../problem/problem.js';
import type { Runtime } from '../runtime/runtime.js';
import { isDispatched } from './dispatch.js';

/** How the graph is planned otherwise. */
interface ColourOptions {
  readonly runtime: Runtime;
  readonly reuse: ReuseMode;
  readonly alignment: number;
  readonly maxChunkSize: number;
}

/** Pools are counted in bytes of a `Uint8Array`. What would need more shares the last one, and is bound for writing there. */
const MOST_COLOURS = 256;

/** A pool for each colour. O(buffers · colours · steps of a live range). */
export function colouredPools(graph: Graph, { runtime, reuse, alignment, maxChunkSize }: ColourOptions): Pools {
  const groups = groupsOf(graph, runtime);
  const liveness = analyzeLiveness(graph.table, reuse, alignment, groups);
  const { problem, bufferOf } = liveness;
  const neighbours = neighboursOf(graph, liveness, groups);
  const colours = ORDERS.map((order) => colour(problem, neighbours, order(problem))).reduce((best, each) =>
    each.bytes < best.bytes ? each : best,
  );
  const count = Math.min(MOST_COLOURS, Math.max(1, ...colours.of.map((of) => of + 1)));
  const pool = (index: number): string => `arena ${index}`;
  return {
    list: Array.from({ length: count }, (_, index) => ({ name: pool(index), alignment, maxChunkSize })),
    of: Uint8Array.from(bufferOf, (buffer) =>
      buffer === NO_BUFFER ? 0 : Math.min(colours.of[buffer], MOST_COLOURS - 1),
    ),
  };
}

/** The buffers that must not have the colour of each buffer: some dispatch writes one of the two and reads the other. */
function neighboursOf(
  { nodes, tensors, table }: Graph,
  { bufferOf, problem }: Liveness,
  groups: FusedGroups | null,
): ReadonlySet<number>[] {
  const neighbours = Array.from({ length: problem.bufferCount }, () => new Set<number>());
  const { roots } = table;
  const join = (written: number, read: number): void => {
    const [one, other] = [bufferOf[written], bufferOf[read]];
    if (one === NO_BUFFER || other === NO_BUFFER || one === other) return;
    neighbours[one].add(other);
    neighbours[other].add(one);
  };
  nodes.forEach((node, step) => {
    if (!isDispatched(node)) return;
    const id = table.nodes[step];
    const read = Array.from(table.sources.subarray(table.sourceFirst[id], table.sourceFirst[id + 1]), (s) => roots[s]);
    const updated = node.operation!.updates.map((slot) => node.sources[slot]);
    const written = [roots[id], ...read.filter((root) => updated.some((tensor) => tensor?.root === tensors[root]))];
    for (const one of written) for (const other of read) join(one, other);
  });
  groups?.lastSteps.forEach((step, group) => {
    const result = roots[table.nodes[step]];
    for (let i = groups.first[group]; i < groups.first[group + 1]; i++) join(result, groups.roots[i]);
  });
  return neighbours;
}

/** Orders in which buffers get their colours. */
const ORDERS: readonly ((problem: Problem) => number[])[] = [
  ({ starts }) => indices(starts).sort((a, b) => starts[a] - starts[b]),
  ({ sizes }) => indices(sizes).sort((a, b) => sizes[b] - sizes[a]),
  ({ sizes, starts, ends }) => {
    const area = (buffer: number): number => sizes[buffer] * (ends[buffer] - starts[buffer]);
    return indices(sizes).sort((a, b) => area(b) - area(a));
  },
];

const indices = (list: ArrayLike<number>): number[] => Array.from(list, (_, index) => index);

/** The colour of each buffer, and the sum of the most bytes that are live at once in each. */
interface Colours {
  readonly of: number[];
  readonly bytes: number;
}

/** Gives each buffer the colour that grows the least by it; a new one only if it may have no other. */
function colour(problem: Problem, neighbours: readonly ReadonlySet<number>[], order: readonly number[]): Colours {
  const of = new Array<number>(problem.bufferCount).fill(-1);
  const arenas: Load[] = [];
  for (const buffer of order) {
    const taken = new Set(Array.from(neighbours[buffer], (other) => of[other]));
    let [best, least] = [arenas.length, Infinity];
    arenas.forEach((arena, index) => {
      if (taken.has(index)) return;
      const growth = arena.growthBy(buffer);
      if (growth < least) [best, least] = [index, growth];
    });
    if (best === arenas.length) arenas.push(new Load(problem));
    arenas[best].add(buffer);
    of[buffer] = best;
  }
  return { of, bytes: arenas.reduce((sum, { peak }) => sum + peak, 0) };
}

/** Bytes that are live in an arena, step by step. */
class Load {
  /** The most of any step. */
  peak = 0;
  readonly #problem: Problem;
  readonly #bytes: Float64Array;

  constructor(problem: Problem) {
    this.#problem = problem;
    this.#bytes = new Float64Array(problem.stepCount);
  }

  /** How much the peak would rise. */
  growthBy(buffer: number): number {
    return Math.max(0, this.#most(buffer) + this.#problem.sizes[buffer] - this.peak);
  }

  add(buffer: number): void {
    const { sizes, starts, ends } = this.#problem;
    this.peak += this.growthBy(buffer);
    for (let step = starts[buffer]; step < ends[buffer]; step++) this.#bytes[step] += sizes[buffer];
  }

  #most(buffer: number): number {
    const { starts, ends } = this.#problem;
    let most = 0;
    for (let step = starts[buffer]; step < ends[buffer]; step++) most = Math.max(most, this.#bytes[step]);
    return most;
  }
}
