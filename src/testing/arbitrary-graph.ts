/**
 * Arbitrary compute graphs for property tests.
 */
import fc from 'fast-check';
import { checkArgument, checkOptions, type OptionNames } from '../errors.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import type { Tensor } from '../tensor/tensor.js';
import { MOVES, recordedGraph, type Move, type MoveKind } from './graph-moves.js';

/** How large arbitrary graphs get. */
export interface ArbitraryGraphOptions {
  /** Moves that the graph is made of at most, inclusive; each adds one to six nodes. Default 20. */
  readonly maxMoves?: number;
}

const GRAPH_OPTIONS: OptionNames<ArbitraryGraphOptions> = { maxMoves: true };

/** How often a move is drawn, as real graphs have them; 1 where nothing is said. */
const WEIGHTS: Partial<Record<MoveKind, number>> = {
  unary: 4,
  binary: 4,
  view: 4,
  product: 3,
  run: 2,
  skip: 2,
  output: 2,
  part: 3,
  stack: 2,
  group: 3,
};

const kinds = fc.constantFrom(...MOVES.flatMap((kind) => new Array<MoveKind>(WEIGHTS[kind] ?? 1).fill(kind)));
const number = fc.nat({ max: 40 });

/**
 * Compute graphs weighted like real ones: chains, skips, wide fans, views of views, in-place runs, cache writes with
 * their dependencies, destinations, parts and stacks of rows, groups that runtimes compute at once, outputs in the
 * middle. `whyNotExecutable` finds nothing in them, and
 * `replayPlan` with `order: 'stated'` finds no order left to luck. They shrink to few nodes, and print as the code that
 * makes them, an expression to paste.
 *
 * @throws PlannerError `BAD_ARGUMENT`
 * @example
 * ```ts
 * import fc from 'fast-check';
 * import { planGraph } from 'tensor-arena';
 * import { arbitraryGraph, assertPlanCorrect } from 'tensor-arena/testing';
 * const isPlanned = fc.property(arbitraryGraph(), (graph) => assertPlanCorrect(graph, planGraph(graph)));
 * fc.assert(isPlanned, { numRuns: 20 });
 * ```
 */
export function arbitraryGraph(options: ArbitraryGraphOptions = {}): fc.Arbitrary<Graph> {
  checkOptions(options, GRAPH_OPTIONS);
  const { maxMoves = 20 } = options;
  const isCount = Number.isSafeInteger(maxMoves) && maxMoves >= 1;
  checkArgument(isCount, 'maxMoves', maxMoves, 'an integer of at least 1', 'Leave it out for 20.');
  const move: fc.Arbitrary<Move> = fc.tuple(kinds, number, number, number);
  const moves = fc.array(move, { minLength: 1, maxLength: maxMoves, size: 'max' });
  return fc.tuple(moves, fc.integer({ min: 1, max: 3 })).map(([list, lastCount]) => {
    const { graph, code } = recordedGraph(list, lastCount);
    return Object.defineProperty(graph, fc.toStringMethod, { value: code });
  });
}

/** One line per tensor, in execution order. @throws PlannerError `BAD_ARGUMENT` */
export function describeGraph(graph: Graph): string {
  checkGraph(graph);
  const ids = new Map(graph.tensors.map((tensor, id) => [tensor, id]));
  const line = (tensor: Tensor): string => {
    const { op, type, ne, nb, root, sources, destination } = tensor;
    const parts = [`${ids.get(tensor)!}: ${op}`, `${type.name} [${ne.join(', ')}] strides [${nb.join(', ')}]`];
    if (sources.length > 0) parts.push(`of ${sources.map((source) => (source ? ids.get(source) : '-')).join(', ')}`);
    if (destination !== null) parts.push(`into ${ids.get(destination)!}`);
    if (tensor.isView) parts.push(`in the storage of ${ids.get(root)!} from byte ${tensor.viewOffset}`);
    else if (tensor.memory !== 'deferred') parts.push(tensor.memory);
    if (graph.inputs.has(tensor)) parts.push('input');
    if (graph.outputs.has(tensor)) parts.push('output');
    return parts.join(' ');
  };
  return [...graph.leafs, ...graph.nodes].map(line).join('\n');
}
