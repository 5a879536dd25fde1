/**
 * The order with the least peak, against all orders of small graphs; and of any graph: that the order is one, that it computes
 * the same, and that bound and peak hold whatever ends the search.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Context,
  findHazards,
  Graph,
  graphFromJson,
  graphToJson,
  planGraph,
  replayPlan,
  RUNTIMES,
} from '../../src/index.js';
import { groupsOf } from '../../src/liveness/groups.js';
import { analyzeLiveness } from '../../src/liveness/liveness.js';
import { orderGraph, orderGraphAsync, verifyEquivalent, type OrderProgress } from '../../src/passes/index.js';
import { liveLoad } from '../../src/problem/lower-bound.js';
import { arbitraryGraph } from '../../src/testing/index.js';
import { cacheTraffic } from '../support/cache-traffic.js';
import { CELL_NETWORKS, cellNetwork, randWire } from '../support/cells.js';
import { expectError } from '../support/expect-error.js';
import { allOrders, leastLoadOfSets, loadOfOrder } from '../support/order-oracle.js';
import { PlainTensors, randomDag } from '../support/plain-graphs.js';
import { resultsOf, runs } from '../support/separate-runs.js';
import { tangledGraphs } from '../support/tangled-graphs.js';

const ALONE = { runtime: 'none' } as const;
const bad = (value: unknown): never => value as never;

describe('orderGraph on small graphs', () => {
  it('finds the least load of all orders', () => {
    let improved = 0;
    fc.assert(
      fc.property(arbitraryGraph({ maxMoves: 6 }), (graph) => {
        const orders = allOrders(graph, 1000);
        if (orders === null) return;
        const least = Math.min(...orders.map((order) => loadOfOrder(graph, order)));
        const found = orderGraph(graph, ALONE);
        expect(found).toMatchObject({ peak: least, bound: least, isOptimal: true, stopped: 'done' });
        expect(found.peakBefore).toBe(loadOfOrder(graph, graph.nodes));
        expect(loadOfOrder(graph, found.graph.nodes)).toBe(least);
        if (least < found.peakBefore) improved++;
      }),
      { numRuns: 400 },
    );
    expect(improved).toBeGreaterThan(10);
  });

  it('finds it where hundreds of thousands of orders are possible', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const graph = randomDag(seed, 12);
      const { peak, bound, graph: ordered } = orderGraph(graph, ALONE);
      const least = leastLoadOfSets(graph);
      expect([seed, peak, bound]).toEqual([seed, least, least]);
      expect(loadOfOrder(graph, ordered.nodes)).toBe(least);
    }
  });

  it('keeps the graph where no order is better', () => {
    const ctx = Context.deferred();
    const graph = Graph.forward(ctx.setOutput(ctx.relu(ctx.setInput(ctx.newTensor('f32', [64])))));
    expect(orderGraph(graph)).toMatchObject({
      graph,
      peak: 256,
      peakBefore: 256,
      bound: 256,
      isOptimal: true,
      effort: 0,
    });
    const empty = new Graph();
    expect(orderGraph(empty)).toMatchObject({ graph: empty, peak: 0, bound: 0, isOptimal: true });
  });

  it('counts reuse as the plan does, or leaves it out', () => {
    const graph = randomDag(5, 40);
    for (const reuse of ['full', 'ggml', 'off'] as const) {
      const { graph: ordered, peak, peakBefore, bound } = orderGraph(graph, { ...ALONE, reuse });
      const planned = (each: Graph): number => planGraph(each, { ...ALONE, reuse }).lowerBound;
      expect([planned(graph), planned(ordered)]).toEqual([peakBefore, peak]);
      expect(bound).toBeLessThanOrEqual(peak);
    }
    const loads = (['full', 'off'] as const).map((reuse) => orderGraph(graph, { ...ALONE, reuse }).peak);
    expect(loads[0]).toBeLessThan(loads[1]);
  });
});

describe.each([
  ['caches read and written by luck', cacheTraffic],
  ['parts and stacks of rows', tangledGraphs()],
  ['graphs like real ones', arbitraryGraph({ maxMoves: 40 })],
])('orderGraph on %s', (_, graphs) => {
  it('yields an order that computes the same, and never needs more', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        if (findHazards(graph).some(({ kind }) => kind === 'conflict')) return;
        const found = orderGraph(graph);
        const { graph: ordered } = found;
        expect(verifyEquivalent(graph, found)).toEqual([]);
        expect(new Set(ordered.nodes)).toEqual(new Set(graph.nodes));
        expect(found.bound).toBeLessThanOrEqual(found.peak);
        expect(found.peak).toBeLessThanOrEqual(found.peakBefore);
        const plan = planGraph(ordered);
        const { problem } = analyzeLiveness(ordered.table, 'full', 32, groupsOf(ordered, RUNTIMES['ggml-cpu']));
        expect(liveLoad(problem).bytes).toBe(found.peak);
        expect(replayPlan(ordered, plan)).toEqual([]);
        expect(graphToJson(graphFromJson(graphToJson(ordered)))).toEqual(graphToJson(ordered));
        const [before, after] = [runs(graph), runs(ordered)];
        for (const tensor of resultsOf(graph)) expect(after.storage(tensor)).toEqual(before.storage(tensor));
      }),
      { numRuns: 150 },
    );
  });
});

describe('what keeps its place', () => {
  it('operations of which nobody knows all that they do, among each other', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [8]));
    const draws = [40, 10, 80].map((rows) => ctx.custom([x], { op: 'DRAW', type: 'f32', ne: [8, rows] }));
    const graph = Graph.forward(draws.map((draw) => ctx.setOutput(ctx.sum(draw))));
    const { graph: ordered, isOptimal } = orderGraph(graph, ALONE);
    expect(ordered.nodes.filter(({ op }) => op === 'DRAW')).toEqual(draws);
    expect(isOptimal).toBe(true);
  });

  it('what somebody fills at its step, before and after all other nodes', () => {
    const tensors = new PlainTensors();
    const x = tensors.leaf(64);
    const wide = [0, 1].map(() => tensors.node(6400, [x]));
    const arrival = tensors.leaf(32);
    const sums = wide.map((each) => tensors.node(32, [each, arrival]));
    const plain = graphToJson(tensors.graph([...wide, ...sums]));
    const id = plain.leafs.find((leaf) => plain.tensors[leaf].name === arrival.name)!;
    delete plain.tensors[id].input;
    const before = graphFromJson({
      ...plain,
      leafs: plain.leafs.filter((leaf) => leaf !== id),
      nodes: [...plain.nodes.slice(0, 2), id, ...plain.nodes.slice(2)],
    });
    const { peak, peakBefore, isOptimal } = orderGraph(before, ALONE);
    expect([peak, isOptimal]).toEqual([peakBefore, true]);
    // As an input it is there from the start, so that each wide result can be read at once.
    const asInput = orderGraph(tensors.graph([...wide, ...sums]), ALONE);
    expect(asInput.peak).toBeLessThan(peakBefore / 1.5);
  });
});

describe('networks whose order matters', () => {
  it.each([1, 2, 3])('RandWire %i: the least, proven', (seed) => {
    const { peak, peakBefore, isOptimal } = orderGraph(randWire(seed), ALONE);
    expect(isOptimal).toBe(true);
    expect(1 - peak / peakBefore).toBeGreaterThan(0.12);
  });

  it.each(CELL_NETWORKS)('%s: the least, proven', (name) => {
    const { peak, peakBefore, isOptimal } = orderGraph(cellNetwork(name, 12, 4), ALONE);
    expect(isOptimal).toBe(true);
    expect(1 - peak / peakBefore).toBeGreaterThan(0.15);
  });
});

describe('a search that ends early', () => {
  const graph = randWire(2);
  const best = orderGraph(graph, ALONE);

  it('has a bound and a peak that hold, whatever the effort', () => {
    let last = 0;
    for (const maxEffort of [0, 1, 10, 50, 100, 200, 400]) {
      const { bound, peak, stopped, isOptimal } = orderGraph(graph, { ...ALONE, maxEffort });
      expect(bound).toBeLessThanOrEqual(best.peak);
      expect(peak).toBeGreaterThanOrEqual(best.peak);
      expect(stopped).toBe(isOptimal ? 'done' : 'effort');
      expect(bound).toBeGreaterThanOrEqual(last);
      last = bound;
    }
  });

  it('is deterministic', () => {
    const [a, b] = [1, 2].map(() => orderGraph(graph, { ...ALONE, maxEffort: 300 }));
    expect(a.graph.nodes.map(({ serial }) => serial)).toEqual(b.graph.nodes.map(({ serial }) => serial));
    expect([a.peak, a.bound, a.effort]).toEqual([b.peak, b.bound, b.effort]);
  });

  it('reports its progress, and can be aborted by it', () => {
    const seen: OrderProgress[] = [];
    const signal = { aborted: false };
    const onProgress = (progress: OrderProgress): void => {
      seen.push(progress);
      signal.aborted = true;
    };
    const { stopped, peak, bound } = orderGraph(graph, { ...ALONE, signal, onProgress });
    expect(stopped).toBe('abort');
    expect(seen).toHaveLength(1);
    expect(seen[0].bound).toBeLessThanOrEqual(bound);
    expect(seen[0].peak).toBeGreaterThanOrEqual(peak);
  });

  it('ends at once where it is aborted before, or has no time', () => {
    for (const limits of [{ signal: { aborted: true } }, { timeLimitMs: 0 }]) {
      const { stopped, peak, peakBefore } = orderGraph(graph, { ...ALONE, ...limits });
      expect(stopped).toBe('signal' in limits ? 'abort' : 'time');
      expect(peak).toBeLessThanOrEqual(peakBefore);
    }
  });

  it('finds the same in turns with other work', async () => {
    const found = await orderGraphAsync(graph, ALONE);
    expect([found.peak, found.bound, found.effort]).toEqual([best.peak, best.bound, best.effort]);
    await expect(orderGraphAsync(bad(1))).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});

describe('options', () => {
  const graph = randomDag(3, 30);

  it('can make the buffer small instead of the load', () => {
    const { peak, peakBefore, graph: ordered } = orderGraph(graph, { ...ALONE, minimise: 'size' });
    expect(peakBefore).toBe(planGraph(graph, ALONE).bufferSize);
    expect(peak).toBe(planGraph(ordered, ALONE).bufferSize);
  });

  it('pads sizes to the alignment', () => {
    const { peak, bound } = orderGraph(graph, { ...ALONE, alignment: 4096 });
    expect([peak % 4096, bound % 4096]).toEqual([0, 0]);
  });

  it('are checked', () => {
    expectError('BAD_ARGUMENT', 'graph', () => orderGraph(bad(null)));
    expectError('BAD_ARGUMENT', 'minimise', () => orderGraph(graph, { minimise: bad('time') }));
    expectError('BAD_ARGUMENT', 'maxEffort', () => orderGraph(graph, { maxEffort: -1 }));
    expectError('BAD_ALIGNMENT', 'alignment', () => orderGraph(graph, { alignment: 3 }));
    expectError('BAD_ARGUMENT', 'maxeffort', () => orderGraph(graph, bad({ maxeffort: 1 })));
  });

  it('refuses a graph of several memories', () => {
    const document = graphToJson(graph);
    const pools = [
      { name: 'CPU', alignment: 32 },
      { name: 'GPU', alignment: 32 },
    ];
    expectError('BAD_ARGUMENT', 'memories of the graph', () => orderGraph(graphFromJson({ ...document, pools })));
  });

  it('refuses a graph in which a value is destroyed before it is read', () => {
    const ctx = Context.deferred();
    const x = ctx.relu(ctx.setInput(ctx.newTensor('f32', [8])));
    const lost = ctx.relu(x, { inPlace: true });
    expectError('HAZARD', /.*/, () => orderGraph(new Graph().expand(lost).expand(ctx.setOutput(ctx.neg(x)))));
  });
});
