/**
 * Which nodes of a graph a runtime may compute at once by its rules, and which operands they read from outside.
 *
 * Invariant: the verifiers read the rules on their own: forwards from each first node, one group per way in which a
 * rule matches. They share the rules with the planner, and no code.
 */
import type { Graph } from '../graph/graph.js';
import type { FusionRule, ReadOrder, Runtime } from '../runtime/runtime.js';
import { sameLayout, sameShape } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';

/** Nodes that may be computed at once. */
export interface Group {
  /** At least two, in execution order; only the result of the last is written. */
  readonly nodes: readonly Tensor[];
  /** How each node reads its operands from outside the group. */
  readonly orders: readonly ReadOrder[];
}

/** An operand that a group reads from outside. */
export interface GroupInput {
  readonly tensor: Tensor;
  /** The node of the group that reads it. */
  readonly reader: Tensor;
  readonly order: ReadOrder;
}

/** Every group, by its first node. O(nodes · rules). */
export function findGroups(graph: Graph, { fusions }: Runtime): Group[] {
  if (fusions.length === 0) return [];
  // What arrives at a node without an operation, or is copied then, is waited for: no rule goes across it.
  const computing = graph.nodes.filter(({ operation }) => operation?.isView !== true);
  const uses = new Map<Tensor, number>();
  for (const { sources } of graph.nodes) {
    for (const source of sources) if (source !== null) uses.set(source, (uses.get(source) ?? 0) + 1);
  }
  const byFirst = new Map<string, FusionRule[]>();
  for (const rule of fusions) byFirst.set(rule[0].op, [...(byFirst.get(rule[0].op) ?? []), rule]);
  const isElided = (node: Tensor, reader: Tensor): boolean =>
    !node.isView &&
    !graph.outputs.has(node) &&
    uses.get(node) === 1 &&
    reader.sources.includes(node) &&
    sameShape(node, reader);
  const groups: Group[] = [];
  computing.forEach(({ op }, start) => {
    for (const rule of byFirst.get(op) ?? []) {
      const nodes: Tensor[] = [];
      const orders: ReadOrder[] = [];
      const match = (index: number): void => {
        if (index === rule.length) {
          if (nodes.length > 1) groups.push({ nodes: [...nodes], orders: [...orders] });
          return;
        }
        let added = 0;
        for (const { op: wanted, operands, most = 1 } = rule[index]; added < most; added++, match(index + 1)) {
          const node = computing[start + nodes.length] as Tensor | undefined;
          const before = nodes[nodes.length - 1] as Tensor | undefined;
          if (node?.op !== wanted || (before !== undefined && !isElided(before, node))) break;
          nodes.push(node);
          orders.push(operands);
        }
        nodes.length -= added;
        orders.length -= added;
      };
      match(0);
    }
  });
  return groups;
}

/**
 * The operands that a group reads from outside. Operands in the storage of its result are left out: the graph itself
 * says that the group overwrites them.
 */
export function inputsOf({ nodes, orders }: Group): GroupInput[] {
  const { root } = nodes[nodes.length - 1];
  return nodes.flatMap((reader, index) =>
    reader.sources.flatMap((tensor) => {
      if (tensor === null || tensor === reader || tensor === nodes[index - 1] || tensor.root === root) return [];
      return [{ tensor, reader, order: orders[index] }];
    }),
  );
}

/** Whether the result of a group may have exactly the bytes of an operand that the group reads. */
export function mayMeet({ nodes }: Group, { tensor, order }: GroupInput): boolean {
  return order !== 'never' && sameLayout(nodes[nodes.length - 1], tensor);
}
