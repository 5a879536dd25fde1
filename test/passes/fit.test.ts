/**
 * Graphs that fit into a budget: that they do, that they cost no more than is allowed, and that a refusal has a reason.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context, findHazards, Graph, measureGraph, replayPlan, verifyPlan, type Tensor } from '../../src/index.js';
import { fitGraph, fitGraphAsync, orderGraph, recomputeGraph, verifyEquivalent } from '../../src/passes/index.js';
import type { FitOptions, FitProgress } from '../../src/passes/index.js';
import { arbitraryGraph } from '../../src/testing/index.js';
import { expectError } from '../support/expect-error.js';
import { PlainTensors, randomDag } from '../support/plain-graphs.js';

const bad = (value: unknown): never => value as never;

/** Two wide values in the worst order, and a third that is read before and after them. */
function wasteful(): Graph {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [64], 'x'));
  const kept = ctx.repeat(x, [64, 50]);
  const [a, b] = [1, 2].map(() => ctx.repeat(ctx.sum(kept), [64, 100])) as [Tensor, Tensor];
  const sums = ctx.add(ctx.sum(a), ctx.sum(b));
  const y = ctx.setOutput(ctx.sum(ctx.add(kept, sums)));
  return new Graph().expand(a).expand(b).expand(y);
}

describe('fitGraph', () => {
  const graph = wasteful();
  const { bufferSize } = measureGraph(graph);

  it('leaves a graph as it is that fits', () => {
    const found = fitGraph(graph, bufferSize);
    expect(found).toMatchObject({
      fits: true,
      graph,
      cost: { extraOps: 0, rereadBytes: 0 },
      limitedBy: null,
      effort: 0,
    });
    expect(found.plan.bufferSize).toBe(bufferSize);
  });

  it('orders first, which costs nothing, and computes values again only if that does not suffice', () => {
    const ordered = orderGraph(graph, { minimise: 'size' });
    const free = fitGraph(graph, ordered.peak);
    expect([free.fits, free.plan.bufferSize, free.cost.extraOps]).toEqual([true, ordered.peak, 0]);
    const found = fitGraph(graph, ordered.peak - 1);
    expect(found.fits).toBe(true);
    expect(found.cost.extraOps).toBeGreaterThan(0);
    expect(found.plan.bufferSize).toBeLessThan(ordered.peak);
    expect(verifyEquivalent(graph, found)).toEqual([]);
    expect(verifyPlan(found.graph, found.plan)).toEqual([]);
    expect(found.frontier.map((point) => point.bufferSize)).toContain(ordered.peak);
  });

  it('uses only the passes that it may', () => {
    const { bound, peak } = orderGraph(graph, { minimise: 'size' });
    const onlyOrder = fitGraph(graph, peak - 1, { split: false, recompute: false });
    expect([onlyOrder.plan.bufferSize, onlyOrder.bound, onlyOrder.limitedBy]).toEqual([peak, bound, 'bound']);
    const onlyRecompute = fitGraph(graph, 30_000, { order: false, split: false });
    const { extraOps } = recomputeGraph(graph, { budgetBytes: 30_000, minimise: 'size' });
    expect(onlyRecompute.cost.extraOps).toBe(extraOps);
    const none = fitGraph(graph, bufferSize - 1, { order: false, split: false, recompute: false });
    expect(none).toMatchObject({ fits: false, graph, bound: bufferSize, limitedBy: 'bound' });
  });

  it('computes regions in parts before it computes values again', () => {
    const ctx = Context.deferred();
    const weights = Context.virtual();
    const x = ctx.setInput(ctx.newTensor('f32', [64, 512], 'x'));
    const wide = ctx.gelu(ctx.mulMat(weights.newTensor('f32', [64, 1024]), x));
    const layer = Graph.forward(ctx.setOutput(ctx.mulMat(weights.newTensor('f32', [1024, 64]), wide)));
    const before = measureGraph(layer).bufferSize;
    const found = fitGraph(layer, before / 2);
    expect(found).toMatchObject({ fits: true, cost: { extraOps: 0 }, limitedBy: null });
    expect(found.cost.rereadBytes).toBeGreaterThan(0);
    expect(found.slices?.some((slice) => slice !== null)).toBe(true);
    expect(verifyEquivalent(layer, found)).toEqual([]);
    expect(verifyPlan(found.graph, found.plan)).toEqual([]);
    const whole = fitGraph(layer, before / 2, { maxRereadBytes: 0 });
    expect(whole).toMatchObject({ fits: false, limitedBy: 'effort', cost: { rereadBytes: 0 } });
    expect(fitGraph(layer, 1000)).toMatchObject({ fits: false, limitedBy: 'bound' });
  });

  it('says why a graph does not fit', () => {
    const reached = fitGraph(graph, 30_000);
    const { extraOps } = reached.cost;
    expect(extraOps).toBeGreaterThan(0);
    const limited = fitGraph(graph, 30_000, { maxExtraOps: extraOps / 2 });
    expect(limited).toMatchObject({ fits: false, limitedBy: 'maxExtraOps' });
    expect(limited.cost.extraOps).toBeLessThanOrEqual(extraOps / 2);
    for (const point of limited.frontier) expect(point.extraOps).toBeLessThanOrEqual(extraOps / 2);
    expect(fitGraph(graph, 100).limitedBy).toBe('bound');
    const aborted = fitGraph(graph, 30_000, { signal: { aborted: true } });
    expect(aborted).toMatchObject({ fits: false, limitedBy: 'abort' });
  });

  it('gives the same answer whoever gets a turn meanwhile, and says how far it is', async () => {
    const large = randomDag(3, 100);
    const budget = Math.floor(0.95 * orderGraph(large, { minimise: 'size' }).peak);
    const reports: FitProgress[] = [];
    const options: FitOptions = { maxEffort: 20_000, onProgress: (report) => reports.push(report) };
    const found = await fitGraphAsync(large, budget, options);
    const again = fitGraph(large, budget, { maxEffort: 20_000 });
    expect([found.cost, found.frontier, found.effort]).toEqual([again.cost, again.frontier, again.effort]);
    expect(new Set(reports.map(({ pass }) => pass))).toEqual(new Set(['order', 'split', 'recompute']));
    reports.forEach(({ effort }, index) => expect(effort).toBeGreaterThanOrEqual(reports[index - 1]?.effort ?? 0));
  });

  it('refuses what makes no sense', () => {
    const refuses = (culprit: string, budget: number, options?: FitOptions): void => {
      expectError('BAD_ARGUMENT', culprit, () => fitGraph(graph, budget, options));
    };
    refuses('budgetBytes', -1);
    refuses('order', 1, { order: bad('yes') });
    refuses('split', 1, { split: bad(0) });
    refuses('recompute', 1, { recompute: bad(1) });
    refuses('maxExtraOps', 1, { maxExtraOps: -0.1 });
    refuses('maxRereadBytes', 1, { maxRereadBytes: NaN });
  });

  it('yields equivalent graphs with right plans', () => {
    fc.assert(
      fc.property(arbitraryGraph({ maxMoves: 40 }), fc.double({ min: 0.4, max: 1, noNaN: true }), (drawn, share) => {
        if (findHazards(drawn).some(({ kind }) => kind === 'conflict')) return;
        const before = measureGraph(drawn).bufferSize;
        const budget = Math.floor(share * before);
        const found = fitGraph(drawn, budget, { maxEffort: 3000 });
        expect(verifyEquivalent(drawn, found)).toEqual([]);
        expect(verifyPlan(found.graph, found.plan)).toEqual([]);
        expect(replayPlan(found.graph, found.plan)).toEqual([]);
        expect(found.fits).toBe(found.plan.bufferSize <= budget);
        expect(found.fits).toBe(found.limitedBy === null);
        expect(found.plan.bufferSize).toBeLessThanOrEqual(before);
        expect(found.bound).toBeLessThanOrEqual(found.plan.bufferSize);
        found.frontier.forEach((point, index) => {
          if (index === 0) return;
          const larger = found.frontier[index - 1];
          expect([point.bufferSize < larger.bufferSize, point.extraOps >= larger.extraOps]).toEqual([true, true]);
        });
      }),
      { numRuns: 100 },
    );
  });

  it('finds what no order does', () => {
    const tensors = new PlainTensors();
    const x = tensors.leaf(64);
    const wide = tensors.node(64_000, [x]);
    const first = tensors.node(32, [wide]);
    const other = tensors.node(64_000, [first]);
    const second = tensors.node(32, [other]);
    const chain = tensors.graph([wide, first, other, second, tensors.node(32, [wide, second])]);
    const found = fitGraph(chain, 70_000);
    expect(found).toMatchObject({ fits: true, limitedBy: null });
    expect(orderGraph(chain).bound).toBeGreaterThan(70_000);
  });
});
