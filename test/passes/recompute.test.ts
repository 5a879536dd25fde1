/**
 * Values computed again under a budget: that the graph computes the same, that it needs what it says, that bounds hold and a
 * larger budget never costs more.
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
  verifyPlan,
  type Tensor,
} from '../../src/index.js';
import {
  recomputeGraph,
  recomputeGraphAsync,
  verifyEquivalent,
  type RecomputeOptions,
  type RecomputeProgress,
} from '../../src/passes/index.js';
import { arbitraryGraph } from '../../src/testing/index.js';
import { cacheTraffic } from '../support/cache-traffic.js';
import { expectError } from '../support/expect-error.js';
import { randomDag } from '../support/plain-graphs.js';
import { allSequences } from '../support/recompute-oracle.js';
import { resultsOf, runs } from '../support/separate-runs.js';
import { tangledGraphs } from '../support/tangled-graphs.js';

describe.each([
  ['caches read and written by luck', cacheTraffic, 60, 0],
  ['parts and stacks of rows', tangledGraphs(), 60, 4],
  ['graphs like real ones', arbitraryGraph({ maxMoves: 40 }), 150, 4],
])('recomputeGraph on %s', (_, graphs, numRuns, leastChanged) => {
  it('yields a graph that computes the same within what it says', () => {
    let changed = 0;
    fc.assert(
      fc.property(graphs, fc.double({ min: 0.3, max: 1, noNaN: true }), (graph, share) => {
        if (findHazards(graph).some(({ kind }) => kind === 'conflict')) return;
        const budgetBytes = Math.floor(share * planGraph(graph).lowerBound);
        const found = recomputeGraph(graph, { budgetBytes, maxEffort: 3000 });
        const { graph: result, peak, peakBefore, fits } = found;
        expect(verifyEquivalent(graph, found)).toEqual([]);
        expect(fits).toBe(peak <= budgetBytes);
        expect(peak).toBeLessThanOrEqual(peakBefore);
        expect(peak).toBeGreaterThanOrEqual(found.bound);
        if (fits) expect(found.extraOps).toBeGreaterThanOrEqual(found.extraOpsBound * (1 - 1e-9));
        if (result === graph) return;
        changed++;
        const plan = planGraph(result);
        expect(plan.lowerBound).toBe(peak);
        expect(verifyPlan(result, plan)).toEqual([]);
        expect(replayPlan(result, plan)).toEqual([]);
        expect(graphToJson(graphFromJson(graphToJson(result)))).toEqual(graphToJson(result));
        const [before, after] = [runs(graph), runs(result)];
        const standIns = new Map([...found.origin].map((oldId, id) => [graph.tensors[oldId], result.tensors[id]]));
        for (const tensor of resultsOf(graph))
          expect(after.storage(standIns.get(tensor)!)).toEqual(before.storage(tensor));
      }),
      { numRuns },
    );
    expect(changed).toBeGreaterThanOrEqual(leastChanged);
  });
});

const ALONE = { runtime: 'none' } as const;

describe('recomputeGraph on small graphs', () => {
  it('costs the least of all sequences of runs, for every budget', () => {
    const costOf = ({ byteLength, serial }: Tensor): number => 1 + (byteLength % 7) + (serial % 3);
    let dropped = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const graph = randomDag(seed, 6);
      const sequences = allSequences(graph, 3, costOf);
      const total = graph.nodes.reduce((sum, node) => sum + costOf(node), 0);
      const peaks = [...new Set(sequences.map(({ peak }) => peak))];
      for (const budgetBytes of peaks) {
        const fitting = sequences.filter(({ peak }) => peak <= budgetBytes);
        const least = Math.min(...fitting.map(({ cost }) => cost)) / total;
        const found = recomputeGraph(graph, { ...ALONE, budgetBytes, costOf });
        expect([seed, found.fits, found.isOptimal, found.extraOps]).toEqual([seed, true, true, least]);
        if (least > 0) dropped++;
      }
      const tooSmall = Math.min(...peaks) - 1;
      const { fits, isOptimal, bound, extraOpsBound } = recomputeGraph(graph, {
        ...ALONE,
        budgetBytes: tooSmall,
        costOf,
      });
      expect([seed, fits, isOptimal, extraOpsBound]).toEqual([seed, false, true, Infinity]);
      expect(bound).toBe(tooSmall + 1);
    }
    expect(dropped).toBeGreaterThan(10);
  });
});

describe('a larger budget', () => {
  it.each([12, 40, 120])('never costs more, on graphs of %i nodes', (count) => {
    for (let seed = 1; seed <= 6; seed++) {
      const graph = randomDag(seed, count);
      const { peakBefore } = recomputeGraph(graph, { ...ALONE, budgetBytes: Number.MAX_SAFE_INTEGER });
      let last = 0;
      for (let share = 100; share >= 30; share -= 7) {
        const budgetBytes = Math.floor((share * peakBefore) / 100);
        const { fits, extraOps } = recomputeGraph(graph, { ...ALONE, budgetBytes, maxEffort: 4000 });
        if (!fits) last = Infinity;
        else expect(extraOps).toBeGreaterThanOrEqual(last);
        if (fits) last = extraOps;
      }
    }
  });
});

/** A wide value that is read before and after another wide one, and what is done with it first. */
function wideTwice(between: (ctx: Context, wide: Tensor) => Tensor = (ctx, wide) => ctx.sum(wide)): Graph {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [64], 'x'));
  const wide = ctx.repeat(x, [64, 100]);
  wide.name = 'wide';
  const other = ctx.repeat(between(ctx, wide), [64, 100]);
  return Graph.forward(ctx.setOutput(ctx.sum(ctx.add(wide, ctx.sum(other)))));
}

/** A wide value that is read from a cache before the cache is overwritten. */
function cacheReadFirst(): { old: Graph; ctx: Context; cache: Tensor; wide: Tensor; write: Tensor } {
  const ctx = Context.deferred();
  const cache = Context.immediate().newTensor('f32', [64], 'cache');
  const wide = ctx.repeat(cache, [64, 100]);
  const first = ctx.sum(wide);
  const write = ctx.cpy(ctx.setInput(ctx.newTensor('f32', [64])), cache);
  const other = ctx.repeat(first, [64, 100]);
  const old = new Graph().expand(first).expand(write);
  old.expand(ctx.setOutput(ctx.sum(ctx.add(wide, ctx.sum(other)))));
  return { old, ctx, cache, wide, write };
}

describe('what runs once', () => {
  it('operations of which nobody knows all that they do', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [64]));
    const draw = ctx.custom([x], { op: 'DRAW', type: 'f32', ne: [64, 100] });
    const other = ctx.repeat(ctx.sum(draw), [64, 100]);
    const graph = Graph.forward(ctx.setOutput(ctx.sum(ctx.add(draw, ctx.sum(other)))));
    const found = recomputeGraph(graph, { budgetBytes: 30_000 });
    expect(found).toMatchObject({ graph, fits: false, isOptimal: true, extraOpsBound: Infinity });
  });

  it('outputs and results that nobody reads', () => {
    const ctx = Context.deferred();
    const wide = ctx.setOutput(ctx.repeat(ctx.setInput(ctx.newTensor('f32', [64])), [64, 100]));
    const other = ctx.repeat(ctx.sum(wide), [64, 100]);
    const graph = Graph.forward(ctx.setOutput(ctx.sum(ctx.add(wide, ctx.sum(other)))));
    expect(recomputeGraph(graph, { budgetBytes: 30_000 })).toMatchObject({ graph, fits: false, isOptimal: true });
  });

  it('what reads bytes that are overwritten later', () => {
    const { old } = cacheReadFirst();
    const found = recomputeGraph(old, { budgetBytes: 30_000 });
    expect(found).toMatchObject({ graph: old, fits: false, isOptimal: true });
  });

  it('but not a value that it was computed from', () => {
    const graph = wideTwice((ctx, wide) => ctx.custom([wide], { op: 'DRAW', type: 'f32', ne: [1] }));
    const { fits, graph: result } = recomputeGraph(graph, { budgetBytes: 30_000 });
    expect(fits).toBe(true);
    expect(result.nodes.filter(({ op }) => op === 'DRAW')).toHaveLength(1);
    expect(result.nodes.filter(({ name }) => name === 'wide (again)')).toHaveLength(1);
  });
});

describe('a damaged result is refused:', () => {
  const graph = wideTwice();
  const found = recomputeGraph(graph, { budgetBytes: 30_000 });
  const again = found.graph.nodes.find(({ name }) => name === 'wide (again)')!;
  const { leafs, nodes } = found.graph;
  /** The nodes in another sequence or with more of them, and what they stand for. */
  const changed = (list: readonly Tensor[]): { graph: Graph; origin: Int32Array } => {
    const result = new Graph({ leafs, nodes: list });
    const standsFor = new Map(found.graph.tensors.map((tensor, id) => [tensor, found.origin[id]]));
    return { graph: result, origin: Int32Array.from(result.tensors, (tensor) => standsFor.get(tensor) ?? -1) };
  };

  it('is accepted as it is', () => {
    expect(verifyEquivalent(graph, changed(nodes))).toEqual([]);
    expect(replayPlan(found.graph, planGraph(found.graph))).toEqual([]);
  });

  it('a value computed again behind its reader', () => {
    const others = nodes.filter((node) => node !== again);
    const kinds = verifyEquivalent(graph, changed([...others, again])).map(({ kind }) => kind);
    expect(kinds).toContain('not-computed');
  });

  it('a value computed again when the plan has given its bytes, or those of its source, to others', () => {
    const plan = planGraph(found.graph);
    const inOrder = (list: readonly Tensor[]): Graph => new Graph({ leafs, nodes: list, tensors: found.graph.tensors });
    expect(replayPlan(inOrder(nodes), plan)).toEqual([]);
    const others = nodes.filter((node) => node !== again);
    const tooEarly = [...others.slice(0, 1), again, ...others.slice(1)];
    expect(verifyEquivalent(graph, { graph: inOrder(tooEarly), origin: found.origin })).toEqual([]);
    expect(replayPlan(inOrder(tooEarly), plan)).not.toEqual([]);
  });

  it('a value computed again from bytes that were overwritten', () => {
    const { old, wide, write, cache, ctx } = cacheReadFirst();
    const late = ctx.repeat(cache, [64, 100]);
    const nodesOf = ({ nodes: list }: Graph): readonly Tensor[] => list;
    const [sum, other, otherSum, add, total] = nodesOf(old).filter((node) => node !== wide && node !== write);
    const lateAdd = ctx.add(late, otherSum);
    const lateTotal = ctx.setOutput(ctx.sum(lateAdd));
    const damaged = new Graph({
      leafs: old.leafs,
      nodes: [wide, sum, write, other, otherSum, late, lateAdd, lateTotal],
    });
    const standsFor = new Map([
      [late, wide],
      [lateAdd, add],
      [lateTotal, total],
    ]);
    const origin = Int32Array.from(damaged.tensors, (tensor) => old.tensors.indexOf(standsFor.get(tensor) ?? tensor));
    const kinds = verifyEquivalent(old, { graph: damaged, origin }).map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['wrong-origin', 'wrong-output']));
  });

  it('a reader of another value', () => {
    const standIn = nodes.find(({ sources }) => sources.includes(again))!;
    const ctx = Context.deferred();
    const wrong = ctx.add(
      nodes.find(({ name, op }) => op === 'REPEAT' && name !== 'wide')!,
      standIn.sources[1]!,
    );
    const total = ctx.setOutput(ctx.sum(wrong));
    const list = [...nodes.filter((node) => node !== again && node !== standIn).slice(0, -1), wrong, total];
    const result = new Graph({ leafs, nodes: list });
    const old = new Map(found.graph.tensors.map((tensor, id) => [tensor, found.origin[id]]));
    old.set(wrong, old.get(standIn)!).set(total, old.get(nodes.at(-1)!)!);
    const origin = Int32Array.from(result.tensors, (tensor) => old.get(tensor)!);
    const kinds = verifyEquivalent(graph, { graph: result, origin }).map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['wrong-origin', 'wrong-output']));
  });

  it('an effect that runs twice', () => {
    const drawing = wideTwice((ctx, wide) => ctx.custom([wide], { op: 'DRAW', type: 'f32', ne: [1] }));
    const result = recomputeGraph(drawing, { budgetBytes: 30_000 });
    const draw = result.graph.nodes.find(({ op }) => op === 'DRAW')!;
    const twice = result.graph.nodes.flatMap((node) => (node === draw ? [draw, draw] : [node]));
    const damaged = new Graph({ leafs: result.graph.leafs, nodes: twice, tensors: result.graph.tensors });
    const kinds = verifyEquivalent(drawing, { graph: damaged, origin: result.origin }).map(({ kind }) => kind);
    expect(kinds).toContain('wrong-effect');
  });
});

describe('the search', () => {
  it('pauses for others, says how far it is, and can be aborted', async () => {
    const graph = randomDag(3, 120);
    const { peakBefore, bound } = recomputeGraph(graph, { budgetBytes: Number.MAX_SAFE_INTEGER });
    const budgetBytes = Math.floor((peakBefore + bound) / 2);
    const reports: RecomputeProgress[] = [];
    const options = { budgetBytes, maxEffort: 20_000, onProgress: (report: RecomputeProgress) => reports.push(report) };
    const found = await recomputeGraphAsync(graph, options);
    const same = recomputeGraph(graph, { budgetBytes, maxEffort: 20_000 });
    expect([found.peak, found.extraOps, found.frontier]).toEqual([same.peak, same.extraOps, same.frontier]);
    expect(reports.length).toBeGreaterThan(3);
    for (const { peak, effort } of reports) expect([peak <= found.peakBefore, effort > 0]).toEqual([true, true]);
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    const aborted = await recomputeGraphAsync(graph, { budgetBytes, onProgress, signal: controller.signal });
    expect(aborted.stopped).toBe('abort');
    expect(aborted.effort).toBeLessThan(found.effort);
    expect(verifyEquivalent(graph, aborted)).toEqual([]);
  });

  it('takes costs from the caller', () => {
    const graph = wideTwice();
    const costOf = ({ name }: Tensor): number => (name === 'wide' ? 3 : 1);
    expect(recomputeGraph(graph, { budgetBytes: 30_000, costOf }).extraOps).toBe(3 / 8);
    expect(recomputeGraph(graph, { budgetBytes: 30_000, costOf: () => 0 })).toMatchObject({ fits: true, extraOps: 0 });
  });

  it('refuses what makes no sense', () => {
    const graph = wideTwice();
    const bad = (value: unknown): never => value as never;
    const refuses = (culprit: string, options: RecomputeOptions): void => {
      expectError('BAD_ARGUMENT', culprit, () => recomputeGraph(graph, options));
    };
    refuses('budgetBytes', bad({}));
    refuses('budgetBytes', { budgetBytes: -1 });
    refuses('minimise', { budgetBytes: 1, minimise: bad('time') });
    refuses('costOf', { budgetBytes: 1, costOf: () => -1 });
    refuses('costOf', { budgetBytes: 1, costOf: bad(3) });
  });
});
