/** The order of the nodes of a split, against the order in which ggml's backends put them. */
import { describe, expect, it } from 'vitest';
import type { Device } from '../../src/device/device.js';
import { Origin, Tensor } from '../../src/tensor/tensor.js';
import { bufferTypesOf, devicesOf } from '../support/recorded-devices.js';
import { listRawGraphs, readRawCase, readRawGraph, type RawGraph } from '../support/raw-graph.js';
import { describeShared } from '../support/shared.js';

/** What the scheduler made of a graph. */
interface ScheduledGraph {
  readonly splits: readonly { readonly backend: number; readonly start: number; readonly nodes: number }[];
  /** A node of the graph has 0 first, then name, operation and backend. */
  readonly nodes: readonly (readonly [kind: number, name: string, op: string, backend: number])[];
  readonly leafs: readonly (readonly [name: string, backend: number])[];
  /** By place in the order: the node in the graph as it was built. */
  readonly order?: readonly number[];
}

/** The nodes of splits as the backends get them: an operand of another device is a copy. */
class SplitNodes {
  readonly #raw: RawGraph;
  readonly #devices: readonly Device[];
  readonly #origin = new Origin('ggml');
  readonly #ids: ReadonlyMap<Tensor, number>;
  readonly #backends: readonly (number | undefined)[];
  readonly #made = new Map<Tensor, Tensor>();
  /** The node that each tensor stands for. */
  readonly #originals = new Map<Tensor, Tensor>();

  constructor(raw: RawGraph, devices: readonly Device[], { nodes, leafs, order }: ScheduledGraph) {
    this.#raw = raw;
    this.#devices = devices;
    this.#ids = new Map(raw.tensors.map((tensor, id) => [tensor, id]));
    const backends: number[] = [];
    const graphNodes = nodes.filter(([kind]) => kind === 0);
    graphNodes.forEach(([, , , backend], place) => (backends[order![place]] = backend));
    const ofLeaf = new Map(leafs.map(([name, backend]) => [name, backend]));
    for (let id = raw.header.nodes; id < raw.tensors.length; id++) backends[id] = ofLeaf.get(raw.tensors[id].name)!;
    this.#backends = backends;
  }

  of(start: number, count: number, backend: number): Tensor[] {
    return this.#raw.tensors.slice(start, start + count).map((node) => this.#make(node, backend));
  }

  originalOf(node: Tensor): Tensor {
    return this.#originals.get(node)!;
  }

  #make(node: Tensor, backend: number): Tensor {
    const sources = node.sources.map((source) => {
      if (source === null) return null;
      return this.#isCopied(source, backend) ? this.#leaf(source) : (this.#made.get(source) ?? source);
    });
    const { name, operation, type, shape, strides, params, memory, root, viewOffset: offset } = node;
    const view = node.isView ? { of: this.#made.get(root) ?? root, offset } : undefined;
    const rest = { name, operation, type, shape, strides, params, memory, view, sources };
    const made = new Tensor({ origin: this.#origin, ...rest });
    if (node.origin.outputs.has(node)) this.#origin.markOutput(made);
    this.#made.set(node, made);
    this.#originals.set(made, node);
    return made;
  }

  #isCopied(source: Tensor, backend: number): boolean {
    const { bufferType } = this.#raw.records[this.#ids.get(source.root)!];
    if (bufferType === null) return this.#backends[this.#ids.get(source)!] !== backend;
    const type = bufferTypesOf(this.#devices).find(({ name }) => name === bufferType)!;
    return !this.#devices[backend].reads(type);
  }

  #leaf({ name, type, shape, strides }: Tensor): Tensor {
    return new Tensor({ origin: this.#origin, name, type, shape, strides, memory: 'deferred' });
  }
}

function usesIn({ tensors }: RawGraph): Map<Tensor, number> {
  const uses = new Map<Tensor, number>();
  for (const { sources } of tensors) {
    for (const source of sources) if (source !== null) uses.set(source, (uses.get(source) ?? 0) + 1);
  }
  return uses;
}

describeShared('the order of a split', () => {
  const recorded = listRawGraphs().filter((name) => /\.(metal|vulkan)/.test(name));
  describe.each(recorded)('%s', (name) => {
    it('is that of ggml', () => {
      const raw = readRawGraph(name);
      const fixture = readRawCase(name);
      const { graphs } = fixture as unknown as { graphs: Readonly<Record<string, ScheduledGraph>> };
      const scheduled = graphs[name.endsWith('.pp') ? 'pp' : 'tg'];
      const devices = devicesOf(fixture);
      const uses = usesIn(raw);
      const split = new SplitNodes(raw, devices, scheduled);
      const ids = new Map(raw.tensors.map((tensor, id) => [tensor, id]));
      const found = scheduled.splits.flatMap(({ backend, start, nodes: count }) => {
        const nodes = split.of(start, count, backend);
        const { reorder } = devices[backend];
        const ordered = reorder?.(nodes, (node) => uses.get(split.originalOf(node)) ?? 0) ?? nodes;
        return ordered.map((node) => ids.get(split.originalOf(node))!);
      });
      const described = (order: readonly number[]): string[] =>
        order.map((id) => `${id} ${raw.tensors[id].op} ${raw.tensors[id].name}`);
      expect(described(found)).toEqual(described(scheduled.order!));
    });
  });
});
