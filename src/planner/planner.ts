/**
 * One arena for many graphs: reserved for the largest ones, and found again for all that fit.
 *
 *     reserve(prompt of 512 tokens, 1 token)          one placement for each structure
 *     plan(prompt of 300 tokens)                      the offsets of the first: nothing is placed
 *     plan(prompt of 600 tokens)                      larger: placed anew, and counted
 *
 * Invariant: a plan is given only for a graph that the reservation covers, tensor by tensor. If a call throws, the planner
 * is as it was.
 */
import { checkArgument, checkOptions, type OptionNames } from '../errors.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import type { GraphTable } from '../graph/table.js';
import { resolveOptions, type PlanOptions, type ResolvedOptions } from '../plan/options.js';
import { merge, mergeAlike, structureOf, type Reservation } from './reservation.js';
import { ReservedPlan } from './reserved-plan.js';
import { placeSequence, resolveGiven, type Given, type GivenTensor, type Sequence } from './sequence.js';
import type { Structure } from './structure.js';

/** Settings of a {@link Planner}: those of `planGraph`, for one memory. */
export type PlannerOptions = Omit<PlanOptions, 'pools'>;

/** @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT` */
export function resolveForOneMemory(options: PlannerOptions): ResolvedOptions {
  const resolved = resolveOptions(options);
  const isOne = (resolved.target?.poolsOf ?? null) === null;
  checkArgument(
    isOne,
    'target',
    'one of several memories',
    'one of one memory here',
    'Leave out `operands` of the target.',
  );
  return resolved;
}

/** Settings of `planner.reserve`. */
export interface ReserveOptions {
  /**
   * Outputs of a graph that are inputs of a later one of the list: `[output, input]`. They stay in the arena from one to the
   * other and are not computed again. An input that a graph may read more than once, such as a decoder's in a loop, is
   * marked with `setOutput`, too: then the graph never overwrites it. Of graphs of one structure in such a list, each has places
   * of its own, and a graph that is built anew gets those of the first. Default: none.
   */
  readonly given?: readonly GivenTensor[];
}

export const PLANNER_OPTIONS: OptionNames<PlannerOptions> = {
  allocator: true,
  alignment: true,
  maxChunkSize: true,
  allowOversize: true,
  reuse: true,
  runtime: true,
  target: true,
};
const RESERVE_OPTIONS: OptionNames<ReserveOptions> = { given: true };

/**
 * Plans for graphs that run in one arena, one at a time.
 *
 * @example
 * ```ts
 * import { Context, Graph, Planner } from 'tensor-arena';
 * const build = (rows: number): Graph => {
 *   const ctx = Context.deferred();
 *   const x = ctx.setInput(ctx.newTensor('f32', [256, rows], 'x'));
 *   return Graph.forward(ctx.setOutput(ctx.relu(ctx.scale(x, 2))));
 * };
 * const planner = new Planner().reserve(build(512));
 * const plan = planner.plan(build(300)); // the offsets that were reserved
 * console.log(plan.bufferSize, planner.replanCount); // 524288, 0
 * planner.plan(build(600));
 * console.log(planner.replanCount, planner.lastReplan); // 1, '`x` takes 614400 bytes, but 524288 are reserved.'
 * ```
 */
export class Planner {
  readonly #options: ResolvedOptions;
  #sequences: readonly Sequence[] = [];
  #chunks: readonly number[] = [];
  /** Plans that were given, as long as nothing is placed anew. */
  #plans = new WeakMap<GraphTable, ReservedPlan>();
  #replanCount = 0;
  #lastReplan: string | null = null;

  /** @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT` */
  constructor(options: PlannerOptions = {}) {
    checkOptions(options, PLANNER_OPTIONS);
    this.#options = resolveForOneMemory(options);
  }

  /** Bytes of the arena: the sum of all chunks. */
  get bufferSize(): number {
    return this.#chunks.reduce((sum, size) => sum + size, 0);
  }

  /** Size of each chunk of the arena, bytes. */
  get chunks(): readonly number[] {
    return this.#chunks;
  }

  /** How often `plan` had to place a graph that was not reserved. */
  get replanCount(): number {
    return this.#replanCount;
  }

  /** Why `plan` placed a graph anew the last time, as a sentence; null if it never did. */
  get lastReplan(): string | null {
    return this.#lastReplan;
  }

  /**
   * Makes the arena large enough for graphs that run one at a time, in any order, or, with values given from one to
   * another, in the order of the list. Graphs of one structure become one: each tensor gets the largest size that it has.
   * Complexity as `planGraph` for each structure.
   *
   * @throws PlannerError as `planGraph`; `BAD_OPERAND` for a pair of `given` that does not fit together
   */
  reserve(graphs: Graph | readonly Graph[], options: ReserveOptions = {}): this {
    checkOptions(options, RESERVE_OPTIONS);
    const structures = (isList(graphs) ? graphs : [graphs]).map((graph) => structureOf(graph, this.#options));
    checkArgument(
      structures.length > 0,
      'graphs',
      graphs,
      'at least one graph',
      'Give the largest graph that will run.',
    );
    const given = resolveGiven(structures, options.given ?? []);
    if (given.length > 0) this.#keep([...this.#sequences, placeSequence(structures, given, this.#options)]);
    else this.#keep(mergeAlike(structures).reduce((held, each) => this.#with(held, each), this.#sequences));
    return this;
  }

  /**
   * Where the tensors of `graph` go: by the reserved offsets if they hold it. If not, its structure is placed anew, at its
   * largest sizes so far, the arena grows if it must, and what lies in it is lost.
   *
   * O(1) for a graph that was planned before, O(tensors) for one that fits, else as `planGraph`.
   *
   * @throws PlannerError as `planGraph`
   */
  plan(graph: Graph): ReservedPlan {
    const found = this.find(graph);
    if (found !== null) return found;
    const structure = structureOf(graph, this.#options);
    const reason = misfit(this.#sequences, structure);
    this.#keep(this.#with(this.#sequences, structure));
    this.#replanCount++;
    this.#lastReplan = reason;
    return this.find(graph)!;
  }

  /**
   * The plan of `graph` by the reserved offsets; null if they do not hold it. Places nothing. Complexity and errors as
   * {@link Planner.plan} has them.
   */
  find(graph: Graph): ReservedPlan | null {
    checkGraph(graph);
    const known = this.#plans.get(graph.table);
    if (known !== undefined) return known;
    const reservation = covering(this.#sequences, structureOf(graph, this.#options));
    if (reservation === undefined) return null;
    const { alignment, runtime } = this.#options;
    const plan = new ReservedPlan(graph, reservation, { chunks: this.#chunks, alignment, runtime });
    this.#plans.set(graph.table, plan);
    return plan;
  }

  /**
   * Why the reserved offsets do not hold `graph`, as a sentence; null if they do. O(tensors).
   *
   * @throws PlannerError as `planGraph`
   */
  misfit(graph: Graph): string | null {
    const structure = structureOf(graph, this.#options);
    return covering(this.#sequences, structure) === undefined ? misfit(this.#sequences, structure) : null;
  }

  /** Sequences that hold `structure` beside what they hold already. */
  #with(sequences: readonly Sequence[], structure: Structure): readonly Sequence[] {
    if (covering(sequences, structure) !== undefined) return sequences;
    const isAlike = (each: Reservation): boolean => each.hasStructureOf(structure);
    const at = sequences.findIndex(({ reservations }) => reservations.some(isAlike));
    if (at === -1) return [...sequences, placeSequence([structure], NOTHING_GIVEN, this.#options)];
    const { reservations, given } = sequences[at];
    const larger = reservations.map((each) => (isAlike(each) ? merge(each.structure, structure) : each.structure));
    return sequences.with(at, placeSequence(larger, given, this.#options));
  }

  #keep(sequences: readonly Sequence[]): void {
    const chunkCount = Math.max(...sequences.map(({ chunks }) => chunks.length));
    this.#sequences = sequences;
    this.#chunks = Array.from({ length: chunkCount }, (_, chunk) => {
      return Math.max(...sequences.map(({ chunks }) => chunks[chunk] ?? 0));
    });
    this.#plans = new WeakMap();
  }
}

const NOTHING_GIVEN: readonly Given[] = [];

const isList = (graphs: Graph | readonly Graph[]): graphs is readonly Graph[] => Array.isArray(graphs);

const reservationsOf = (sequences: readonly Sequence[]): readonly Reservation[] =>
  sequences.flatMap(({ reservations }) => reservations);

/** The reservation that was made for this graph, or else the first one that holds it. */
function covering(sequences: readonly Sequence[], structure: Structure): Reservation | undefined {
  const all = reservationsOf(sequences);
  const own = all.filter((reservation) => reservation.structure.graph === structure.graph);
  return [...own, ...all].find((reservation) => reservation.misfit(structure) === null);
}

/** Why no reservation holds a graph, as a sentence. */
function misfit(sequences: readonly Sequence[], structure: Structure): string {
  const [first, ...others] = reservationsOf(sequences);
  const nearest = others.find((reservation) => reservation.hasStructureOf(structure)) ?? first;
  return nearest?.misfit(structure) ?? 'Nothing is reserved.';
}
