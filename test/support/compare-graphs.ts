/**
 * Compares a graph with one that llama.cpp built, tensor by tensor, and names the first that differs.
 */
import type { Graph } from '../../src/graph/graph.js';
import type { Tensor } from '../../src/tensor/tensor.js';

/** One tensor of graph JSON, as far as it is compared. */
export interface ListedTensor {
  readonly name: string;
  readonly op: string;
  readonly type: string;
  readonly ne: readonly number[];
  readonly nb: readonly number[];
  readonly src?: readonly number[];
  readonly view?: number;
  readonly viewOffset?: number;
  readonly external?: boolean;
  readonly input?: boolean;
  readonly output?: boolean;
}

export interface ListedGraph {
  readonly tensors: readonly ListedTensor[];
  readonly leafs: readonly number[];
  readonly nodes: readonly number[];
}

type Facts = Readonly<Record<string, unknown>>;

/** The first difference in a sentence, or null. Positions count leafs first, then nodes. */
export function firstDifference(ours: Graph, theirs: ListedGraph): string | null {
  const expected = factsOfListed(theirs);
  const actual = factsOfGraph(ours);
  const nodes = compareList('node', theirs.leafs.length, ours.leafs.length, actual, expected);
  const leafs = compareList('leaf', 0, 0, actual.slice(0, ours.leafs.length), expected.slice(0, theirs.leafs.length));
  return nodes ?? leafs;
}

function compareList(
  kind: string,
  theirStart: number,
  ourStart: number,
  actual: readonly Facts[],
  expected: readonly Facts[],
): string | null {
  const count = Math.max(actual.length - ourStart, expected.length - theirStart);
  for (let index = 0; index < count; index++) {
    const ours = actual[ourStart + index];
    const theirs = expected[theirStart + index];
    if (ours === undefined || theirs === undefined) {
      return `${kind} ${index}: ${print(ours)} instead of ${print(theirs)}`;
    }
    for (const [key, value] of Object.entries(theirs)) {
      if (JSON.stringify(ours[key]) !== JSON.stringify(value)) {
        return `${kind} ${index} (${String(theirs['name'])}): ${key} is ${JSON.stringify(ours[key])} instead of ${JSON.stringify(value)}; ours ${print(ours)}`;
      }
    }
  }
  return null;
}

function print(facts: Facts | undefined): string {
  return facts === undefined ? 'nothing' : `${String(facts['op'])} ${String(facts['name'])}`;
}

/** Sources and view roots are named, with their position among leafs and nodes, so that a difference reads well. */
function factsOfListed({ tensors, leafs, nodes }: ListedGraph): Facts[] {
  const order = [...leafs, ...nodes];
  const nameAt = new Map(order.map((id, position) => [id, reference(tensors[id].name, position, leafs.length)]));
  return order.map((id) => {
    const tensor = tensors[id];
    return {
      op: tensor.op,
      name: tensor.name,
      type: tensor.type,
      ne: tensor.ne,
      nb: tensor.nb,
      src: (tensor.src ?? []).map((source) => (source < 0 ? null : nameAt.get(source))),
      view: tensor.view === undefined ? null : nameAt.get(tensor.view),
      viewOffset: tensor.viewOffset ?? 0,
      external: tensor.external ?? false,
      input: tensor.input ?? false,
      output: tensor.output ?? false,
    };
  });
}

function factsOfGraph({ leafs, nodes, inputs, outputs }: Graph): Facts[] {
  const order = [...leafs, ...nodes];
  const nameOf = new Map(order.map((tensor, position) => [tensor, reference(tensor.name, position, leafs.length)]));
  const refer = (tensor: Tensor | null): string | null => (tensor === null ? null : nameOf.get(tensor)!);
  return order.map((tensor) => ({
    op: tensor.op,
    name: tensor.name,
    type: tensor.type.name,
    ne: tensor.ne,
    nb: tensor.nb,
    src: tensor.sources.map(refer),
    view: tensor.isView ? refer(tensor.root) : null,
    viewOffset: tensor.viewOffset,
    external: tensor.memory !== 'deferred' && !tensor.isView,
    input: inputs.has(tensor),
    output: outputs.has(tensor),
  }));
}

function reference(name: string, position: number, leafCount: number): string {
  return position < leafCount ? `${name} (leaf ${position})` : `${name} (node ${position - leafCount})`;
}
