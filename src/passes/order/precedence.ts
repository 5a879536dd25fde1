/**
 * Which nodes must run before which others, whatever the order.
 *
 *     node 0  k = …                          node 3 must follow nodes 0 and 2: it reads both.
 *     node 1  w = write k into the cache     node 2 must follow node 1: both touch the same bytes of the cache,
 *     node 2  r = read the cache             and only the order of the program says which comes first.
 *     node 3  y = r · k
 *
 * Invariant: every order that keeps these pairs computes what the given order computes. Each pair is in the given order.
 */
import type { Graph } from '../../graph/graph.js';
import { arrivesAtItsStep } from '../../graph/node-kind.js';
import { findHazards } from '../../liveness/hazards.js';
import type { Tensor } from '../../tensor/tensor.js';

/** Steps that each step must follow: those of step `s` are entries `first[s]` to `first[s + 1]` (exclusive) of `steps`. */
export interface Precedence {
  readonly first: Int32Array;
  /** A step may be named twice. */
  readonly steps: Int32Array;
}

/** O(nodes + sources), and the search for hazards. */
export function precedenceOf(graph: Graph): Precedence {
  const pairs = new Pairs(graph.nodes.length);
  addNeeds(graph, pairs);
  addHazards(graph, pairs);
  addEffects(graph, pairs);
  addArrivals(graph, pairs);
  return pairs.toPrecedence();
}

class Pairs {
  readonly #befores: number[] = [];
  readonly #afters: number[] = [];
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  add(before: number, after: number): void {
    if (before < 0 || before === after) return;
    this.#befores.push(before);
    this.#afters.push(after);
  }

  toPrecedence(): Precedence {
    const first = new Int32Array(this.#count + 1);
    for (const after of this.#afters) first[after + 1]++;
    for (let step = 0; step < this.#count; step++) first[step + 1] += first[step];
    const next = first.slice();
    const steps = new Int32Array(this.#afters.length);
    for (let pair = 0; pair < steps.length; pair++) steps[next[this.#afters[pair]]++] = this.#befores[pair];
    return { first, steps };
  }
}

/** A node follows what it reads, what it is written into, and the owner of the storage that it looks into. */
function addNeeds({ table }: Graph, pairs: Pairs): void {
  const { nodes, steps, sources, sourceFirst, destinations, roots } = table;
  for (let step = 0; step < nodes.length; step++) {
    const node = nodes[step];
    for (let s = sourceFirst[node]; s < sourceFirst[node + 1]; s++) pairs.add(steps[sources[s]], step);
    if (destinations[node] !== -1) pairs.add(steps[destinations[node]], step);
    if (steps[roots[node]] < step) pairs.add(steps[roots[node]], step);
  }
}

/** Two nodes that touch the same bytes keep their order, where one of them writes. */
function addHazards(graph: Graph, pairs: Pairs): void {
  const { steps } = graph.table;
  for (const { writer, other } of findHazards(graph)) {
    const [a, b] = [steps[graph.idOf(writer)], steps[graph.idOf(other)]];
    pairs.add(Math.min(a, b), Math.max(a, b));
  }
}

/** Whether a node may do more than its row says, such as draw a random number: such nodes keep their order. */
function hasEffect({ operation }: Tensor): boolean {
  return operation !== null && !operation.isPure && !(operation.isKnown && operation.updates.length > 0);
}

function addEffects({ nodes }: Graph, pairs: Pairs): void {
  let last = -1;
  nodes.forEach((node, step) => {
    if (!hasEffect(node)) return;
    pairs.add(last, step);
    last = step;
  });
}

/** What somebody outside the graph does at a step, it does after all earlier nodes and before all later ones. */
function addArrivals(graph: Graph, pairs: Pairs): void {
  let last = -1;
  let since = 0;
  graph.nodes.forEach((node, step) => {
    pairs.add(last, step);
    if (!arrivesAtItsStep(node, graph)) return;
    for (let before = since; before < step; before++) pairs.add(before, step);
    last = step;
    since = step + 1;
  });
}
