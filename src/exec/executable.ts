/**
 * What a backend cannot run in a graph, as a sentence.
 */
import { PlannerError } from '../errors.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import { isRow, type Row } from '../dialects/ggml/row.js';
import { Operands } from '../dialects/ggml/operands.js';
import { sameShape } from '../tensor/layout.js';
import type { Operation } from '../tensor/operation.js';
import type { Tensor } from '../tensor/tensor.js';

/** What a backend can run. */
export interface Abilities {
  /** What its kernels are called in "has no … kernel". */
  readonly name: string;
  readonly hasKernel: (operation: Operation) => boolean;
  /** Why a node with a kernel, whose settings and shape are right, cannot run, as a whole sentence; null if it can. */
  readonly misfit: (node: Tensor) => string | null;
}

/** What a backend cannot run in this graph; null if it can run all of it. O(nodes). @throws PlannerError `BAD_ARGUMENT` */
export function whyNotRunnable(graph: Graph, { name, hasKernel, misfit }: Abilities): string | null {
  checkGraph(graph);
  for (const node of graph.nodes) {
    const { operation } = node;
    if (operation === null || operation.isView) continue;
    if (!hasKernel(operation)) return `${node.op} (${node.label}) has no ${name} kernel`;
    const fault = isRow(operation) ? whyNotItsResult(node, operation) : null;
    if (fault !== null) return `${node.op} (${node.label}) ${fault}`;
    const reason = misfit(node);
    if (reason !== null) return reason;
  }
  return null;
}

/** @throws PlannerError `NOT_EXECUTABLE` if a backend cannot run all of the graph */
export function requireRunnable(graph: Graph, abilities: Abilities, limit: string, remedy: string): void {
  const reason = whyNotRunnable(graph, abilities);
  if (reason === null) return;
  throw new PlannerError('NOT_EXECUTABLE', {
    message: `The graph cannot be executed: ${reason.replace(/\.$/, '')}.`,
    culprit: 'graph',
    value: reason,
    limit,
    remedy,
  });
}

/** Why a node differs from what its operation makes of its operands, as a graph file may say; null if the two agree. */
function whyNotItsResult(node: Tensor, row: Row): string | null {
  try {
    // A file may leave out settings that repeat a property of the result.
    const params = { type: null, ne: node.ne, ...node.params };
    const { type, ne } = row.result(new Operands(row, node.sources), params);
    return type === node.type && sameShape({ shape: ne }, node) ? null : `should be ${type.name} [${ne.join(', ')}]`;
  } catch (error) {
    if (error instanceof PlannerError) return `cannot be applied: ${error.message}`;
    throw error;
  }
}
