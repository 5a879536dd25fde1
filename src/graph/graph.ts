/**
 * A compute graph: leafs, and nodes in execution order.
 *
 * Invariant: every source, destination and storage root of a listed tensor is listed as well, and every source of a
 * node is a leaf or an earlier node. The order is that of `ggml_build_forward_expand`: depth first over the sources.
 */
import { checkArgument, PlannerError, subject } from '../errors.js';
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
/** The number of the graph that grew last: as long as it is one and the same, its tensors' marks tell all. */
let lastGrown = 0;

/** A compute graph: leafs, and nodes in the order in which they run. Made by {@link Graph.forward} or `graphFromJson`. */
export class Graph {
  readonly #leafs: Tensor[];
  readonly #nodes: Tensor[];
  readonly #number = ++graphCount;
  readonly #walk = new Walk(this.#number);
  /** What is in the graph; null as long as marks tell, since no other graph has grown after it began. */
  #members: Set<Tensor> | null = null;
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
    this.#tensors ??= this.#leafs.concat(this.#nodes);
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
    this.#beginToGrow();
    this.#walk.from(tensor, this.#members);
    const { found, foundCount } = this.#walk;
    for (let index = 0; index < foundCount; index++) {
      const each = found[index];
      const list = isLeaf(each) ? this.#leafs : this.#nodes;
      if (each.name === '') each.name = `${list === this.#leafs ? 'leaf' : 'node'}_${list.length}`;
      list.push(each);
      this.#members?.add(each);
    }
    if (foundCount > 0) {
      this.#tensors = null;
      this.#table = null;
      this.#extras = {};
    }
    return this;
  }

  /** Another graph that grew in the meantime may have marked tensors of this one as its own: marks tell no more. */
  #beginToGrow(): void {
    if (lastGrown !== this.#number && this.#leafs.length + this.#nodes.length > 0) {
      this.#members ??= new Set([...this.#leafs, ...this.#nodes]);
    }
    lastGrown = this.#number;
  }
}

/** Whether nothing comes before it. A graph file may have nodes without an operation that have sources nevertheless. */
function isLeaf({ operation, sources }: Tensor): boolean {
  return operation === null && sources.length === 0;
}

/** Throws `BAD_ARGUMENT` unless `value` looks like a graph, of this copy of the library or of another. */
export function checkGraph(value: unknown): asserts value is Graph {
  const { nodes, tensors } = (value ?? {}) as Partial<Graph>;
  const isGraph = Array.isArray(nodes) && Array.isArray(tensors);
  checkArgument(isGraph, 'graph', value, 'a Graph', 'Make one with Graph.forward or graphFromJson.');
}

/**
 * Walks over what a graph doesn't have yet. Iterative: chains may be millions long. A tensor's `graphMark` is the graph's
 * number once it was met, its negative while what it needs is being met, and anything else says nothing.
 *
 * A model grows by many small steps, so both lists keep their room between walks: only what lies below the counts counts.
 */
class Walk {
  /** What was met last, dependencies first. */
  readonly found: Tensor[] = [];
  foundCount = 0;
  readonly #path: Tensor[] = [];
  readonly #nextNeeds: number[] = [];
  #depth = 0;

  constructor(private readonly graph: number) {}

  /**
   * Finds unvisited tensors below and including `start`.
   *
   * @param members what is in the graph; null if marks tell
   * @throws PlannerError `CYCLE`
   */
  from(start: Tensor, members: ReadonlySet<Tensor> | null): void {
    this.foundCount = 0;
    this.#meet(start, members);
    while (this.#depth > 0) {
      const top = this.#path[this.#depth - 1];
      const next = this.#nextNeeds[this.#depth - 1]++;
      if (next <= top.sources.length) {
        const need = needOf(top, next);
        if (need !== null && need !== top) this.#meet(need, members);
      } else {
        top.graphMark = this.graph;
        this.found[this.foundCount++] = top;
        this.#depth--;
      }
    }
  }

  #meet(tensor: Tensor, members: ReadonlySet<Tensor> | null): void {
    if (tensor.graphMark === this.graph) return;
    if (tensor.graphMark === -this.graph) this.#giveUp(tensor);
    if (members?.has(tensor)) {
      tensor.graphMark = this.graph;
      return;
    }
    tensor.graphMark = -this.graph;
    this.#path[this.#depth] = tensor;
    this.#nextNeeds[this.#depth++] = 0;
  }

  #giveUp(tensor: Tensor): never {
    for (let index = 0; index < this.foundCount; index++) this.found[index].graphMark = 0;
    for (let index = 0; index < this.#depth; index++) this.#path[index].graphMark = 0;
    this.#depth = 0;
    throw cycleThrough(tensor);
  }
}

/** What a tensor needs before it can be computed, in ggml's order: its sources, then its destination. */
function needOf({ sources, destination }: Tensor, index: number): Tensor | null {
  return index === sources.length ? destination : (sources[index] ?? null);
}

function cycleThrough(tensor: Tensor): PlannerError {
  const culprit = tensor.label;
  return new PlannerError('CYCLE', {
    message: `${subject(culprit)} is needed for its own computation.`,
    culprit,
    value: 'needed for its own computation',
    limit: 'computed from other tensors only',
    remedy: 'Give setOutput a destination that does not depend on the result.',
  });
}
