/**
 * What `verifyEquivalent` finds in split graphs that were changed on purpose: each mutation of a part is caught.
 */
import { describe, expect, it } from 'vitest';
import { Context, Graph, type Tensor } from '../../src/index.js';
import { splitGraph, verifyEquivalent, type Rewritten, type Slice } from '../../src/passes/index.js';
import { Origin, remade, SELF, Tensor as Made } from '../../src/tensor/tensor.js';
import { expectError } from '../support/expect-error.js';

/** Rows of a matrix product, and rows of a convolution that need rows of their neighbours. */
function mlp(): Graph {
  const ctx = Context.deferred();
  const weights = Context.virtual();
  const x = ctx.setInput(ctx.newTensor('f32', [16, 64], 'x'));
  const wide = ctx.gelu(ctx.mulMat(weights.newTensor('f32', [16, 256]), x));
  return Graph.forward(ctx.setOutput(ctx.mulMat(weights.newTensor('f32', [256, 16]), wide)));
}

function convolution(): Graph {
  const ctx = Context.deferred();
  const weights = Context.virtual();
  const x = ctx.setInput(ctx.newTensor('f32', [16, 64, 2], 'x'));
  return Graph.forward(ctx.setOutput(ctx.conv2d(weights.newTensor('f32', [3, 3, 2, 2]), x, { padding: 1 })));
}

type Change = (node: Tensor) => { offset?: number; params?: Tensor['params']; left?: boolean; into?: Tensor } | null;

/** The split graph made anew, with some of its nodes changed or left out. */
function mutated({ graph, origin, slices = [] }: Rewritten, change: Change): Rewritten {
  const fresh = new Origin('ggml');
  const copies = new Map<Tensor, Tensor>();
  const list: { tensor: Tensor; id: number }[] = graph.leafs.map((tensor) => ({
    tensor,
    id: graph.tensors.indexOf(tensor),
  }));
  const standIn = (tensor: Tensor): Tensor => copies.get(tensor) ?? tensor;
  for (const node of graph.nodes) {
    const { offset = 0, params = node.params, left = false, into } = change(node) ?? {};
    if (left) {
      // Whoever waited for it waits for nothing.
      copies.set(node, standIn(node.destination ?? node.sources[0]!));
      continue;
    }
    const sources = node.sources.map((source) => (source === node ? SELF : source && standIn(source)));
    const root = standIn(node.root);
    const destination = into ?? node.destination;
    const copy =
      offset === 0 && params === node.params
        ? remade(node, {
            origin: fresh,
            sources,
            root: node.isView && destination === null ? root : undefined,
            destination: destination === null ? undefined : standIn(destination),
          })
        : new Made({
            origin: fresh,
            name: node.name,
            operation: node.operation,
            type: node.type,
            shape: node.shape,
            strides: node.strides,
            memory: node.memory,
            sources,
            params,
            view: node.isView ? { of: root, offset: node.viewOffset + offset } : undefined,
          });
    copies.set(node, copy);
    if (graph.outputs.has(node)) fresh.markOutput(copy);
    list.push({ tensor: copy, id: graph.tensors.indexOf(node) });
  }
  const changed = new Graph({
    leafs: graph.leafs,
    nodes: list.slice(graph.leafs.length).map(({ tensor }) => tensor),
  });
  return {
    graph: changed,
    origin: Int32Array.from(list, ({ id }) => origin[id]),
    slices: list.map(({ id }) => slices[id] ?? null),
  };
}

const kindsOf = (graph: Graph, rewritten: Rewritten): string[] => [
  ...new Set(verifyEquivalent(graph, rewritten).map(({ kind }) => kind)),
];

describe.each([
  ['matrix products', mlp(), 1],
  ['a convolution', convolution(), 1],
] as const)('verifyEquivalent on parts of %s', (_, graph, dim) => {
  const split = splitGraph(graph);
  const { nodes } = split.graph;
  const parts = nodes.filter(({ destination }) => destination !== null);
  const targets = parts.map(({ destination }) => destination!);
  const inputs = nodes.filter(({ op, sources }) => op === 'VIEW' && sources[0]!.name === 'x');

  it('finds nothing where nothing is wrong', () => {
    expect(split.regionCount).toBe(1);
    expect(parts.length).toBeGreaterThan(2);
    expect(verifyEquivalent(graph, split)).toEqual([]);
    expect(
      verifyEquivalent(
        graph,
        mutated(split, () => null),
      ),
    ).toEqual([]);
  });

  it('finds a slice that is off by one row, read or written', () => {
    const [x] = graph.inputs;
    const row = x.strides[dim];
    for (const input of inputs.slice(1)) {
      const changed = mutated(split, (node) => (node === input ? { offset: -row } : null));
      expect(kindsOf(graph, changed)).toEqual(expect.arrayContaining(['wrong-slice', 'wrong-output']));
    }
    for (const target of targets.slice(1)) {
      const changed = mutated(split, (node) => (node === target ? { offset: -target.strides[dim] } : null));
      expect(kindsOf(graph, changed)).toContain('wrong-output');
    }
  });

  it('finds a part that is missing', () => {
    for (const part of parts) {
      const changed = mutated(split, (node) => (node === part ? { left: true } : null));
      expect(kindsOf(graph, changed)).toContain('wrong-output');
    }
  });

  it('finds parts in the wrong order', () => {
    const [first, second] = parts;
    const changed = mutated(split, (node) => {
      if (node === first) return { into: targets[1] };
      return node === second ? { into: targets[0] } : null;
    });
    // The first part is computed before its target exists, and all the same it is seen where it ends up.
    expect(kindsOf(graph, changed)).toContain('wrong-output');
  });

  it('finds a part that claims to be another slice than it is', () => {
    const claims = (change: (slice: Slice) => Slice): Rewritten => ({
      ...split,
      slices: split.slices!.map((slice, id) => (parts.includes(split.graph.tensors[id]) ? change(slice!) : slice)),
    });
    expect(
      kindsOf(
        graph,
        claims(({ dim: along, from, to }) => ({
          dim: along,
          from: Math.max(0, from - 1),
          to: Math.max(0, from - 1) + to - from,
        })),
      ),
    ).toContain('wrong-slice');
    expect(
      kindsOf(
        graph,
        claims((slice) => ({ ...slice, to: 1000 })),
      ),
    ).toEqual(['bad-origin']);
    expect(kindsOf(graph, { ...split, slices: [] })).toContain('wrong-output');
    expect(kindsOf(graph, { ...split, slices: split.slices!.slice(1) })).toEqual(['bad-origin']);
    expectError('BAD_ARGUMENT', 'slices', () => verifyEquivalent(graph, { ...split, slices: 3 as never }));
  });

  it('finds other settings, and another operation', () => {
    const changed = mutated(split, (node) => {
      const isPart = split.slices![split.graph.tensors.indexOf(node)] !== null && !node.isView;
      return isPart ? { params: { ...node.params, more: 1 } } : null;
    });
    expect(kindsOf(graph, changed)).toContain('wrong-slice');
  });
});

describe('verifyEquivalent on a halo', () => {
  const graph = convolution();
  const split = splitGraph(graph);
  const patches = split.graph.nodes.filter(({ op }) => op === 'IM2COL');

  it('finds one that is too small', () => {
    const inner = patches.find(({ params }) => String(params.padding) === '1,0')!;
    const view = inner.sources[1]!;
    expect(view.op).toBe('VIEW');
    // The padding stands in for the rows of the neighbours.
    const changed = mutated(split, (node) =>
      node === inner ? { params: { ...inner.params, padding: [1, 1] } } : null,
    );
    expect(kindsOf(graph, changed)).toContain('wrong-slice');
    const narrower = mutated(split, (node) => (node === view ? { offset: view.strides[1] } : null));
    expect(kindsOf(graph, narrower)).toContain('wrong-slice');
  });

  it('does not take rows for right that come out beside a slice', () => {
    const first = patches[0];
    const views = split.graph.nodes.filter(({ root, op }) => root === first && op !== 'IM2COL');
    expect(views.map(({ op }) => op)).toEqual(['VIEW', 'RESHAPE']);
    const changed = mutated(split, (node) => (views.includes(node) ? { offset: first.strides[2] } : null));
    expect(kindsOf(graph, changed)).toContain('wrong-slice');
  });
});
