/**
 * Compares a run of a graph in a plan's arena with one in separate memory.
 *
 * Invariant: the executor gives the same bits for the same values, so a difference between the two runs is a fault of the
 * plan: a byte that one tensor lost to another.
 */
import { PlannerError } from '../errors.js';
import { hasCodec } from '../exec/reference/elements.js';
import { executeGroup, roundsOf, type PassOrder } from '../exec/reference/execute-fused.js';
import { executeGraph, executeNode } from '../exec/reference/execute.js';
import { checkSeed, fillLeafs, fillSchedule, type ExecutableSchedule } from '../exec/reference/fill.js';
import { Memory } from '../exec/reference/memory.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import { isResultIfUnread } from '../graph/node-kind.js';
import type { Runtime } from '../runtime/runtime.js';
import { resolveRuntime } from '../runtime/runtimes.js';
import type { Tensor } from '../tensor/tensor.js';
import { findGroups, type Group } from '../verify/fused-groups.js';
import type { PlanLike } from '../verify/plan-like.js';
import { checkGraphAndPlan } from '../verify/check-plan.js';

/** A tensor whose value differs between the two runs. */
export interface ExecutionDifference {
  /** Id of the tensor in `graph.tensors`. */
  readonly id: number;
  /** Position of the first differing byte within the tensor's storage; -1 if the planned run stopped at this node. */
  readonly byte: number;
  readonly message: string;
}

/** What runs in the memory of a plan, and what it is compared with. */
interface Subject {
  readonly graph: Graph;
  readonly plan: PlanLike;
  readonly fill: (memory: Memory) => void;
  /** What can be read afterwards, each with its counterpart in `expected`. */
  readonly results: readonly (readonly [found: Tensor, expected: Tensor])[];
  readonly expected: Memory;
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
  plan: PlanLike,
  seed = 1,
  runtime: string | Runtime | undefined = (plan as PlanLike | null)?.runtime,
): ExecutionDifference[] {
  checkGraphAndPlan(graph, plan);
  checkSeed(seed);
  const fill = (memory: Memory): void => fillLeafs(graph, memory, seed);
  const results = resultsOf(graph).map((tensor) => [tensor, tensor] as const);
  return compareRuns({ graph, plan, fill, results, expected: executed(graph, seed) }, resolveRuntime(runtime));
}

/**
 * Runs `graph` in separate memory, and what `scheduleGraph` made of it where `plan` puts it: one arena for each pool, with
 * real copies between them. What is read after the run must agree bit by bit, as in {@link compareExecutions}.
 *
 * @param graph the graph that was spread
 * @param plan of `schedule.graph`
 * @param seed of the values of leafs that have none yet. Default 1
 * @returns a difference per tensor, with its id in `schedule.graph`
 * @throws PlannerError as {@link compareExecutions}
 */
export function compareScheduled(
  graph: Graph,
  schedule: ExecutableSchedule,
  plan: PlanLike,
  seed = 1,
): ExecutionDifference[] {
  checkGraph(graph);
  checkGraphAndPlan((schedule as Partial<ExecutableSchedule> | null)?.graph as Graph, plan);
  checkSeed(seed);
  const fill = (memory: Memory): void => fillSchedule(graph, schedule, memory, seed);
  const standsFor = new Map(
    schedule.graph.tensors.map((tensor, id) => [graph.tensors[schedule.standsFor[id]], tensor]),
  );
  const results = resultsOf(graph).map((tensor) => [standsFor.get(tensor)!, tensor] as const);
  const subject = { graph: schedule.graph, plan, fill, results, expected: executed(graph, seed) };
  return compareRuns(subject, resolveRuntime(plan.runtime));
}

/** The memory of a graph that has run with every storage in its own bytes. */
function executed(graph: Graph, seed: number): Memory {
  const memory = Memory.separate(graph);
  fillLeafs(graph, memory, seed);
  executeGraph(graph, memory);
  return memory;
}

/** Runs a subject in its plan node by node, and with each group of nodes at once. */
function compareRuns(subject: Subject, rules: Runtime): ExecutionDifference[] {
  const differences = differencesOf(subject, { groups: [], passOrder: 'first part first' });
  const known = new Set(differences.map(({ id }) => id));
  for (const groups of roundsOf(findGroups(subject.graph, rules))) {
    for (const passOrder of ['first part first', 'last part first'] as const) {
      for (const difference of differencesOf(subject, { groups, passOrder })) {
        if (known.has(difference.id)) continue;
        known.add(difference.id);
        const how = `with nodes computed at once as ${rules.name} may, ${passOrder}`;
        differences.push({ ...difference, message: `${difference.message}, ${how}` });
      }
    }
  }
  return differences;
}

/** What differs where a graph has run in the memory of its plan. */
function differencesOf(
  { graph, plan, fill, results, expected }: Subject,
  { groups, passOrder }: Way,
): ExecutionDifference[] {
  const found = Memory.planned(graph, plan);
  fill(found);
  const ids = new Map(graph.tensors.map((tensor, id) => [tensor, id]));
  const groupOf = new Map(groups.flatMap((group) => group.nodes.map((node) => [node, group])));
  const isElided = (node: Tensor): boolean => (groupOf.get(node)?.nodes.at(-1) ?? node) !== node;
  for (const node of graph.nodes) {
    if (isElided(node)) continue;
    const group = groupOf.get(node);
    try {
      if (group === undefined) executeNode(node, found);
      else executeGroup(group, found, passOrder);
    } catch (error) {
      if (!(error instanceof PlannerError)) throw error;
      const message = `${node.label} cannot run in the arena: ${error.message}`;
      return [{ id: ids.get(node)!, byte: -1, message }];
    }
  }
  return results.flatMap(([tensor, counterpart]) => {
    if (isElided(tensor)) return [];
    const byte = firstDifference(tensor, expected.storage(counterpart), found.storage(tensor));
    const message = `${tensor.label} differs from byte ${byte} of its storage on`;
    return byte === -1 ? [] : [{ id: ids.get(tensor)!, byte, message }];
  });
}

/** What can be read when the graph has run. */
function resultsOf(graph: Graph): Tensor[] {
  const read = new Set(
    graph.nodes.flatMap((node) => [...node.sources.filter((source) => source !== node), node.destination]),
  );
  return graph.tensors.filter((tensor) => {
    const isResult = !read.has(tensor) && isResultIfUnread(tensor);
    return graph.outputs.has(tensor) || isResult || (!tensor.isView && tensor.memory !== 'deferred');
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
