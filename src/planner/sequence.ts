/**
 * Graphs that run one after another in one arena, and values that stay in it from one to the next.
 *
 *     step        0 … 40            41 … 90
 *     graph       encoder           decoder          The encoder's output is the decoder's input: one buffer, which
 *     output           █████████████▶ input          lives from the step that computes it to the last one that reads it.
 *
 * Invariant: the graphs are placed as one problem in which their steps follow one another, so whatever an allocator
 * promises for one graph holds for all of them.
 */
import { checkArgument, named, PlannerError } from '../errors.js';
import { isKept } from '../graph/table.js';
import { NO_BUFFER, type Liveness } from '../liveness/liveness.js';
import { placeWith } from '../plan/allocator-choice.js';
import { placeTable } from '../plan/measure.js';
import type { ResolvedOptions } from '../plan/options.js';
import { createProblem, type BufferGap, type BufferSpec, type Problem } from '../problem/problem.js';
import { sameLayout } from '../tensor/layout.js';
import { requireTensor } from '../tensor/require-tensor.js';
import type { Tensor } from '../tensor/tensor.js';
import { Reservation } from './reservation.js';
import type { Structure } from './structure.js';

/** An output of one graph that is an input of a later one: both have the same bytes. */
export type GivenTensor = readonly [output: Tensor, input: Tensor];

/** A value that stays, by graph and tensor id. */
export interface Given {
  readonly from: number;
  readonly output: number;
  readonly to: number;
  readonly input: number;
}

/** Reservations of graphs that are placed together. */
export interface Sequence {
  readonly reservations: readonly Reservation[];
  readonly given: readonly Given[];
  /** Bytes of each chunk. */
  readonly chunks: readonly number[];
}

/** Finds the graphs of the tensors that stay. @throws PlannerError `BAD_ARGUMENT`, `BAD_OPERAND` */
export function resolveGiven(structures: readonly Structure[], pairs: readonly GivenTensor[]): Given[] {
  const isList: boolean = Array.isArray(pairs);
  checkArgument(isList, 'given', pairs, 'a list of pairs', 'Give [[output, input], …].');
  const given = pairs.map((pair, index) => {
    const isPair: boolean = Array.isArray(pair) && pair.length === 2;
    checkArgument(isPair, `given[${index}]`, pair, 'an output and an input', 'Give [output, input].');
    const [output, input] = pair;
    requireTensor(output, `given[${index}][0]`);
    requireTensor(input, `given[${index}][1]`);
    const from = structures.findIndex(({ graph }) => graph.outputs.has(output));
    const to = structures.findIndex(({ graph }, at) => at > from && isGivenTo(graph.inputs, graph.leafs, input));
    if (from === -1) throw wrongGiven(output, 'an output of one of the graphs', 'Mark it with setOutput.');
    if (to === -1)
      throw wrongGiven(input, 'an input of a later graph', 'Make it with newTensor, and mark it with setInput.');
    if (!sameLayout(output, input)) {
      const limit = `of the type, shape and strides of ${output.label}`;
      throw wrongGiven(input, limit, 'Copy the output into a tensor of this layout at the end of its graph.');
    }
    for (const each of pair) {
      if (each.isView || each.memory !== 'deferred')
        throw wrongGiven(each, 'a deferred tensor with its own bytes', 'Copy a view with cont().');
    }
    return { from, output: structures[from].graph.idOf(output), to, input: structures[to].graph.idOf(input) };
  });
  checkOverwriting(structures, given);
  return given;
}

/** A graph must not overwrite what a later one is given, too. */
function checkOverwriting(structures: readonly Structure[], given: readonly Given[]): void {
  for (const { from, output, to, input } of given) {
    const isLast = given.every((other) => other.from !== from || other.output !== output || other.to <= to);
    const { graph, table } = structures[to];
    if (isLast || isKept(table.traits[input])) continue;
    throw wrongGiven(
      graph.tensors[input],
      'an output of its graph, as a later graph reads it, too',
      'Mark it with setOutput.',
    );
  }
}

function isGivenTo(inputs: ReadonlySet<Tensor>, leafs: readonly Tensor[], tensor: Tensor): boolean {
  return inputs.has(tensor) || leafs.includes(tensor);
}

function wrongGiven(tensor: Tensor, limit: string, remedy: string): PlannerError {
  const culprit = tensor.label;
  const message = `${named(culprit)} is given from one graph to another, so it must be ${limit}.`;
  return new PlannerError('BAD_OPERAND', { message, culprit, value: 'another tensor', limit, remedy });
}

/** Places graphs one after another. Complexity and errors as `planGraph`. */
export function placeSequence(
  structures: readonly Structure[],
  given: readonly Given[],
  options: ResolvedOptions,
): Sequence {
  const placed = structures.map(({ table, groups }) => placeTable(table, groups, options));
  if (given.length === 0 && structures.length === 1) {
    const [{ liveness, placement }] = placed;
    const reservation = new Reservation(structures[0], liveness, placement.chunkOf, placement.offsets);
    return { reservations: [reservation], given, chunks: placement.chunks };
  }
  const { specs, rowsOf } = joined(
    placed.map(({ liveness }) => liveness),
    given,
  );
  const { maxChunkSize, allowOversize } = options;
  const { chunkOf, offsets, chunks } = placeWith(options.allocator, createProblem(specs), {
    maxChunkSize,
    allowOversize,
  });
  const reservations = structures.map((structure, index) => {
    const rows = rowsOf[index];
    const { liveness } = placed[index];
    return new Reservation(
      structure,
      liveness,
      rows.map((row) => chunkOf[row]),
      rows.map((row) => offsets[row]),
    );
  });
  return { reservations, given, chunks };
}

interface Joined {
  readonly specs: readonly BufferSpec[];
  /** For each graph the row of `specs` that each of its buffers has become. */
  readonly rowsOf: readonly (readonly number[])[];
}

/** The buffers of all graphs, their steps one after another; what stays is one buffer. */
function joined(livenesses: readonly Liveness[], given: readonly Given[]): Joined {
  const specs: BufferSpec[] = [];
  const rowsOf: number[][] = [];
  let firstStep = 0;
  livenesses.forEach(({ problem, bufferOf }, graph) => {
    const rows: number[] = [];
    const stays = new Map<number, number>();
    for (const { from, output, to, input } of given) {
      if (to !== graph || bufferOf[input] === NO_BUFFER) continue;
      stays.set(bufferOf[input], rowsOf[from][livenesses[from].bufferOf[output]]);
    }
    for (let buffer = 0; buffer < problem.bufferCount; buffer++) {
      const spec = specOf(problem, buffer, firstStep);
      const row = stays.get(buffer);
      rows.push(row ?? specs.push(spec) - 1);
      if (row !== undefined) specs[row] = continuedAs(specs[row], spec);
    }
    rowsOf.push(rows);
    firstStep += problem.stepCount;
  });
  return { specs, rowsOf };
}

/** A buffer of a graph whose first step has the number `firstStep`. */
function specOf({ sizes, starts, ends, alignments, gaps }: Problem, buffer: number, firstStep: number): BufferSpec {
  const ofBuffer: BufferGap[] = [];
  for (let row = gaps?.first[buffer] ?? 0; row < (gaps?.first[buffer + 1] ?? 0); row++) {
    const { starts, ends, lowers, uppers } = gaps!;
    ofBuffer.push({
      start: firstStep + starts[row],
      end: firstStep + ends[row],
      lower: lowers[row],
      upper: uppers[row],
    });
  }
  return {
    size: sizes[buffer],
    start: firstStep + starts[buffer],
    end: firstStep + ends[buffer],
    alignment: alignments[buffer],
    gaps: ofBuffer,
  };
}

/** One buffer for a value that a later graph is given: all of it is needed between the two. */
function continuedAs(one: BufferSpec, later: BufferSpec): BufferSpec {
  const size = Math.max(one.size, later.size);
  const gaps = [...gapsWithin(one, size), ...gapsWithin(later, size)];
  return { ...one, size, end: later.end, gaps };
}

/** The gaps of a buffer within a larger one. */
function gapsWithin({ size, start, end, gaps = [] }: BufferSpec, larger: number): readonly BufferGap[] {
  return size < larger && gaps.length === 0 ? [{ start, end, lower: 0, upper: size }] : gaps;
}
