/**
 * One plan for every shape of a family: graphs of one builder, whose lengths lie in a box.
 *
 *     length
 *       4096 ┤ ●───────────●      The graphs of the corners are reserved together: a slot for each tensor, with the
 *            │ │     ●     │      largest size that it has in any of them. A graph from within the box is checked against
 *          1 ┤ ●───────────●      its slots, tensor by tensor, before it gets their offsets.
 *            └─┴───────────┴─
 *              1           8  batch
 *
 * Sizes decide no live range, so a placement of the slots is right for all graphs that fit them. A smaller problem can need
 * a larger buffer when it is placed on its own: that is why offsets stay those of the slots. A node reuses an operand only
 * if it may in every corner.
 *
 * Invariant: no graph gets offsets that were not checked for it, so a builder that does something else between the corners
 * is found out, and never planned wrong.
 */
import { checkArgument, checkChoice, checkOptions, PlannerError, type OptionNames } from '../errors.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import { measureGraph } from '../plan/measure.js';
import { centreOf, checkBox, checkDims, cornersOf, greatestOf, pointsOf, type Box, type Dims } from './box.js';
import { GrowingArena } from './growing-arena.js';
import { Planner, PLANNER_OPTIONS, resolveForOneMemory, type PlannerOptions } from './planner.js';
import type { ReservedPlan } from './reserved-plan.js';

/** Makes the graph of some lengths; the same graph for the same lengths. */
export type BuildGraph<Name extends string> = (dims: Dims<Name>) => Graph;

/** What one graph of a family costs by itself, beside what the family takes. */
export interface FamilyCost<Name extends string> {
  readonly dims: Dims<Name>;
  /** Bytes of a plan for this graph alone. */
  readonly bufferSize: number;
  /** The family's buffer divided by it; Infinity if the graph alone needs none. */
  readonly ratio: number;
}

/** Lengths for which a family has no plan, and why. */
export interface Uncovered<Name extends string> {
  readonly dims: Dims<Name>;
  readonly reason: string;
}

const FAMILY_OPTIONS: OptionNames<FamilyOptions<string>> = { ...PLANNER_OPTIONS, grows: true };

/** Settings of {@link planFamily}. */
export interface FamilyOptions<Name extends string> extends PlannerOptions {
  /**
   * The length with which the arena grows: offsets and the size of the buffer are linear in it, and a graph gets the buffer of its own
   * length. Every graph must have one structure, and the arena has one chunk. Default: none; each graph gets the whole buffer.
   */
  readonly grows?: Name;
}

/** Offsets for the graphs of a box. */
interface Slots<Name extends string> {
  readonly bufferSizeAt: (dims: Dims<Name>) => number;
  /** The plan of a graph, or why there is none, as a sentence. */
  readonly find: (graph: Graph, dims: Dims<Name>) => ReservedPlan | string;
}

/** One plan for all graphs of a box. Made by {@link planFamily}. */
export class Family<Name extends string> {
  readonly box: Box<Name>;
  readonly #build: BuildGraph<Name>;
  readonly #options: PlannerOptions;
  readonly #greatest: Dims<Name>;
  readonly #slots: Slots<Name>;

  /** @internal Use {@link planFamily}. */
  constructor(build: BuildGraph<Name>, box: Box<Name>, { grows, ...options }: FamilyOptions<Name>) {
    this.box = box;
    this.#greatest = greatestOf(box);
    this.#build = build;
    this.#options = options;
    this.#slots = grows === undefined ? this.#fixedSlots() : this.#growingSlots(grows);
  }

  /** Bytes of the buffer, enough for every graph of the family. */
  get bufferSize(): number {
    return this.#slots.bufferSizeAt(this.#greatest);
  }

  /**
   * Bytes of the buffer that the graph with these lengths gets: less than {@link Family.bufferSize} only if the arena grows.
   *
   * @throws PlannerError `BAD_ARGUMENT` for lengths outside the box
   */
  bufferSizeAt(dims: Dims<Name>): number {
    checkDims(dims, this.box);
    return this.#slots.bufferSizeAt(dims);
  }

  /**
   * The plan of the graph with these lengths. Builds it; else O(tensors).
   *
   * @throws PlannerError `BAD_ARGUMENT` for lengths outside the box; `OUTSIDE_FAMILY` as {@link Family.plan}
   */
  at(dims: Dims<Name>): ReservedPlan {
    checkDims(dims, this.box);
    return this.plan(this.#graphAt(dims), dims);
  }

  /**
   * The plan of a graph that the builder has made. O(tensors).
   *
   * @param dims its lengths, which matter where the arena grows. Default: the greatest of the box
   * @throws PlannerError `OUTSIDE_FAMILY` if a tensor is larger than its slot, or the graph has another structure
   */
  plan(graph: Graph, dims: Dims<Name> = this.#greatest): ReservedPlan {
    checkGraph(graph);
    if (dims !== this.#greatest) checkDims(dims, this.box);
    const found = this.#slots.find(graph, dims);
    if (typeof found !== 'string') return found;
    throw new PlannerError('OUTSIDE_FAMILY', {
      message: `The graph is not one of the family: ${found}`,
      culprit: 'graph',
      value: found,
      limit: 'a graph with the structure of a corner, and tensors no larger than there',
      remedy: 'Widen the box, or plan the graph by itself with planGraph.',
    });
  }

  /** What each corner of the box costs by itself: a plan of its own for each. */
  costs(): readonly FamilyCost<Name>[] {
    return cornersOf(this.box).map((dims) => {
      const { bufferSize } = measureGraph(this.#graphAt(dims), this.#options);
      return { dims, bufferSize, ratio: bufferSize === 0 ? Infinity : this.bufferSize / bufferSize };
    });
  }

  /**
   * Builds every graph of the box, and returns the first one that the family has no plan for; null is the proof that it has
   * one for all. As many graphs as the box has points: for small boxes, and tests.
   */
  findUncovered(): Uncovered<Name> | null {
    for (const dims of pointsOf(this.box)) {
      const found = this.#slots.find(this.#graphAt(dims), dims);
      if (typeof found === 'string') return { dims, reason: found };
    }
    return null;
  }

  #fixedSlots(): Slots<Name> {
    const dims = [...cornersOf(this.box), centreOf(this.box)];
    const planner = new Planner(this.#options).reserve(dims.map((each) => this.#graphAt(each)));
    return {
      bufferSizeAt: () => planner.bufferSize,
      find: (graph) => planner.find(graph) ?? planner.misfit(graph)!,
    };
  }

  #growingSlots(grows: Name): Slots<Name> {
    const [least, most] = this.box[grows];
    const lengths = new Set([least, centreOf(this.box)[grows], most]);
    const samples = Array.from(lengths, (length) => {
      const across = { ...this.box, [grows]: [length, length] };
      return { length, graphs: cornersOf(across).map((dims) => this.#graphAt(dims)) };
    });
    const arena = new GrowingArena(samples, resolveForOneMemory(this.#options));
    return {
      bufferSizeAt: (dims) => arena.bufferSizeAt(dims[grows]),
      find: (graph, dims) => arena.find(graph, dims[grows]),
    };
  }

  #graphAt(dims: Dims<Name>): Graph {
    const graph = this.#build(dims);
    checkGraph(graph);
    return graph;
  }
}

/**
 * One plan for every graph that `build` makes of lengths within `box`. Builds the graphs of its corners and of its centre,
 * two to the number of lengths and one; else as `planGraph`.
 *
 * @param options as those of `planGraph`, for one memory, and `grows`
 * @throws PlannerError as `planGraph`; `BAD_ARGUMENT` for a box without a length, or of more than ten
 * @example
 * ```ts
 * import { Context, Graph, planFamily, type Dims } from 'tensor-arena';
 * const build = ({ batch, length }: Dims<'batch' | 'length'>): Graph => {
 *   const ctx = Context.deferred();
 *   const x = ctx.setInput(ctx.newTensor('f32', [64, length, batch], 'x'));
 *   return Graph.forward(ctx.setOutput(ctx.relu(ctx.rmsNorm(x, 1e-5))));
 * };
 * const family = planFamily(build, { batch: [1, 8], length: [1, 4096] });
 * console.log(family.bufferSize); // 8388608, for every batch and length
 * const plan = family.at({ batch: 3, length: 100 });
 * console.log(plan.tensors.map(({ offset }) => offset)); // [0, 0]
 * ```
 */
export function planFamily<Name extends string>(
  build: BuildGraph<Name>,
  box: Box<Name>,
  options: FamilyOptions<NoInfer<Name>> = {},
): Family<Name> {
  checkArgument(
    typeof build === 'function',
    'build',
    build,
    'a function from lengths to a graph',
    'Give (dims) => graph.',
  );
  checkBox(box);
  checkOptions(options, FAMILY_OPTIONS);
  if (options.grows !== undefined) checkGrowing(options.grows, box);
  return new Family(build, box, options);
}

function checkGrowing(grows: string, box: Box<string>): void {
  checkChoice('grows', grows, Object.keys(box));
  const [least, most] = box[grows];
  checkArgument(
    least < most,
    `box.${grows}`,
    [least, most],
    'two lengths, as the arena grows with it',
    'Leave out `grows`.',
  );
}
