/** What holds of the order of a split for any graph, and the edges that recorded graphs do not reach. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { metalOrder } from '../../src/device/metal-order.js';
import { vulkanOrder } from '../../src/device/vulkan-order.js';
import { Graph } from '../../src/graph/graph.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';

function usesOf({ nodes }: Graph): (node: Tensor) => number {
  const read = nodes.flatMap(({ sources }) => sources);
  return (node) => read.filter((source) => source === node).length;
}

const orderOnMetal = (graph: Graph): readonly Tensor[] => metalOrder(graph.nodes, usesOf(graph));

/** Pairs of nodes, the earlier one first, that must not change places although neither reads the other. */
type MustStay = (earlier: Tensor, later: Tensor) => boolean;

const lookIntoOne: MustStay = (earlier, later) => earlier.root === later.root;

const touchWhatIsWritten: MustStay = (earlier, later) =>
  lookIntoOne(earlier, later) ||
  later.sources.some((source) => source?.root === earlier.root) ||
  earlier.sources.some((source) => source?.root === later.root);

/** The first pair of nodes that is out of order, or a node that is missing; null if all is well. */
function faultOf(graph: Graph, order: readonly Tensor[], mustStay: MustStay): string | null {
  const { nodes } = graph;
  const places = new Map(order.map((node, place) => [node, place]));
  if (order.length !== nodes.length || places.size !== nodes.length) return 'not every node once';
  for (let later = 0; later < nodes.length; later++) {
    for (let earlier = 0; earlier < later; earlier++) {
      const [a, b] = [nodes[earlier], nodes[later]];
      const isBound = b.sources.includes(a) || mustStay(a, b);
      if (isBound && !(places.get(a)! < places.get(b)!)) return `${b.label} comes before ${a.label}`;
    }
  }
  return null;
}

describe('an order', () => {
  it('keeps what nodes read and write in order, on Metal', () => {
    fc.assert(
      fc.property(arbitraryGraph(), (graph) => {
        expect(faultOf(graph, orderOnMetal(graph), touchWhatIsWritten)).toBeNull();
      }),
    );
  });

  it('keeps operands before their readers, on Vulkan', () => {
    fc.assert(
      fc.property(arbitraryGraph(), (graph) => {
        expect(faultOf(graph, vulkanOrder(graph.nodes), lookIntoOne)).toBeNull();
      }),
    );
  });
});

describe('the order on Metal', () => {
  /** A chain, and behind it a node that depends on nothing; how many nodes of the chain come before that node. */
  function placeBehindChain(length: number): number {
    const ctx = Context.deferred();
    let x = ctx.newTensor('f32', [4], 'x');
    for (let link = 0; link < length; link++) x = ctx.relu(x);
    const free = ctx.relu(ctx.newTensor('f32', [4], 'free'));
    return orderOnMetal(Graph.forward([x, free])).indexOf(free);
  }

  it('looks 64 nodes ahead, the waiting one included', () => {
    expect(placeBehindChain(1)).toBe(1);
    expect(placeBehindChain(64)).toBe(1);
    expect(placeBehindChain(65)).toBe(2);
    expect(placeBehindChain(66)).toBe(3);
  });

  it('brings no node over one that must stay', () => {
    const placeBehind = (stay: (ctx: Context, x: Tensor) => Tensor): number => {
      const ctx = Context.deferred();
      const [x, y] = [ctx.newTensor('f32', [4, 4], 'x'), ctx.newTensor('f32', [4, 4], 'y')];
      const chain = stay(ctx, ctx.relu(ctx.relu(x)));
      const free = ctx.relu(y);
      return orderOnMetal(Graph.forward([chain, free])).indexOf(free);
    };
    expect(placeBehind((ctx, x) => ctx.scale(x, 2))).toBe(1);
    expect(placeBehind((ctx, x) => ctx.softMax(x))).toBe(2);
  });

  /** A norm and its product, with what may part them: whether the second of two free nodes stays behind them. */
  function staysWhole(change: (ctx: Context, norm: Tensor) => Tensor[]): boolean {
    const ctx = Context.deferred();
    const [x, w, y] = ['x', 'w', 'y'].map((name) => ctx.newTensor('f32', [4, 4], name));
    const norm = ctx.rmsNorm(ctx.relu(x), 1e-6);
    const product = ctx.mul(norm, w);
    const free = ctx.relu(ctx.relu(y));
    const order = orderOnMetal(Graph.forward([product, free, ...change(ctx, norm)]));
    return order.indexOf(product) === order.indexOf(norm) + 1;
  }

  it('keeps a norm and its product together, unless somebody else wants the norm', () => {
    expect(staysWhole(() => [])).toBe(true);
    expect(staysWhole((ctx, norm) => [ctx.gelu(norm)])).toBe(false);
    expect(staysWhole((ctx, norm) => [ctx.setOutput(norm)])).toBe(false);
  });
});

describe('the order on Vulkan', () => {
  it('keeps the choice of experts as it is', () => {
    const ctx = Context.deferred();
    const [x, y] = [ctx.newTensor('f32', [8, 4], 'x'), ctx.newTensor('f32', [4], 'y')];
    const scores = ctx.softMax(x);
    const rows = ctx.reshape(scores, [1, 8, 4]);
    const best = ctx.argsortTopK(scores, 2);
    const chosen = ctx.getRows(rows, best);
    const free = ctx.relu(y);
    const order = vulkanOrder(Graph.forward([scores, rows, best, chosen, free]).nodes);
    expect(order.map(({ op }) => op)).toEqual(['SOFT_MAX', 'RESHAPE', 'ARGSORT', 'VIEW', 'GET_ROWS', 'RELU']);
  });

  it('looks 20 nodes ahead, the first one included', () => {
    const placeBehindChain = (length: number): number => {
      const ctx = Context.deferred();
      let x = ctx.newTensor('f32', [4], 'x');
      for (let link = 0; link < length; link++) x = ctx.relu(x);
      const free = ctx.relu(ctx.newTensor('f32', [4], 'free'));
      return vulkanOrder(Graph.forward([x, free]).nodes).indexOf(free);
    };
    expect(placeBehindChain(19)).toBe(1);
    expect(placeBehindChain(20)).toBe(2);
  });

  it('puts a rotation and its writing into the cache behind the norm that it is made of', () => {
    const ctx = Context.deferred();
    const [x, w] = [ctx.newTensor('f32', [8, 2, 4], 'x'), ctx.newTensor('f32', [8], 'w')];
    const key = ctx.mul(ctx.rmsNorm(x, 1e-6), w);
    const others = ctx.relu(ctx.newTensor('f32', [4], 'y'));
    const turned = ctx.rope(key, ctx.newTensor('i32', [4], 'positions'), 8);
    const flat = ctx.view(turned, [16, 4], [64]);
    const cache = Context.virtual().newTensor('f16', [16, 32], 'cache');
    const written = ctx.setRows(cache, flat, ctx.newTensor('i64', [4], 'rows'));
    const last = ctx.relu(others);
    const graph = Graph.forward([key, others, turned, last, written]);
    const order = vulkanOrder(graph.nodes).map(({ op }) => op);
    expect(order.slice(0, 5)).toEqual(['RMS_NORM', 'MUL', 'ROPE', 'VIEW', 'SET_ROWS']);
  });
});
