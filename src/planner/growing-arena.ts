/**
 * The arena of a family that grows with one length: graphs of one structure, whose slots are lines.
 *
 * Invariant: as in `family.ts`, no graph gets offsets that were not checked for it and its length.
 */
import { checkArgument } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import { NO_BUFFER, type Liveness } from '../liveness/liveness.js';
import { placeWith } from '../plan/allocator-choice.js';
import { placeTable } from '../plan/measure.js';
import type { ResolvedOptions } from '../plan/options.js';
import { growingSlots, valueAt, type GrowingSlots } from './growing-slots.js';
import { mergeAlike, Reservation, structureOf } from './reservation.js';
import { ReservedPlan } from './reserved-plan.js';
import type { Structure } from './structure.js';

/** Graphs of one length. */
export interface GraphsAt {
  readonly length: number;
  readonly graphs: readonly Graph[];
}

/** Offsets that are linear in a length. */
export class GrowingArena {
  readonly #least: number;
  readonly #options: ResolvedOptions;
  readonly #structure: Structure;
  readonly #liveness: Liveness;
  readonly #slots: GrowingSlots;

  /** @param samples graphs of the least length, of the greatest, and of lengths between, ascending */
  constructor(samples: readonly GraphsAt[], options: ResolvedOptions) {
    const merged = samples.map(({ graphs }) => onlyOne(graphs.map((graph) => structureOf(graph, options))));
    const units = samples[samples.length - 1].length - samples[0].length;
    this.#least = samples[0].length;
    this.#options = options;
    this.#structure = onlyOne(merged);
    this.#liveness = placeTable(this.#structure.table, this.#structure.groups, options).liveness;
    const problem = { ...this.#liveness.problem, gaps: null };
    const { offsets } = placeWith(options.allocator, problem, { maxChunkSize: Infinity, allowOversize: false });
    const sizes = merged.map((structure) => this.#bufferSizes(structure));
    const distances = samples.map(({ length }) => (length - this.#least) / units);
    const least = Array.from(problem.sizes, (most, buffer) => {
      return leastOfLine(
        distances,
        sizes.map((ofSample) => ofSample[buffer]),
        most,
      );
    });
    this.#slots = growingSlots(problem, least, offsets, units);
    const { maxChunkSize } = options;
    const most = valueAt(this.#slots.bufferSize, units);
    const limit = `at least ${most}, as an arena that grows has one chunk`;
    checkArgument(most <= maxChunkSize, 'maxChunkSize', maxChunkSize, limit, 'Narrow the box, or leave out `grows`.');
  }

  /** Bytes of the buffer at a length. */
  bufferSizeAt(length: number): number {
    return valueAt(this.#slots.bufferSize, length - this.#least);
  }

  /** The plan of a graph at a length, or why there is none, as a sentence. O(tensors). */
  find(graph: Graph, length: number): ReservedPlan | string {
    const { alignment, runtime } = this.#options;
    const structure = structureOf(graph, this.#options);
    const reservation = this.#reservationAt(length - this.#least);
    const arena = { chunks: [this.bufferSizeAt(length)], alignment, runtime };
    return reservation.misfit(structure) ?? new ReservedPlan(graph, reservation, arena);
  }

  #reservationAt(units: number): Reservation {
    const { sizes, offsets } = this.#slots;
    const { bufferOf } = this.#liveness;
    const limits = Float64Array.from(bufferOf, (buffer) => (buffer === NO_BUFFER ? 0 : valueAt(sizes[buffer], units)));
    const places = offsets.map((line) => valueAt(line, units));
    return new Reservation(this.#structure, this.#liveness, new Int32Array(places.length), places, limits);
  }

  /** What each buffer takes with the sizes of `structure`, bytes. */
  #bufferSizes({ table }: Structure): Float64Array {
    const { bufferOf, problem } = this.#liveness;
    const sizes = new Float64Array(problem.bufferCount);
    bufferOf.forEach((buffer, id) => {
      if (buffer !== NO_BUFFER) sizes[buffer] = Math.max(sizes[buffer], table.sizes[id]);
    });
    return sizes;
  }
}

/** Structures as one. @throws PlannerError `BAD_ARGUMENT` if they differ */
function onlyOne(structures: readonly Structure[]): Structure {
  const [one, ...others] = mergeAlike(structures);
  const remedy = 'Build the same nodes for every length, or leave out `grows`.';
  checkArgument(
    others.length === 0,
    'build',
    `${others.length + 1} structures`,
    'graphs of one structure where an arena grows',
    remedy,
  );
  return one;
}

/**
 * Where a line begins that ends at `most` and is nowhere below the samples, bytes: a size that grows faster at first, such as
 * that of a window, raises it.
 *
 * @param distances where each sample lies, from 0 to 1, the end
 */
function leastOfLine(distances: readonly number[], samples: readonly number[], most: number): number {
  return distances.reduce((least, distance, at) => {
    const begin = distance === 1 ? 0 : Math.ceil((samples[at] - most * distance) / (1 - distance));
    return Math.max(least, begin);
  }, 0);
}
