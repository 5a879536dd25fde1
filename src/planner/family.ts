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
import { checkArgument, named, PlannerError, wrongValue } from '../errors.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import { measureGraph } from '../plan/measure.js';
import { Planner, type PlannerOptions } from './planner.js';
import type { ReservedPlan } from './reserved-plan.js';

/** Lengths of one graph of a family, by name. */
export type Dims<Name extends string> = Readonly<Record<Name, number>>;

/** The least and the greatest value of each length, both inclusive. */
export type Box<Name extends string> = Readonly<Record<Name, readonly [least: number, most: number]>>;

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

/** More lengths than this have too many corners. */
const MOST_DIMS = 10;

/** One plan for all graphs of a box. Made by {@link planFamily}. */
export class Family<Name extends string> {
  readonly box: Box<Name>;
  readonly #build: BuildGraph<Name>;
  readonly #options: PlannerOptions;
  readonly #planner: Planner;

  /** @internal Use {@link planFamily}. */
  constructor(build: BuildGraph<Name>, box: Box<Name>, options: PlannerOptions) {
    this.box = box;
    this.#build = build;
    this.#options = options;
    this.#planner = new Planner(options).reserve([...cornersOf(box), centreOf(box)].map((dims) => this.#graphAt(dims)));
  }

  /** Bytes of the buffer, enough for every graph of the family. */
  get bufferSize(): number {
    return this.#planner.bufferSize;
  }

  /** Size of each chunk, bytes. */
  get chunks(): readonly number[] {
    return this.#planner.chunks;
  }

  /**
   * The plan of the graph with these lengths. Builds it; else O(tensors).
   *
   * @throws PlannerError `BAD_ARGUMENT` for lengths outside the box; `OUTSIDE_FAMILY` as {@link Family.plan}
   */
  at(dims: Dims<Name>): ReservedPlan {
    checkDims(dims, this.box);
    return this.plan(this.#graphAt(dims));
  }

  /**
   * The plan of a graph that the builder has made. O(tensors); O(1) for a graph that was planned before.
   *
   * @throws PlannerError `OUTSIDE_FAMILY` if a tensor is larger than its slot, or the graph has another structure
   */
  plan(graph: Graph): ReservedPlan {
    checkGraph(graph);
    const reason = this.#planner.misfit(graph);
    if (reason === null) return this.#planner.plan(graph);
    throw new PlannerError('OUTSIDE_FAMILY', {
      message: `The graph is not one of the family: ${reason}`,
      culprit: 'graph',
      value: reason,
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
      const reason = this.#planner.misfit(this.#graphAt(dims));
      if (reason !== null) return { dims, reason };
    }
    return null;
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
 * @param options as those of `planGraph`, for one memory
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
 * console.log(plan.locate(plan.graph.nodes[0])); // { chunk: 0, offset: 0 }
 * ```
 */
export function planFamily<Name extends string>(
  build: BuildGraph<Name>,
  box: Box<Name>,
  options: PlannerOptions = {},
): Family<Name> {
  checkArgument(
    typeof build === 'function',
    'build',
    build,
    'a function from lengths to a graph',
    'Give (dims) => graph.',
  );
  checkBox(box);
  return new Family(build, box, options);
}

function checkBox(box: Box<string>): void {
  const isObject = typeof box === 'object' && (box as unknown) !== null && !Array.isArray(box);
  checkArgument(isObject, 'box', box, 'an object of ranges', 'Give such as { length: [1, 4096] }.');
  const names = Object.keys(box);
  const isFew = names.length >= 1 && names.length <= MOST_DIMS;
  checkArgument(
    isFew,
    'box',
    `${names.length} lengths`,
    `of 1 to ${MOST_DIMS} lengths`,
    'Give such as { length: [1, 4096] }.',
  );
  for (const name of names) {
    const range: readonly unknown[] = box[name];
    const isPair = Array.isArray(range) && range.length === 2 && range.every((end) => Number.isSafeInteger(end));
    const isRange = isPair && Number(range[0]) >= 0 && Number(range[0]) <= Number(range[1]);
    checkArgument(
      isRange,
      `box.${name}`,
      range,
      'two whole numbers, the lesser first',
      'Give [least, most], both inclusive.',
    );
  }
}

function checkDims<Name extends string>(dims: Dims<Name>, box: Box<Name>): void {
  const isObject = typeof dims === 'object' && (dims as unknown) !== null;
  checkArgument(isObject, 'dims', dims, 'an object of lengths', 'Give a length for each name of the box.');
  for (const name of namesOf(box)) {
    const [least, most] = box[name];
    const isInside = Number.isSafeInteger(dims[name]) && dims[name] >= least && dims[name] <= most;
    if (isInside) continue;
    const limit = `a whole number from ${least} to ${most}, as in the box`;
    throw wrongValue('BAD_ARGUMENT', {
      culprit: name,
      value: dims[name],
      limit,
      remedy: 'Widen the box of the family.',
    });
  }
  for (const name in dims) {
    const remedy = `The names are ${namesOf(box).join(', ')}.`;
    checkArgument(name in box, 'dims', named(name), 'the names of the box', remedy);
  }
}

const namesOf = <Name extends string>(box: Box<Name>): Name[] => Object.keys(box) as Name[];

/** Every combination of one value for each name. */
function* combinations<Name extends string>(
  valuesOf: (name: Name) => Iterable<number>,
  names: readonly Name[],
): Generator<Dims<Name>> {
  if (names.length === 0) return yield {} as Dims<Name>;
  const [name, ...others] = names;
  for (const value of valuesOf(name))
    for (const rest of combinations(valuesOf, others)) yield { [name]: value, ...rest };
}

const cornersOf = <Name extends string>(box: Box<Name>): Dims<Name>[] => [
  ...combinations((name) => new Set(box[name].toReversed()), namesOf(box)),
];

const pointsOf = <Name extends string>(box: Box<Name>): Generator<Dims<Name>> =>
  combinations((name) => range(box[name][0], box[name][1]), namesOf(box));

function* range(least: number, most: number): Generator<number> {
  for (let value = least; value <= most; value++) yield value;
}

function centreOf<Name extends string>(box: Box<Name>): Dims<Name> {
  const entries = namesOf(box).map((name) => [name, Math.floor((box[name][0] + box[name][1]) / 2)]);
  return Object.fromEntries(entries) as Dims<Name>;
}
