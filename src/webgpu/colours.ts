/**
 * Arenas of which no dispatch reads the one that it writes: the colours of a graph whose edges join what a dispatch writes
 * with what it reads.
 *
 *     a ──▶ b ──▶ c = b + a      a, b and c need three arenas: c is written while a and b are read, and b while a is
 *     └───────────┘              read. If c lies over b, two are enough: one binding reads and writes both.
 *
 * A reuse saves bytes at its step, and joins what otherwise could have two colours. So arenas are tried with all reuses and
 * with none, each with the buffers in several orders, and then one buffer after another moves where that saves bytes.
 *
 * Invariant: storages that reuse one another have one colour. A storage that a dispatch both reads and writes is bound
 * once, for both, whatever its colour. Nothing reuses a storage of another colour, so that a reuse which was left out here is
 * left out in the plan.
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
  const modes: readonly ReuseMode[] = reuse === 'off' ? ['off'] : [reuse, 'off'];
  const { of, bufferOf } = modes
    .flatMap((mode) => {
      const liveness = analyzeLiveness(graph.table, mode, alignment, groups);
      const neighbours = neighboursOf(graph, liveness, groups);
      const { problem } = liveness;
      return ORDERS.map((order) => ({
        ...coloursOf(problem, neighbours, order(problem)),
        bufferOf: liveness.bufferOf,
      }));
    })
    .reduce((best, each) => (each.bytes < best.bytes ? each : best));
  const count = Math.min(
    MOST_COLOURS,
    of.reduce((most, colour) => Math.max(most, colour + 1), 1),
  );
  const pool = (index: number): string => `arena ${index}`;
  return {
    list: Array.from({ length: count }, (_, index) => ({ name: pool(index), alignment, maxChunkSize })),
    of: Uint8Array.from(bufferOf, (buffer) => (buffer === NO_BUFFER ? 0 : Math.min(of[buffer], MOST_COLOURS - 1))),
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

/** Most steps that one search goes through. */
const MOST_WORK = 2e7;

/**
 * Gives each buffer the colour that grows the least by it, a new one only if it may have no other; then moves buffers that are
 * live where a colour is at its peak, as long as that saves bytes.
 */
function coloursOf(problem: Problem, neighbours: readonly ReadonlySet<number>[], order: readonly number[]): Colours {
  const of = new Array<number>(problem.bufferCount).fill(-1);
  const arenas: Load[] = [];
  /** The colour that grows the least by a buffer, of those that it may have. */
  const cheapest = (buffer: number): readonly [colour: number, growth: number] => {
    const taken = new Set(Array.from(neighbours[buffer], (other) => of[other]));
    let [best, least] = [arenas.length, Infinity];
    arenas.forEach((arena, index) => {
      if (taken.has(index)) return;
      const growth = arena.growthBy(buffer);
      if (growth < least) [best, least] = [index, growth];
    });
    return [best, least];
  };
  const put = (buffer: number, colour: number): void => {
    if (colour === arenas.length) arenas.push(new Load(problem));
    arenas[colour].add(buffer);
    of[buffer] = colour;
  };
  for (const buffer of order) put(buffer, cheapest(buffer)[0]);
  let workLeft = MOST_WORK;
  for (let moved = true; moved && workLeft > 0;) {
    moved = false;
    for (const buffer of order) {
      const own = of[buffer];
      workLeft -= problem.ends[buffer] - problem.starts[buffer];
      if (!arenas[own].isAtPeak(buffer)) continue;
      workLeft -= 2 * problem.stepCount;
      const saved = arenas[own].remove(buffer);
      of[buffer] = -1;
      const [colour, growth] = saved > 0 ? cheapest(buffer) : [own, 0];
      const isBetter = growth < saved;
      put(buffer, isBetter ? colour : own);
      moved ||= isBetter;
      if (workLeft <= 0) break;
    }
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
    return Math.max(0, this.#mostOf(buffer) + this.#problem.sizes[buffer] - this.peak);
  }

  /** Whether the peak is at a step at which the buffer, which is in here, is live. */
  isAtPeak(buffer: number): boolean {
    return this.#mostOf(buffer) === this.peak;
  }

  add(buffer: number): void {
    this.peak += this.growthBy(buffer);
    this.#addBytes(buffer, this.#problem.sizes[buffer]);
  }

  /** Returns how much the peak falls. O(steps). */
  remove(buffer: number): number {
    const before = this.peak;
    this.#addBytes(buffer, -this.#problem.sizes[buffer]);
    this.peak = 0;
    for (const bytes of this.#bytes) this.peak = Math.max(this.peak, bytes);
    return before - this.peak;
  }

  #addBytes(buffer: number, bytes: number): void {
    const { starts, ends } = this.#problem;
    for (let step = starts[buffer]; step < ends[buffer]; step++) this.#bytes[step] += bytes;
  }

  #mostOf(buffer: number): number {
    const { starts, ends } = this.#problem;
    let most = 0;
    for (let step = starts[buffer]; step < ends[buffer]; step++) most = Math.max(most, this.#bytes[step]);
    return most;
  }
}
