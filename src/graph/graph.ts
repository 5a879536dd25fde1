/**
 * A compute graph: leafs, and nodes in execution order.
 *
 * Invariant: every source, destination and storage root of a listed tensor is listed as well, and every source of a
 * node is a leaf or an earlier node. The order is that of `ggml_build_forward_expand`: depth first over the sources.
 */
import { checkArgument, PlannerError } from '../errors.js';
import { currentMarkRevision, Tensor } from '../tensor/tensor.js';
import { buildTable, type GraphTable } from './table.js';

/** What a graph is made of, as lists. */
export interface GraphParts {
  readonly leafs: readonly Tensor[];
  /** In execution order. */
  readonly nodes: readonly Tensor[];
  /** All leafs and nodes, in the order that gives them their ids. Default: leafs, then nodes. */
  readonly tensors?: readonly Tensor[];
  /** Fields of a graph file that say nothing to a planner (`meta`, `expected`, …): kept until the graph grows. */
  readonly extras?: Readonly<Record<string, unknown>>;
}

let graphCount = 0;

export class Graph {
  readonly #leafs: Tensor[];
  readonly #nodes: Tensor[];
  readonly #visited: Set<Tensor>;
  readonly #number = ++graphCount;
  #tensors: readonly Tensor[] | null;
  #extras: Readonly<Record<string, unknown>>;
  #table: GraphTable | null = null;
  #tableRevision = -1;

  /** An empty graph, or one of given parts; the caller vouches for the invariant, `graphFromJson` checks it. */
  constructor({ leafs, nodes, tensors, extras = {} }: GraphParts = { leafs: [], nodes: [] }) {
    this.#extras = extras;
    this.#leafs = [...leafs];
    this.#nodes = [...nodes];
    this.#tensors = tensors ?? null;
    this.#visited = new Set([...leafs, ...nodes]);
  }

  /**
   * The graph that computes `outputs`. O(nodes + sources).
   *
   * @throws PlannerError `BAD_ARGUMENT`, `CYCLE`
   */
  static forward(outputs: Tensor | readonly Tensor[]): Graph {
    const graph = new Graph();
    for (const output of Array.isArray(outputs) ? (outputs as readonly Tensor[]) : [outputs as Tensor]) {
      graph.expand(output);
    }
    return graph;
  }

  /** Leafs in the order in which they were first met. */
  get leafs(): readonly Tensor[] {
    return this.#leafs;
  }

  /** Nodes in execution order. */
  get nodes(): readonly Tensor[] {
    return this.#nodes;
  }

  /** All tensors; a tensor's id is its index here. */
  get tensors(): readonly Tensor[] {
    this.#tensors ??= [...this.#leafs, ...this.#nodes];
    return this.#tensors;
  }

  /** What a graph file said besides the graph; empty once the graph has grown. */
  get extras(): Readonly<Record<string, unknown>> {
    return this.#extras;
  }

  /** The graph in flat columns; made once and again when tensors or their marks have changed. */
  get table(): GraphTable {
    if (this.#table === null || this.#tableRevision !== currentMarkRevision()) {
      this.#table = buildTable(this);
      this.#tableRevision = currentMarkRevision();
    }
    return this.#table;
  }

  /**
   * Adds `tensor` and everything that it depends on, each once, sources before their readers. Tensors without a name
   * become `leaf_N` and `node_N`, as in ggml. The graph is unchanged if this throws.
   *
   * @throws PlannerError `BAD_ARGUMENT`; `CYCLE` if a destination given by `setOutput` depends on its own result
   */
  expand(tensor: Tensor): this {
    checkArgument(tensor instanceof Tensor, 'tensor', tensor, 'a Tensor', 'Give what a Context has returned.');
    const added = visit(tensor, this.#visited, this.#number);
    for (const each of added) {
      const list = each.op === 'NONE' ? this.#leafs : this.#nodes;
      if (each.name === '') each.name = `${list === this.#leafs ? 'leaf' : 'node'}_${list.length}`;
      list.push(each);
      this.#visited.add(each);
    }
    if (added.length > 0) {
      this.#tensors = null;
      this.#table = null;
      this.#extras = {};
    }
    return this;
  }
}

/** Throws `BAD_ARGUMENT` unless `value` looks like a graph, of this copy of the library or of another. */
export function checkGraph(value: unknown): asserts value is Graph {
  const { nodes, tensors } = (value ?? {}) as Partial<Graph>;
  const isGraph = Array.isArray(nodes) && Array.isArray(tensors);
  checkArgument(isGraph, 'graph', value, 'a Graph', 'Make one with Graph.forward or graphFromJson.');
}

/**
 * Unvisited tensors below and including `start`, dependencies first. Iterative: chains may be millions long. A tensor's
 * `graphMark` is `graph` once it was met, `-graph` while what it needs is being met, and anything else says nothing.
 *
 * @param graph the number of the graph
 */
function visit(start: Tensor, visited: ReadonlySet<Tensor>, graph: number): Tensor[] {
  const done: Tensor[] = [];
  const path: Tensor[] = [];
  const nextNeeds: number[] = [];
  let need: Tensor | null = start;
  for (;;) {
    if (need !== null && need.graphMark !== graph && need !== path[path.length - 1]) {
      if (need.graphMark === -graph) {
        for (const tensor of [...done, ...path]) tensor.graphMark = 0;
        throw cycleThrough(need);
      }
      if (visited.has(need)) {
        need.graphMark = graph;
      } else {
        need.graphMark = -graph;
        path.push(need);
        nextNeeds.push(0);
      }
    }
    if (path.length === 0) return done;
    const top = path[path.length - 1];
    const next = nextNeeds[path.length - 1]++;
    if (next <= top.sources.length) {
      need = needOf(top, next);
    } else {
      need = null;
      top.graphMark = graph;
      done.push(top);
      path.pop();
      nextNeeds.pop();
    }
  }
}

/** What a tensor needs before it can be computed, in ggml's order: its sources, then its destination. */
function needOf({ sources, destination }: Tensor, index: number): Tensor | null {
  return index === sources.length ? destination : (sources[index] ?? null);
}

function cycleThrough(tensor: Tensor): PlannerError {
  return new PlannerError('CYCLE', {
    culprit: tensor.name || tensor.op,
    value: 'needed for its own computation',
    limit: 'computed from other tensors only',
    remedy: 'Give setOutput a destination that does not depend on the result.',
  });
}
