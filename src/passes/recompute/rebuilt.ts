/**
 * The graph of a sequence of runs: a node made anew for every run but the first of a job, and for every node that reads such
 * a one.
 *
 *     a ──▶ b ──▶ c ──▶ d          a is dropped after b, and runs again as a′ before d. So d must be made anew, to read a′;
 *     └────────────────▲           a, b and c are the tensors of the old graph.
 *
 * Invariant: leafs stay as they are. Whoever reads a storage reads its newest version.
 */
import { Graph } from '../../graph/graph.js';
import { isPureView } from '../../graph/node-kind.js';
import type { Rewritten } from '../../graph/rewritten.js';
import { Origin, remade, SELF, type Tensor } from '../../tensor/tensor.js';
import type { Jobs } from '../order/jobs.js';

/** @param runs jobs, each for the first time in their order, and some again. O(tensors + sources + runs) */
export function rebuilt(graph: Graph, jobs: Jobs, runs: Iterable<number>): Rewritten {
  return new Rebuilding(graph, jobs).run(runs);
}

class Rebuilding {
  readonly #graph: Graph;
  readonly #jobs: Jobs;
  readonly #origin: Origin;
  /** By tensor of the old graph, what stands for it now. */
  readonly #now: Map<Tensor, Tensor>;
  readonly #nodes: Tensor[] = [];
  readonly #oldIds = new Map<Tensor, number>();

  constructor(graph: Graph, jobs: Jobs) {
    this.#graph = graph;
    this.#jobs = jobs;
    const { tensors, leafs } = graph;
    this.#origin = new Origin(tensors.length === 0 ? '' : tensors[0].origin.dialect);
    this.#now = new Map(leafs.map((leaf) => [leaf, leaf]));
    for (const leaf of leafs) this.#oldIds.set(leaf, graph.idOf(leaf));
  }

  run(runs: Iterable<number>): Rewritten {
    const { nodes, leafs } = this.#graph;
    const { prelude, steps } = this.#jobs;
    const hasRun = new Set<number>();
    for (const step of prelude) this.#list(nodes[step], false);
    for (const job of runs) {
      const own = steps[job];
      // Views of a value that is made again are made when they are read.
      if (hasRun.has(job)) this.#list(nodes[own[0]], true);
      else for (const step of own) this.#list(nodes[step], false);
      hasRun.add(job);
    }
    const changed = new Graph({ leafs, nodes: this.#nodes });
    return { graph: changed, origin: Int32Array.from(changed.tensors, (tensor) => this.#oldIds.get(tensor)!) };
  }

  /** Lists what stands for a node of the old graph from now on. */
  #list(node: Tensor, isAgain: boolean): Tensor {
    const { inputs, outputs } = this.#graph;
    const sources = node.sources.map((source) => (source === node ? SELF : this.#current(source)));
    const root = node.isView ? this.#current(node.root)! : undefined;
    const destination = this.#current(node.destination) ?? undefined;
    const isSame =
      !isAgain &&
      sources.every((source, slot) => source === SELF || source === node.sources[slot]) &&
      (root === undefined || root === node.root) &&
      (destination ?? null) === node.destination;
    let standIn = node;
    if (!isSame) {
      const relations = { origin: this.#origin, sources, root, destination, allocSize: node.allocSize ?? undefined };
      standIn = remade(node, relations);
      if (isAgain && node.name !== '') standIn.name = `${node.name} (again)`;
      if (inputs.has(node)) this.#origin.markInput(standIn);
      if (outputs.has(node)) this.#origin.markOutput(standIn);
    }
    this.#now.set(node, standIn);
    this.#oldIds.set(standIn, this.#graph.idOf(node));
    this.#nodes.push(standIn);
    return standIn;
  }

  /** What a reader reads now: a view of a value that was made again is made anew. */
  #current(tensor: Tensor | null): Tensor | null {
    if (tensor === null) return null;
    const now = this.#now.get(tensor)!;
    const isStale = tensor.isView && isPureView(tensor) && now.root !== this.#now.get(tensor.root);
    return isStale ? this.#list(tensor, true) : now;
  }
}
