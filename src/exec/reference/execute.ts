/**
 * Runs graphs with plain reference kernels.
 *
 * Invariant: readable, not fast; the same inputs give the same bits in every {@link Memory}.
 */
import { PlannerError } from '../../errors.js';
import { checkGraph, type Graph } from '../../graph/graph.js';
import { isRow, type Row } from '../../dialects/ggml/row.js';
import { Operands } from '../../dialects/ggml/operands.js';
import { sameShape } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import { hasCodec } from './elements.js';
import { Call } from './kernels/kernel.js';
import { findKernel } from './kernels/kernels.js';
import { checkMemory, type Memory } from './memory.js';

/**
 * What the reference executor cannot run in this graph; `null` if it can run all of it. O(nodes).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function whyNotExecutable(graph: Graph): string | null {
  checkGraph(graph);
  for (const node of graph.nodes) {
    const { operation } = node;
    if (operation === null || operation.isView) continue;
    if (findKernel(operation) === undefined) return `${node.op} (${node.label}) has no reference kernel`;
    const misfit = isRow(operation) ? whyNotItsResult(node, operation) : null;
    if (misfit !== null) return `${node.op} (${node.label}) ${misfit}`;
    for (const tensor of [node, ...node.sources]) {
      if (tensor !== null && !hasCodec(tensor.type.name)) return `${tensor.label} is ${tensor.type.name}`;
    }
  }
  return null;
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

/**
 * Runs the nodes of `graph` in order. Takes as long as the arithmetic in plain JavaScript: meant for graphs of tests.
 *
 * @throws PlannerError `NOT_EXECUTABLE` for operations without a reference kernel (`CUSTOM`, unknown ones), for
 * quantised types, and for nodes of a file that have no settings or are not what their operation makes of its operands;
 * `BAD_ARGUMENT` where an index tensor holds no valid index
 */
export function executeGraph(graph: Graph, memory: Memory): void {
  checkMemory(memory);
  const reason = whyNotExecutable(graph);
  if (reason !== null) {
    throw new PlannerError('NOT_EXECUTABLE', {
      message: `The graph cannot be executed: ${reason.replace(/\.$/, '')}.`,
      culprit: 'graph',
      value: reason,
      limit: 'made of operations of the table and unquantised types',
      remedy: 'Check the plan with verifyPlan and replayPlan, which need no values.',
    });
  }
  for (const node of graph.nodes) executeNode(node, memory);
}

/** Runs one node; nothing happens at one that only looks at bytes. */
export function executeNode(node: Tensor, memory: Memory): void {
  const { operation } = node;
  if (operation === null) {
    memory.deliver(node);
    return;
  }
  if (operation.isView) return;
  const sources = node.sources.map((source) => (source === null ? null : memory.elements(source)));
  findKernel(operation)!(new Call(node, memory.elements(node), sources));
  memory.poisonTail(node);
}
