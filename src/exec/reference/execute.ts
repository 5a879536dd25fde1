/**
 * Runs graphs with plain reference kernels.
 *
 * Invariant: readable, not fast; the same inputs give the same bits in every {@link Memory}.
 */
import type { Graph } from '../../graph/graph.js';
import type { Tensor } from '../../tensor/tensor.js';
import { requireRunnable, whyNotRunnable, type Abilities } from '../executable.js';
import { hasCodec } from './elements.js';
import { Call } from './kernels/kernel.js';
import { findKernel } from './kernels/kernels.js';
import { checkMemory, type Memory } from './memory.js';

const ABILITIES: Abilities = {
  name: 'reference',
  hasKernel: (operation) => findKernel(operation) !== undefined,
  misfit: (node) => {
    const unreadable = [node, ...node.sources].find((tensor) => tensor !== null && !hasCodec(tensor.type.name));
    return unreadable ? `${unreadable.label} is ${unreadable.type.name}` : null;
  },
};

/**
 * What the reference executor cannot run in this graph; `null` if it can run all of it. O(nodes).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function whyNotExecutable(graph: Graph): string | null {
  return whyNotRunnable(graph, ABILITIES);
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
  const remedy = 'Check the plan with verifyPlan and replayPlan, which need no values.';
  requireRunnable(graph, ABILITIES, 'made of operations of the table and unquantised types', remedy);
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
