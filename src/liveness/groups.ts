/**
 * Which nodes of a graph a runtime may compute at once, and what groups and kernels demand of live ranges and reuses.
 *
 *     step    0        1             2             3
 *             x = …    n = norm(x)   y = n · w     …       A group of norm and product that ends at step 2. If y gets
 *     x       ████████████████                             bytes of its own, x must live to step 2, or y could lie on
 *     n                █████████████████████               x. If y reuses n, its bytes exist since step 1, when x was
 *     y                              ███████████           alive: nothing to do.
 *
 * The rules are read backwards from a group's last node, so that one walk finds all groups with the same end.
 *
 * Invariant: flat columns, made once per graph and runtime. A node of a group reuses an operand of the group only if
 * every read of that storage within the group has the same place and layout, and an order that allows the reuse.
 */
import type { Graph } from '../graph/graph.js';
import type { GraphTable } from '../graph/table.js';
import type { FusionRule, ReadOrder, Runtime } from '../runtime/runtime.js';
import { sameLayout, sameShape } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';

/** The groups of a graph, by the step at which they end. */
export interface FusedGroups {
  /** Steps at which a group ends, ascending. */
  readonly lastSteps: Int32Array;
  /**
   * Groups that end at `lastSteps[i]` read the storages in entries `first[i]` to `first[i + 1]` (exclusive) of `roots`.
   */
  readonly first: Int32Array;
  /** Ids of the tensors that own the storages. */
  readonly roots: Int32Array;
  /** One per entry of `table.sources`: 1 where the node must not reuse that operand; null if there is no 1. */
  readonly refused: Uint8Array | null;
}

const groupsOfTables = new WeakMap<GraphTable, Map<Runtime, FusedGroups | null>>();

/** The groups that `runtime` may form; null if there are none, and no reuse is refused. O(nodes + group sizes²), the first time. */
export function groupsOf(graph: Graph, runtime: Runtime): FusedGroups | null {
  const { fusions, reuses } = runtime;
  if (fusions.length === 0 && reuses === undefined) return null;
  const { table } = graph;
  let ofTable = groupsOfTables.get(table);
  if (ofTable === undefined) groupsOfTables.set(table, (ofTable = new Map<Runtime, FusedGroups | null>()));
  let groups = ofTable.get(runtime);
  if (groups === undefined) ofTable.set(runtime, (groups = new Finder(graph).find(endsOf(runtime), reuses)));
  return groups;
}

/** A state of the rules read backwards: the operations that may stand before the nodes matched so far. */
interface State {
  readonly ops: string[];
  readonly states: State[];
  /** For every rule that begins here, the order in which its nodes read, the last node first. */
  readonly orders: (readonly ReadOrder[])[];
}

const endsOfRuntimes = new WeakMap<Runtime, State>();

function endsOf(runtime: Runtime): State {
  let ends = endsOfRuntimes.get(runtime);
  if (ends !== undefined) return ends;
  ends = newState();
  for (const rule of runtime.fusions) addRule(ends, rule, rule.length - 1, []);
  endsOfRuntimes.set(runtime, ends);
  return ends;
}

const newState = (): State => ({ ops: [], states: [], orders: [] });

/** Adds the nodes of `rule` from `index` back to the first one as states behind `state`. */
function addRule(state: State, rule: FusionRule, index: number, orders: readonly ReadOrder[]): void {
  if (index < 0) {
    if (orders.length > 1) state.orders.push(orders);
    return;
  }
  const { op, operands, most = 1 } = rule[index];
  let [before, read] = [state, orders];
  for (let count = 1; count <= most; count++) {
    let at = before.ops.indexOf(op);
    if (at === -1) {
      at = before.ops.push(op) - 1;
      before.states.push(newState());
    }
    before = before.states[at];
    read = [...read, operands];
    addRule(before, rule, index - 1, read);
  }
}

class Finder {
  readonly #tensors: readonly Tensor[];
  readonly #table: GraphTable;
  readonly #outputs: ReadonlySet<Tensor>;
  readonly #lastSteps: number[] = [];
  readonly #first: number[] = [0];
  readonly #roots: number[] = [];
  #refused: Uint8Array | null = null;

  constructor({ tensors, table, outputs }: Graph) {
    this.#tensors = tensors;
    this.#table = table;
    this.#outputs = outputs;
  }

  find(ends: State, reuses: Runtime['reuses']): FusedGroups | null {
    if (reuses !== undefined) this.#refuseAllBut(reuses);
    const { nodes } = this.#table;
    const tensors = this.#tensors;
    const { ops, states } = ends;
    for (let step = 1; step < nodes.length; step++) {
      const { op } = tensors[nodes[step]];
      for (let at = 0; at < ops.length; at++) if (ops[at] === op) this.#findEndingAt(step, states[at]);
    }
    if (this.#lastSteps.length === 0 && this.#refused === null) return null;
    return {
      lastSteps: new Int32Array(this.#lastSteps),
      first: new Int32Array(this.#first),
      roots: new Int32Array(this.#roots),
      refused: this.#refused,
    };
  }

  /** Refuses what a node reads through a slot that is in no row, and through every other slot where that storage is read. */
  #refuseAllBut(reuses: NonNullable<Runtime['reuses']>): void {
    const { nodes, sourceFirst, sources, roots, reusable } = this.#table;
    for (const node of nodes) {
      const { op, sources: list } = this.#tensors[node];
      const slots = Object.hasOwn(reuses, op) ? reuses[op] : [];
      const kept = new Set(list.map((source, slot) => (slots.includes(slot) ? null : source?.root)));
      for (let entry = sourceFirst[node]; entry < sourceFirst[node + 1]; entry++) {
        if (reusable[entry] > 0 && kept.has(this.#tensors[roots[sources[entry]]])) this.#refuse(entry);
      }
    }
  }

  #refuse(entry: number): void {
    this.#refused ??= new Uint8Array(this.#table.sources.length);
    this.#refused[entry] = 1;
  }

  #findEndingAt(step: number, end: State): void {
    const { nodes } = this.#table;
    const members = [nodes[step]];
    let state = end;
    let before = step;
    for (;;) {
      before = this.#stepBefore(before);
      if (before === -1) break;
      const node = nodes[before];
      const at = state.ops.indexOf(this.#tensors[node].op);
      if (at === -1 || !this.#leadsOnlyTo(node, members[members.length - 1])) break;
      members.push(node);
      state = state.states[at];
      for (const orders of state.orders) this.#add(members, orders);
    }
    if (this.#roots.length === this.#first[this.#first.length - 1]) return;
    this.#lastSteps.push(step);
    this.#first.push(this.#roots.length);
  }

  /** The step of the last node before `step` that a runtime does not skip; -1 if there is none. */
  #stepBefore(step: number): number {
    const { nodes } = this.#table;
    let before = step - 1;
    while (before >= 0 && isSkipped(this.#tensors[nodes[before]])) before--;
    return before;
  }

  /** Whether only `reader` reads `node`, once, so that a kernel need not write it. */
  #leadsOnlyTo(node: number, reader: number): boolean {
    const { sources, sourceFirst, uses } = this.#table;
    if (uses[node] !== 1) return false;
    const tensor = this.#tensors[node];
    if (tensor.isView || this.#outputs.has(tensor) || !sameShape(tensor, this.#tensors[reader])) return false;
    let entry = sourceFirst[reader];
    while (entry < sourceFirst[reader + 1] && sources[entry] !== node) entry++;
    return entry < sourceFirst[reader + 1];
  }

  /** Adds a group, its last node first. Plain loops: this is part of every first measurement. */
  #add(members: readonly number[], orders: readonly ReadOrder[]): void {
    const { sources, sourceFirst, roots, reusable } = this.#table;
    const start = this.#roots.length;
    const inputs: number[] = [];
    const inputOrders: ReadOrder[] = [];
    for (let index = 0; index < members.length; index++) {
      const member = members[index];
      const before = index + 1 < members.length ? members[index + 1] : -1;
      for (let entry = sourceFirst[member]; entry < sourceFirst[member + 1]; entry++) {
        const source = sources[entry];
        if (source === before) continue;
        inputs.push(source);
        inputOrders.push(orders[index]);
        this.#roots.push(roots[source]);
      }
    }
    for (const member of members) {
      for (let entry = sourceFirst[member]; entry < sourceFirst[member + 1]; entry++) {
        if (reusable[entry] === 0) continue;
        const root = roots[sources[entry]];
        for (let i = 0; i < inputs.length; i++) {
          if (this.#roots[start + i] !== root) continue;
          if (!mayMeet(this.#tensors[member], this.#tensors[inputs[i]], inputOrders[i])) this.#refuse(entry);
        }
      }
    }
  }
}

/** Whether the result of a group may lie over `input`, which must have the layout of `node` and begin its storage. */
function mayMeet(node: Tensor, input: Tensor, order: ReadOrder): boolean {
  return order !== 'never' && input.viewOffset === 0 && sameLayout(node, input);
}

/**
 * Whether a runtime skips a node, as it only looks at bytes. A node without an operation is none of these: bytes arrive at
 * it, or are copied to another device, and what comes before and after is computed apart.
 */
function isSkipped({ operation }: Tensor): boolean {
  return operation !== null && operation.isView;
}
