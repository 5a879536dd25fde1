/** The order of the nodes of a split, against the order in which ggml's backends put them. */
import { expect, it } from 'vitest';
import type { Device } from '../../src/device/device.js';
import { readGguf } from '../../src/gguf/gguf.js';
import type { Graph } from '../../src/graph/graph.js';
import { openModel } from '../../src/models/model-graph.js';
import type { ModelOptions, Phase } from '../../src/models/options.js';
import { Origin, Tensor } from '../../src/tensor/tensor.js';
import { bufferTypesOf, devicesOf } from '../support/recorded-devices.js';
import { listRawGraphs, readRawCase, readRawGraph, type DeviceCase } from '../support/raw-graph.js';
import { describeShared, sharedPath } from '../support/shared.js';

/** What the scheduler made of a graph. */
interface ScheduledGraph {
  readonly splits: readonly { readonly backend: number; readonly start: number; readonly nodes: number }[];
  /** A node of the graph has 0 first, then name, operation and backend. */
  readonly nodes: readonly (readonly [kind: number, name: string, op: string, backend: number])[];
  readonly leafs: readonly (readonly [name: string, backend: number])[];
  /** By place in the order: the node in the graph as it was built. */
  readonly order: readonly number[];
}

/** Whether a backend gets a copy of an operand, by the operand's place in the graph as it was built. */
type IsCopied = (source: Tensor, backend: number) => boolean;

/** The nodes of splits as the backends get them: an operand of another device is a copy. */
class SplitNodes {
  readonly #graph: Graph;
  readonly #isCopied: IsCopied;
  readonly #origin = new Origin('ggml');
  readonly #made = new Map<Tensor, Tensor>();
  /** The node that each tensor stands for. */
  readonly #originals = new Map<Tensor, Tensor>();

  constructor(graph: Graph, isCopied: IsCopied) {
    this.#graph = graph;
    this.#isCopied = isCopied;
  }

  of(start: number, count: number, backend: number): Tensor[] {
    return this.#graph.nodes.slice(start, start + count).map((node) => this.#make(node, backend));
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

  #leaf({ name, type, shape, strides }: Tensor): Tensor {
    return new Tensor({ origin: this.#origin, name, type, shape, strides, memory: 'deferred' });
  }
}

function usesIn({ nodes }: Graph): Map<Tensor, number> {
  const uses = new Map<Tensor, number>();
  for (const { sources } of nodes) {
    for (const source of sources) if (source !== null) uses.set(source, (uses.get(source) ?? 0) + 1);
  }
  return uses;
}

/** The backend of every node, in the order of the graph as it was built. */
function backendsOf({ nodes, order }: ScheduledGraph): number[] {
  const backends: number[] = [];
  nodes.filter(([kind]) => kind === 0).forEach(([, , , backend], place) => (backends[order[place]] = backend));
  return backends;
}

/** Puts each split in order, and compares the whole with the recording. */
function expectOrder(graph: Graph, scheduled: ScheduledGraph, devices: readonly Device[], isCopied: IsCopied): void {
  const uses = usesIn(graph);
  const split = new SplitNodes(graph, isCopied);
  const ids = new Map(graph.nodes.map((node, id) => [node, id]));
  const found = scheduled.splits.flatMap(({ backend, start, nodes: count }) => {
    const nodes = split.of(start, count, backend);
    const { reorder } = devices[backend];
    const ordered = reorder?.(nodes, (node) => uses.get(split.originalOf(node)) ?? 0) ?? nodes;
    return ordered.map((node) => ids.get(split.originalOf(node))!);
  });
  const described = (order: readonly number[]): string[] =>
    order.map((id) => `${id} ${graph.nodes[id].op} ${graph.nodes[id].name}`);
  expect(described(found)).toEqual(described(scheduled.order));
}

interface OrderCase extends DeviceCase {
  readonly flashAttn: boolean;
  readonly graphs: Readonly<Record<Phase, ScheduledGraph>>;
}

describeShared('the order of a split of a raw graph', () => {
  const recorded = listRawGraphs().filter((name) => /\.(metal|vulkan)/.test(name));
  it.each(recorded)('%s', (name) => {
    const raw = readRawGraph(name);
    const fixture = readRawCase(name) as unknown as OrderCase;
    const scheduled = fixture.graphs[name.endsWith('.pp') ? 'pp' : 'tg'];
    const devices = devicesOf(fixture);
    const types = new Map(bufferTypesOf(devices).map((type) => [type.name, type]));
    const ids = new Map(raw.tensors.map((tensor, id) => [tensor, id]));
    const ofLeaf = new Map(scheduled.leafs.map(([leaf, backend]) => [leaf, backend]));
    const backends = backendsOf(scheduled);
    expectOrder(raw.graph, scheduled, devices, (source, backend) => {
      const { bufferType } = raw.records[ids.get(source.root)!];
      if (bufferType !== null) return !devices[backend].reads(types.get(bufferType)!);
      return (backends[ids.get(source)!] ?? ofLeaf.get(source.name)) !== backend;
    });
  });
});

/** Cases whose layers are all on one device, so that a node or an input alone can cross. */
const WHOLE_MODELS = [
  'deepseek-v2-lite.metal-all',
  'gemma-2-2b.metal-all-faoff',
  'gemma-3-4b.metal-all',
  'gpt-oss-20b.metal-all',
  'llama-3.1-8b.metal-all',
  'llama-3.1-8b.metal-all-q8',
  'mamba-130m.metal-all',
  'phi-3-mini-4k.metal-all',
  'qwen3-30b-a3b.metal-all',
  'deepseek-v2-lite.vulkan-all',
  'gemma-2-2b.vulkan-ub2048',
  'gpt-oss-20b.vulkan-all',
  'llama-3.1-8b.vulkan-all',
];

/** The options of a command that these cases have. */
function optionsOf({ meta, flashAttn }: OrderCase): ModelOptions {
  const value = (flag: string): string | undefined => meta.args[meta.args.indexOf(flag) + 1];
  return {
    program: 'library',
    ctxSize: Number(value('-c')),
    flashAttention: flashAttn,
    ...(meta.args.includes('-ub') ? { ubatchSize: Number(value('-ub')) } : {}),
    ...(meta.args.includes('-ctk') ? { cacheTypeK: value('-ctk')!, cacheTypeV: value('-ctv')! } : {}),
  };
}

describeShared('the order of a whole model', () => {
  it.each(WHOLE_MODELS)('%s', async (name) => {
    const fixture = readRawCase(name) as unknown as OrderCase;
    const model = openModel(
      await readGguf(sharedPath('gguf', `${name.split('.m')[0].split('.v')[0]}.gguf`)),
      optionsOf(fixture),
    );
    for (const phase of ['pp', 'tg'] as const) {
      const graph = model.graph(phase);
      const scheduled = fixture.graphs[phase];
      const devices = devicesOf(fixture);
      const ids = new Map(graph.nodes.map((node, id) => [node, id]));
      const backends = backendsOf(scheduled);
      const cpu = devices.length - 1;
      expectOrder(graph, scheduled, devices, (source, backend) => {
        if (source.root.memory === 'virtual') return false;
        return (backends[ids.get(source)!] ?? cpu) !== backend;
      });
    }
  });
});
