/**
 * Runs graphs with plain reference kernels, and compares a run in a plan's arena with one in separate memory.
 *
 * Invariant: readable, not fast; the same values in give the same bits out, whatever the memory. A difference between
 * the two runs is a fault of the plan: a byte that one tensor lost to another.
 */
import { PlannerError } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import { arrivesAtItsStep, isPureView, isResultIfUnread } from '../graph/node-kind.js';
import { isKnown, type Row } from '../graph/operation.js';
import { Operands } from '../graph/operands.js';
import type { Runtime } from '../runtime/runtime.js';
import { resolveRuntime } from '../runtime/runtimes.js';
import { sameShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { findGroups, type Group } from '../verify/fused-groups.js';
import type { PlanToVerify } from '../verify/verify-plan.js';
import { hasCodec } from './elements.js';
import { executeGroup, roundsOf, type PassOrder } from './execute-fused.js';
import { checkSeed, fillLeafs } from './fill.js';
import { Call } from './kernels/kernel.js';
import { findKernel } from './kernels/kernels.js';
import { Memory } from './memory.js';

/** A tensor whose value differs between the two runs. */
export interface ExecutionDifference {
  /** Id of the tensor in `graph.tensors`. */
  readonly id: number;
  /** Position of the first differing byte within the tensor's storage; -1 if the planned run stopped at this node. */
  readonly byte: number;
  readonly message: string;
}

/** What the reference executor cannot run in this graph; `null` if it can run all of it. O(nodes). */
export function whyNotExecutable(graph: Graph): string | null {
  for (const node of graph.nodes) {
    const { operation } = node;
    if (operation === null || operation.isView) continue;
    if (findKernel(operation) === undefined) return `${node.op} (${node.label}) has no reference kernel`;
    const misfit = isKnown(operation) ? whyNotItsResult(node, operation) : null;
    if (misfit !== null) return `${node.op} (${node.label}) ${misfit}`;
    for (const tensor of [node, ...node.sources]) {
      if (tensor !== null && !hasCodec(tensor.type.name)) return `${tensor.label} is ${tensor.type.name}`;
    }
  }
  return null;
}

/** Why a node, which a graph file may have made up, is not what its operation makes of its operands; null if it is. */
function whyNotItsResult(node: Tensor, row: Row): string | null {
  try {
    // A file may leave out the settings that only say what the result says, too.
    const params = { type: null, ne: node.ne, ...node.params };
    const { type, ne } = row.result(new Operands(row, node.sources), params);
    return type === node.type && sameShape({ ne }, node) ? null : `should be ${type.name} [${ne.join(', ')}]`;
  } catch (error) {
    if (error instanceof PlannerError) return `cannot be applied: ${error.message}`;
    throw error;
  }
}

/**
 * Runs the nodes of `graph` in order. Time as the arithmetic takes, in plain JavaScript: for graphs of tests.
 *
 * @throws PlannerError `NOT_EXECUTABLE` for operations without a reference kernel (`CUSTOM`, unknown ones), for
 * quantised types, and for nodes of a file that have no settings or are not what their operation makes of its operands;
 * `BAD_ARGUMENT` where an index tensor holds no valid index
 */
export function executeGraph(graph: Graph, memory: Memory): void {
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
  for (const node of graph.nodes) if (!isPureView(node)) executeNode(node, memory);
}

/** Runs one node. */
export function executeNode(node: Tensor, memory: Memory): void {
  const { operation } = node;
  if (operation === null) {
    if (arrivesAtItsStep(node)) memory.deliver(node);
    return;
  }
  const sources = node.sources.map((source) => (source === null ? null : memory.elements(source)));
  findKernel(operation)!(new Call(node, memory.elements(node), sources));
  memory.poisonTail(node);
}

/** How the nodes of a graph are run. */
interface Way {
  /** What is computed at once; no two have a node in common. */
  readonly groups: readonly Group[];
  readonly passOrder: PassOrder;
}

/**
 * Runs `graph` on the same values with every storage in its own bytes and with all of them where `plan` puts them: what
 * is read after the run must agree bit by bit. In the plan it runs node by node, and again with every group of nodes
 * computed at once that the runtime of the plan may compute so, first part first and last part first.
 *
 * @param seed of the values of leafs that have none yet. Default 1
 * @param runtime what runs the graph. Default: what the plan says
 * @returns a difference per tensor: outputs, results that nobody reads, and everything outside the arena
 * @throws PlannerError `BAD_ARGUMENT`, and as {@link executeGraph}
 */
export function compareExecutions(
  graph: Graph,
  plan: PlanToVerify,
  seed = 1,
  runtime: string | Runtime | undefined = plan.runtime,
): ExecutionDifference[] {
  const rules = resolveRuntime(runtime);
  checkSeed(seed);
  const expected = Memory.separate(graph);
  fillLeafs(graph, expected, seed);
  executeGraph(graph, expected);

  const differences = differencesOf(graph, plan, seed, expected, { groups: [], passOrder: 'first part first' });
  const known = new Set(differences.map(({ id }) => id));
  for (const groups of roundsOf(findGroups(graph, rules))) {
    for (const passOrder of ['first part first', 'last part first'] as const) {
      for (const difference of differencesOf(graph, plan, seed, expected, { groups, passOrder })) {
        if (known.has(difference.id)) continue;
        known.add(difference.id);
        const how = `with nodes computed at once as ${rules.name} may, ${passOrder}`;
        differences.push({ ...difference, message: `${difference.message}, ${how}` });
      }
    }
  }
  return differences;
}

/** What differs where `graph` has run in the memory of `plan`. */
function differencesOf(
  graph: Graph,
  plan: PlanToVerify,
  seed: number,
  expected: Memory,
  { groups, passOrder }: Way,
): ExecutionDifference[] {
  const found = Memory.planned(graph, plan);
  fillLeafs(graph, found, seed);
  const ids = new Map(graph.tensors.map((tensor, id) => [tensor, id]));
  const groupOf = new Map(groups.flatMap((group) => group.nodes.map((node) => [node, group])));
  const isElided = (node: Tensor): boolean => (groupOf.get(node)?.nodes.at(-1) ?? node) !== node;
  for (const node of graph.nodes) {
    if (isPureView(node) || isElided(node)) continue;
    const group = groupOf.get(node);
    try {
      if (group === undefined) executeNode(node, found);
      else executeGroup(group, found, passOrder);
    } catch (error) {
      if (!(error instanceof PlannerError)) throw error;
      const message = `${labelOf(node)} cannot run in the arena: ${error.message}`;
      return [{ id: ids.get(node)!, byte: -1, message }];
    }
  }
  return resultsOf(graph).flatMap((tensor) => {
    if (isElided(tensor)) return [];
    const byte = firstDifference(tensor, expected.storage(tensor), found.storage(tensor));
    const message = `${labelOf(tensor)} differs from byte ${byte} of its storage on`;
    return byte === -1 ? [] : [{ id: ids.get(tensor)!, byte, message }];
  });
}

/** What can be read when the graph has run. */
function resultsOf(graph: Graph): Tensor[] {
  const read = new Set(graph.nodes.flatMap((node) => node.sources.filter((source) => source !== node)));
  return graph.tensors.filter((tensor) => {
    const isResult = !read.has(tensor) && isResultIfUnread(tensor);
    return tensor.isOutput || isResult || (!tensor.isView && tensor.memory !== 'deferred');
  });
}

function firstDifference(tensor: Tensor, expected: Uint8Array, found: Uint8Array): number {
  const { ne, nb, type, viewOffset } = tensor;
  if (!hasCodec(type.name)) return expected.findIndex((byte, at) => byte !== found[at]);
  for (let i3 = 0; i3 < ne[3]; i3++) {
    for (let i2 = 0; i2 < ne[2]; i2++) {
      for (let i1 = 0; i1 < ne[1]; i1++) {
        for (let i0 = 0; i0 < ne[0]; i0++) {
          const start = viewOffset + i0 * nb[0] + i1 * nb[1] + i2 * nb[2] + i3 * nb[3];
          for (let at = start; at < start + type.blockBytes; at++) if (expected[at] !== found[at]) return at;
        }
      }
    }
  }
  return -1;
}

function labelOf(tensor: Tensor): string {
  return tensor.label;
}
