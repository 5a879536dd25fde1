/**
 * Planners of other runtimes number buffers as the file numbers its tensors, and their ties depend on it.
 */
import { checkArgument } from '../errors.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import { analyzeLiveness, NO_BUFFER } from '../liveness/liveness.js';
import type { Problem } from '../problem/problem.js';
import type { Allocator, PlaceOptions, Placement } from '../solver/allocator.js';
import { sourceOf, type GraphSource } from './graph-from-tflite.js';

/**
 * `allocator` as its own runtime calls it for the model of `graph`: it is given the buffers in the order of the tensors in
 * the file. Only for plans of that graph with `reuse: 'off'` and `runtime: 'none'`, as those runtimes plan.
 *
 * @param graph as `graphFromTflite` made it
 * @throws PlannerError `BAD_ARGUMENT`; when it places, also for a plan with other options
 * @example
 * ```ts
 * import { measureGraph } from 'tensor-arena';
 * import { graphFromTflite, inFileOrder, readTflite, tfliteMicroGreedy } from 'tensor-arena/tflite';
 * const graph = graphFromTflite(await readTflite('examples/audio-preprocessor.tflite'));
 * const allocator = inFileOrder(graph, tfliteMicroGreedy);
 * console.log(measureGraph(graph, { allocator, alignment: 16, reuse: 'off', runtime: 'none' }).bufferSize);
 * ```
 */
export function inFileOrder(graph: Graph, allocator: Allocator): Allocator {
  checkGraph(graph);
  const { places } = sourceOf(graph);
  const { name, place } = Object(allocator) as Partial<Allocator>;
  const isAllocator = typeof name === 'string' && typeof place === 'function';
  checkArgument(
    isAllocator,
    'allocator',
    allocator,
    'an Allocator: { name, place }',
    'Give one, such as tfliteGreedy.',
  );
  return {
    name: allocator.name,
    place(problem: Problem, options?: PlaceOptions): Placement {
      const order = fileOrder(graph, places, problem);
      const placement = allocator.place(reordered(problem, order), options);
      const offsets = new Float64Array(problem.bufferCount);
      const chunkOf = new Int32Array(problem.bufferCount);
      order.forEach((buffer, position) => {
        offsets[buffer] = placement.offsets[position];
        chunkOf[buffer] = placement.chunkOf[position];
      });
      return { offsets, chunkOf, chunks: placement.chunks };
    },
  };
}

/** The buffers of `problem` in the order of the file's tensors. @throws PlannerError `BAD_ARGUMENT` for another problem */
function fileOrder(graph: Graph, places: GraphSource['places'], problem: Problem): Int32Array {
  const { bufferOf, problem: own } = analyzeLiveness(graph.table, 'off', problem.alignments[0] ?? 1);
  const isOwn =
    own.bufferCount === problem.bufferCount &&
    own.starts.every((start, b) => start === problem.starts[b] && own.ends[b] === problem.ends[b]);
  const limit = 'that of the graph with reuse off and runtime none';
  checkArgument(
    isOwn,
    'problem',
    `one of ${problem.bufferCount} buffers`,
    limit,
    'Plan so, and the graph as it was made.',
  );
  const keys = new Float64Array(problem.bufferCount);
  graph.tensors.forEach((tensor, id) => {
    const buffer = bufferOf[id];
    if (buffer === NO_BUFFER) return;
    const { subgraph, tensor: index } = places.get(tensor)!;
    keys[buffer] = subgraph * 2 ** 32 + index;
  });
  return Int32Array.from(keys.keys()).sort((a, b) => keys[a] - keys[b] || a - b);
}

function reordered(problem: Problem, order: Int32Array): Problem {
  const { sizes, starts, ends, alignments } = problem;
  return {
    bufferCount: problem.bufferCount,
    stepCount: problem.stepCount,
    sizes: Float64Array.from(order, (b) => sizes[b]),
    starts: Int32Array.from(order, (b) => starts[b]),
    ends: Int32Array.from(order, (b) => ends[b]),
    alignments: Float64Array.from(order, (b) => alignments[b]),
    fixedOffsets: null,
    gaps: null,
  };
}
