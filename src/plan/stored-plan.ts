/**
 * A plan that was written to a file, for the graph that it was made for: enough of a plan to run the graph in its arena.
 *
 * Invariant: `verifyPlan` finds nothing wrong with it, so an arena never gives two tensors bytes that both need.
 */
import { checkArgument, PlannerError } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import { isKept } from '../graph/table.js';
import { requireTensor } from '../tensor/require-tensor.js';
import type { Tensor } from '../tensor/tensor.js';
import { verifyPlan, type CheckLimits } from '../verify/verify-plan.js';
import { Arena } from './arena.js';
import type { ArenaMemory } from './arena-memory.js';
import { locationOf, type PlannedLocation, type PlannedTensor, type PlanLayout } from './layout.js';
import type { PlanJson } from './plan.js';

/** A plan that was read, which has memory like one that was made. */
export interface StoredPlan extends PlanLayout {
  readonly bufferSize: number;
  readonly tensors: readonly PlannedTensor[];
  /** As `plan.allocate`. @throws PlannerError `OUT_OF_MEMORY`, `BAD_ALIGNMENT`, `BAD_ARGUMENT` */
  allocate(memory?: ArenaMemory): Arena;
}

/**
 * Takes a plan from a file, for instance the result of `JSON.parse`, for a graph that is the same as the one that it was
 * made for. O((n + violations) log n).
 *
 * @param limits as of `verifyPlan`; `runtime` if the plan was made for rules of your own
 * @throws PlannerError `BAD_ARGUMENT` if it is no plan, or not a right one for this graph
 * @example
 * ```ts
 * import { Context, Graph, planFromJson, planGraph } from 'tensor-arena';
 * const ctx = Context.deferred();
 * const x = ctx.setInput(ctx.newTensor('f32', [4], 'x'));
 * const graph = Graph.forward(ctx.setOutput(ctx.relu(x)));
 * const text = JSON.stringify(planGraph(graph));
 * const arena = planFromJson(graph, JSON.parse(text)).allocate();
 * console.log(arena.data(x, 'f32').length); // 4
 * ```
 */
export function planFromJson(graph: Graph, document: PlanJson, limits: CheckLimits = {}): StoredPlan {
  const [violation] = verifyPlan(graph, document, limits);
  if (violation !== undefined) {
    throw new PlannerError('BAD_ARGUMENT', {
      message: `The plan is not right for this graph: ${violation.message}.`,
      culprit: 'plan',
      value: violation.message,
      limit: 'a plan of this graph',
      remedy: 'Give the plan of this very graph, or plan the graph anew.',
    });
  }
  return new ReadPlan(graph, document);
}

class ReadPlan implements StoredPlan {
  readonly bufferSize: number;
  readonly chunks: readonly number[];
  readonly alignment: number;
  readonly nodeCount: number;
  readonly tensors: readonly PlannedTensor[];
  readonly #byTensor: ReadonlyMap<Tensor, PlannedTensor>;
  readonly #kept: ReadonlySet<PlannedTensor>;

  constructor(graph: Graph, { bufferSize, chunks, alignment, tensors }: PlanJson) {
    const { table } = graph;
    tensors.forEach(({ size, start, end }, index) => {
      const isWhole = [size, start, end].every((value) => Number.isSafeInteger(value));
      const limit = 'an entry with size, start and end';
      checkArgument(isWhole, `plan.tensors[${index}]`, tensors[index], limit, 'Give what plan.toJSON() returns.');
    });
    this.bufferSize = bufferSize;
    this.chunks = [...chunks];
    this.alignment = alignment;
    this.nodeCount = table.nodes.length;
    this.tensors = tensors.map((entry) => ({ ...entry, name: graph.tensors[entry.id].name }));
    this.#byTensor = new Map(this.tensors.map((planned) => [graph.tensors[planned.id], planned]));
    this.#kept = new Set(this.tensors.filter(({ id }) => isKept(table.traits[id])));
  }

  find(tensor: Tensor): PlannedTensor | undefined {
    requireTensor(tensor);
    return this.#byTensor.get(tensor.root);
  }

  isKept(planned: PlannedTensor): boolean {
    return this.#kept.has(planned);
  }

  locate(tensor: Tensor): PlannedLocation {
    return locationOf(tensor, this.find(tensor));
  }

  allocate(memory?: ArenaMemory): Arena {
    return new Arena(this, memory);
  }
}
