/**
 * A compute graph: leafs, nodes in execution order, and which of them are inputs and outputs.
 *
 * Invariant: every source, destination and storage root of a listed tensor is listed as well, and every source of a
 * node is a leaf or an earlier node. The order is that of `ggml_build_forward_expand`: depth first over the sources.
 */
import { checkArgument } from '../errors.js';
import { requireTensor } from '../tensor/require-tensor.js';
import type { Origin, Tensor } from '../tensor/tensor.js';
import { TensorColumn } from '../tensor/tensor-column.js';
import type { Pools } from './pools.js';
import { buildTable, type GraphTable } from './table.js';
import { replacedTensor, Walk } from './walk.js';

const NO_EXTRAS: Readonly<Record<string, unknown>> = {};

/** What a graph is made of, as lists. */
export interface GraphParts {
  readonly leafs: readonly Tensor[];
  /** In execution order. */
  readonly nodes: readonly Tensor[];
  /** All leafs and nodes, in the order that gives them their ids. Default: leafs, then nodes. */
  readonly tensors?: readonly Tensor[];
  /** Fields of a graph file that say nothing to a planner (`meta`, `expected`, …): kept until the graph grows. */
  readonly extras?: Readonly<Record<string, unknown>>;
  /** The memories that a graph file says its storages lie in: kept until the graph grows. */
  readonly pools?: Pools | null;
}

/** A compute graph: leafs, and nodes in the order in which they run. Made by {@link Graph.forward} or `graphFromJson`. */
export class Graph {
  readonly #leafs: Tensor[];
  readonly #nodes: Tensor[];
  /** Above 0 for each tensor of the graph; its id plus one once there is a table. */
  readonly #ids = new TensorColumn();
  readonly #walk = new Walk(this.#ids);
  #tensors: readonly Tensor[] | null;
  #extras: Readonly<Record<string, unknown>>;
  #pools: Pools | null;
  #marks: Marks | null = null;
  #table: GraphTable | null = null;

  /** An empty graph. */
  constructor();
  /** A graph of given parts, whose invariant the caller vouches for. @internal */
  constructor(parts: GraphParts);
  constructor(parts: GraphParts = { leafs: [], nodes: [] }) {
    checkParts(parts);
    const { leafs, nodes, tensors, extras = NO_EXTRAS, pools = null } = parts;
    this.#extras = extras;
    this.#pools = pools;
    this.#leafs = [...leafs];
    this.#nodes = [...nodes];
    this.#tensors = tensors ?? null;
    for (const leaf of leafs) this.#ids.set(leaf, 1);
    for (const node of nodes) this.#ids.set(node, 1);
  }

  /**
   * The graph that computes `outputs`. O(nodes + sources).
   *
   * @throws PlannerError `BAD_ARGUMENT`; `BAD_OPERAND` as {@link Graph.expand}
   */
  static forward(outputs: Tensor | readonly Tensor[], ...others: never[]): Graph {
    const remedy = 'Give several outputs as one list: Graph.forward([y, z]).';
    checkArgument(others.length === 0, 'number of arguments', 1 + others.length, 'one', remedy);
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

  /**
   * Tensors that are set from outside before every run: those that `setInput` has marked.
   *
   * @throws PlannerError `BAD_OPERAND` if `setOutput` has returned another tensor in place of one of the graph's
   */
  get inputs(): ReadonlySet<Tensor> {
    return this.#currentMarks().inputs;
  }

  /**
   * Tensors that are read from outside after the run, never freed and never overwritten: those that `setOutput` has marked.
   *
   * @throws PlannerError `BAD_OPERAND` as {@link Graph.inputs}
   */
  get outputs(): ReadonlySet<Tensor> {
    return this.#currentMarks().outputs;
  }

  /** What a graph file said besides the graph; empty once the graph has grown. */
  get extras(): Readonly<Record<string, unknown>> {
    return this.#extras;
  }

  /**
   * The memories that a graph file says its storages lie in, as an option of `planGraph`; null if it says nothing of them,
   * and once the graph has grown.
   */
  get pools(): Pools | null {
    return this.#pools;
  }

  /**
   * The graph in flat columns; made once, and again when the graph has grown or more of its tensors are marked.
   *
   * @internal
   * @throws PlannerError `BAD_OPERAND` as {@link Graph.inputs}, `DANGLING_TENSOR`
   */
  get table(): GraphTable {
    this.#currentMarks();
    this.#table ??= buildTable(this, this.#ids);
    return this.#table;
  }

  /**
   * The index of `tensor` among {@link Graph.tensors}; -1 if the graph does not contain it. O(1) once there is a table.
   *
   * @internal
   * @throws PlannerError as {@link Graph.table}
   */
  idOf(tensor: Tensor): number {
    void this.table; // what numbers the tensors
    return this.#ids.get(tensor) - 1;
  }

  /** Whether `tensor` is a leaf or a node of the graph. O(1). @throws PlannerError `BAD_ARGUMENT` */
  has(tensor: Tensor): boolean {
    requireTensor(tensor);
    return this.#ids.get(tensor) > 0;
  }

  /**
   * Adds `tensor` and everything that it depends on, each once, sources before their readers. Tensors without a name
   * become `leaf_N` and `node_N`, as in ggml. The graph is unchanged if this throws.
   *
   * @throws PlannerError `BAD_ARGUMENT`; `BAD_OPERAND` if it depends on a tensor in whose place `setOutput` has returned another
   */
  expand(tensor: Tensor): this {
    requireTensor(tensor);
    this.#walk.from(tensor);
    const { found, foundCount } = this.#walk;
    for (let index = 0; index < foundCount; index++) {
      const each = found[index];
      const list = isLeaf(each) ? this.#leafs : this.#nodes;
      if (each.name === '') each.name = `${list === this.#leafs ? 'leaf' : 'node'}_${list.length}`;
      list.push(each);
    }
    if (foundCount > 0) {
      this.#tensors = null;
      this.#table = null;
      this.#marks = null;
      this.#extras = NO_EXTRAS;
      this.#pools = null;
    }
    return this;
  }

  /** The marks of the graph's tensors where those were made; a mark that came later makes the table stale. */
  #currentMarks(): Marks {
    const { origins } = this.#ids;
    let revision = 0;
    for (const origin of origins) revision += origin.revision;
    if (this.#marks?.revision === revision) return this.#marks;
    for (const tensor of this.#listed(origins, (origin) => origin.replaced)) throw replacedTensor(tensor, null);
    this.#table = null;
    this.#marks = {
      revision,
      inputs: this.#listed(origins, (origin) => origin.inputs),
      outputs: this.#listed(origins, (origin) => origin.outputs),
    };
    return this.#marks;
  }

  #listed(origins: readonly Origin[], marksOf: (origin: Origin) => ReadonlySet<Tensor> | null): ReadonlySet<Tensor> {
    const listed = new Set<Tensor>();
    for (const origin of origins) for (const tensor of marksOf(origin) ?? []) if (this.has(tensor)) listed.add(tensor);
    return listed;
  }
}

interface Marks {
  /** The sum of the origins' revisions when the marks were taken over. */
  readonly revision: number;
  readonly inputs: ReadonlySet<Tensor>;
  readonly outputs: ReadonlySet<Tensor>;
}

/** Whether nothing comes before it. A graph file may have nodes without an operation that have sources nevertheless. */
function isLeaf({ operation, sources }: Tensor): boolean {
  return operation === null && sources.length === 0;
}

function checkParts(parts: Partial<GraphParts> | null): void {
  const { leafs, nodes, tensors = [] } = parts ?? {};
  const areLists = [leafs, nodes, tensors].every((list) => Array.isArray(list));
  const remedy = 'Make a graph with Graph.forward or graphFromJson, which put the parts together.';
  checkArgument(areLists, 'parts', parts, 'lists of tensors: { leafs, nodes }', remedy);
  for (const list of [leafs!, nodes!, tensors]) for (const tensor of list) requireTensor(tensor, 'part of the graph');
}

/** Throws `BAD_ARGUMENT` unless `value` looks like a graph, of this copy of the library or of another. */
export function checkGraph(value: unknown): asserts value is Graph {
  const isObject = typeof value === 'object' && value !== null;
  const isGraph = isObject && 'table' in value && 'nodes' in value && Array.isArray(value.nodes);
  if (isGraph) return;
  const isDocument = isObject && 'format' in value;
  const remedy = isDocument ? 'Read it with graphFromJson first.' : 'Make one with Graph.forward or graphFromJson.';
  checkArgument(false, 'graph', value, 'a Graph', remedy);
}
