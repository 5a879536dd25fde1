/**
 * What `verifyEquivalent` finds in graphs that were changed on purpose: each mutation is caught, and what is the same is not.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context, Graph } from '../../src/index.js';
import { orderGraph, verifyEquivalent, type EquivalenceViolation, type Rewritten } from '../../src/passes/index.js';
import { Origin, remade, SELF, Tensor } from '../../src/tensor/tensor.js';
import { arbitraryGraph } from '../../src/testing/index.js';
import { cacheTraffic } from '../support/cache-traffic.js';
import { expectError } from '../support/expect-error.js';
import { plainOperation } from '../support/plain-graphs.js';

const bad = (value: unknown): never => value as never;

function kindsOf(graph: Graph, rewritten: Rewritten): EquivalenceViolation['kind'][] {
  return [...new Set(verifyEquivalent(graph, rewritten).map(({ kind }) => kind))];
}

/** The same tensors with other nodes, each standing for itself. */
function withNodes(graph: Graph, nodes: readonly Tensor[]): Rewritten {
  const changed = new Graph({ leafs: graph.leafs, nodes, tensors: graph.tensors });
  return { graph: changed, origin: Int32Array.from(graph.tensors, (_, id) => id) };
}

/** A graph in which each tensor is made anew; `change` may make another one in place of a node. */
function copied(
  graph: Graph,
  change: (node: Tensor, made: (tensor: Tensor) => Tensor) => Tensor | null = () => null,
): Rewritten {
  const origin = new Origin('ggml');
  const copies = new Map<Tensor, Tensor>();
  const made = (tensor: Tensor): Tensor => copies.get(tensor)!;
  for (const tensor of [...graph.leafs, ...graph.nodes]) {
    const copy =
      change(tensor, made) ??
      remade(tensor, {
        origin,
        sources: tensor.sources.map((source) => (source === tensor ? SELF : source && made(source))),
        root: tensor.isView ? made(tensor.root) : undefined,
        destination: tensor.destination === null ? undefined : made(tensor.destination),
        allocSize: tensor.allocSize ?? undefined,
      });
    copies.set(tensor, copy);
    if (graph.inputs.has(tensor)) copy.origin.markInput(copy);
    if (graph.outputs.has(tensor)) copy.origin.markOutput(copy);
  }
  const changed = new Graph({ leafs: graph.leafs.map(made), nodes: graph.nodes.map(made) });
  const back = new Map([...copies].map(([tensor, copy]) => [copy, graph.tensors.indexOf(tensor)]));
  return { graph: changed, origin: Int32Array.from(changed.tensors, (tensor) => back.get(tensor)!) };
}

/** k = relu(x) is written into a cache; r is read from the cache before, s after it. */
function cached(): { graph: Graph; nodes: Record<'k' | 'r' | 'w' | 's', Tensor> } {
  const ctx = Context.deferred();
  const cache = Context.immediate().newTensor('f32', [8], 'cache');
  const x = ctx.setInput(ctx.newTensor('f32', [8], 'x'));
  const k = ctx.relu(x);
  const r = ctx.setOutput(ctx.neg(cache));
  const w = ctx.cpy(k, cache);
  const s = ctx.setOutput(ctx.neg(ctx.dependency(cache, w)));
  return { graph: new Graph().expand(k).expand(r).expand(w).expand(s), nodes: { k, r, w, s } };
}

describe('what is the same', () => {
  it('any graph with itself, and made anew', () => {
    fc.assert(
      fc.property(fc.oneof(arbitraryGraph(), cacheTraffic), (graph) => {
        expect(verifyEquivalent(graph, withNodes(graph, graph.nodes))).toEqual([]);
        expect(verifyEquivalent(graph, copied(graph))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('a graph in which a value is computed once more for a later reader', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [8], 'x'));
    const a = ctx.relu(x);
    const graph = Graph.forward(ctx.setOutput(ctx.add(ctx.neg(a), a)));
    const again = ctx.relu(x);
    const sum = ctx.setOutput(ctx.add(ctx.neg(ctx.relu(x)), again));
    const changed = Graph.forward(sum);
    const [, , n, y] = graph.tensors;
    const standsFor = new Map<Tensor, number>([
      [x, 0],
      [sum, graph.tensors.indexOf(y)],
    ]);
    for (const tensor of changed.tensors)
      if (tensor.op === a.op) standsFor.set(tensor, graph.tensors.indexOf(tensor.operation === n.operation ? n : a));
    const origin = Int32Array.from(changed.tensors, (tensor) => standsFor.get(tensor) ?? -1);
    expect(verifyEquivalent(graph, { graph: changed, origin })).toEqual([]);
  });
});

describe('what is not', () => {
  it('a write that has moved across a read of the same bytes', () => {
    const { graph, nodes } = cached();
    const list = graph.nodes.filter((node) => node !== nodes.w);
    const early = withNodes(graph, list.toSpliced(list.indexOf(nodes.r), 0, nodes.w));
    expect(kindsOf(graph, early)).toEqual(['wrong-origin', 'wrong-output']);
  });

  it('a node before its operand', () => {
    const { graph } = cached();
    const [first, ...rest] = graph.nodes;
    expect(kindsOf(graph, withNodes(graph, [...rest, first]))).toContain('not-computed');
  });

  it('a write that is left out, or runs twice', () => {
    const { graph, nodes } = cached();
    const without = withNodes(
      graph,
      graph.nodes.filter((node) => node !== nodes.w),
    );
    expect(kindsOf(graph, without)).toEqual(expect.arrayContaining(['wrong-effect', 'wrong-memory']));
    const twice = withNodes(graph, [...graph.nodes, nodes.w]);
    expect(kindsOf(graph, twice)).toEqual(['wrong-effect']);
  });

  it('an operation of which nobody knows all that it does, twice, not at all, or in another order', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [8]));
    const [a, b] = ['DRAW', 'PRINT'].map((op) => ctx.custom([x], { op, type: 'f32', ne: [8] }));
    const sum = ctx.setOutput(ctx.add(a, b));
    const graph = new Graph().expand(a).expand(b).expand(sum);
    expect(kindsOf(graph, withNodes(graph, [b, a, sum]))).toEqual(['wrong-effect']);
    expect(kindsOf(graph, withNodes(graph, [a, b, a, sum]))).toEqual(['wrong-effect']);
    expect(kindsOf(graph, withNodes(graph, [a, sum]))).toContain('wrong-effect');
  });

  it('another operand, and another operation', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [8, 4], 'x'));
    const y = ctx.relu(x);
    const z = ctx.neg(x);
    const graph = Graph.forward(ctx.setOutput(ctx.sub(y, z)));
    const origin = new Origin('ggml');
    const swapped = copied(graph, (node, made) =>
      node.op === 'SUB' ? remade(node, { origin, sources: [made(z), made(y)] }) : null,
    );
    expect(kindsOf(graph, swapped)).toEqual(['wrong-origin', 'wrong-output']);
    const other = copied(graph, (node, made) =>
      node === y
        ? new Tensor({
            ...node,
            operation: plainOperation('OTHER'),
            origin,
            sources: [made(x)],
            view: undefined,
            destination: undefined,
            bytes: undefined,
            allocSize: undefined,
            reuseRule: undefined,
          })
        : null,
    );
    expect(kindsOf(graph, other)).toEqual(['wrong-origin', 'wrong-output']);
  });

  it('rows of a view that begin one row earlier', () => {
    const make = (row: number): Graph => {
      const ctx = Context.deferred();
      const x = ctx.setInput(ctx.newTensor('f32', [8, 4], 'x'));
      return Graph.forward(ctx.setOutput(ctx.relu(ctx.view(ctx.neg(x), [8, 2], [32], 32 * row))));
    };
    const changed = (row: number): Rewritten => {
      const graph = make(row);
      return { graph, origin: Int32Array.from(graph.tensors, (_, id) => id) };
    };
    expect(kindsOf(make(1), changed(1))).toEqual([]);
    expect(kindsOf(make(1), changed(0))).toContain('wrong-output');
  });

  it('other settings', () => {
    const make = (factor: number): Graph => {
      const ctx = Context.deferred();
      return Graph.forward(ctx.setOutput(ctx.scale(ctx.setInput(ctx.newTensor('f32', [8])), factor)));
    };
    const graph = make(0.25);
    const origin = Int32Array.from(graph.tensors, (_, id) => id);
    expect(kindsOf(make(0.25), { graph, origin })).toEqual([]);
    expect(kindsOf(make(0.5), { graph, origin })).toEqual(['wrong-origin', 'wrong-output']);
  });

  it('an output that is no output any more, and a leaf that is another', () => {
    const { graph } = cached();
    const { graph: changed, origin } = copied(graph);
    expect(
      kindsOf(graph, {
        graph: new Graph({ leafs: changed.leafs, nodes: changed.nodes.slice(0, -1) }),
        origin: origin.slice(0, -1),
      }),
    ).toEqual(['wrong-output']);
    expect(kindsOf(graph, { graph: changed, origin: origin.map((id, at) => (at === 1 ? 0 : id)) })).toContain(
      'wrong-leaf',
    );
    expect(kindsOf(graph, { graph: changed, origin: origin.map((id, at) => (at === 0 ? -1 : id)) })).toContain(
      'wrong-leaf',
    );
  });

  it('any order in which a node and one that it must follow have changed places', () => {
    let caught = 0;
    fc.assert(
      fc.property(cacheTraffic, fc.nat(), (graph, choice) => {
        const pairs = graph.nodes.flatMap((node, at) =>
          node.sources.flatMap((source) =>
            source === null || !graph.nodes.includes(source) ? [] : [[graph.nodes.indexOf(source), at] as const],
          ),
        );
        if (pairs.length === 0) return;
        const [early, late] = pairs[choice % pairs.length];
        const nodes = [...graph.nodes];
        [nodes[early], nodes[late]] = [nodes[late], nodes[early]];
        expect(kindsOf(graph, withNodes(graph, nodes))).toContain('not-computed');
        caught++;
      }),
      { numRuns: 100 },
    );
    expect(caught).toBeGreaterThan(50);
  });

  it('lists that do not fit', () => {
    const { graph } = cached();
    const { graph: changed, origin } = copied(graph);
    expect(kindsOf(graph, { graph: changed, origin: origin.slice(1) })).toEqual(['bad-origin']);
    expect(kindsOf(graph, { graph: changed, origin: origin.map(() => 99) })).toEqual(['bad-origin']);
  });
});

describe('arguments', () => {
  const { graph } = cached();

  it('are checked', () => {
    expectError('BAD_ARGUMENT', 'graph', () => verifyEquivalent(graph, bad(null)));
    expectError('BAD_ARGUMENT', 'origin', () => verifyEquivalent(graph, { graph, origin: bad([1]) }));
    expectError('BAD_ARGUMENT', 'maxViolations', () =>
      verifyEquivalent(graph, orderGraph(graph), { maxViolations: -1 }),
    );
  });

  it('limit the violations', () => {
    const shuffled = withNodes(graph, graph.nodes.toReversed());
    expect(verifyEquivalent(graph, shuffled).length).toBeGreaterThan(1);
    expect(verifyEquivalent(graph, shuffled, { maxViolations: 1 })).toHaveLength(1);
  });
});
