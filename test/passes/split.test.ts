/**
 * Graphs that are computed in parts: the same bits, fewer bytes, and within what they may cost.
 */
import { describe, expect, it } from 'vitest';
import { Context, Graph, graphFromJson, graphToJson, planGraph, replayPlan, verifyPlan } from '../../src/index.js';
import {
  orderGraph,
  splitGraph,
  verifyEquivalent,
  type SplitGraph,
  type SplitOptions,
} from '../../src/passes/index.js';
import { arbitraryGraph, compareExecutions } from '../../src/testing/index.js';
import fc from 'fast-check';
import { blockGraph } from '../support/blocks.js';
import { expectError } from '../support/expect-error.js';
import { differingOutputs } from '../support/run-rewritten.js';
import { partOf } from '../support/shared.js';

const bad = (value: unknown): never => value as never;

/** The messages of all that is wrong with a split graph. */
function faultsOf(graph: Graph, split: SplitGraph): string[] {
  const plan = planGraph(split.graph);
  return [
    ...verifyEquivalent(graph, split).map(({ message }) => message),
    ...verifyPlan(split.graph, plan).map(({ message }) => message),
    ...replayPlan(split.graph, plan).map(({ message }) => message),
    ...differingOutputs(graph, split),
    ...compareExecutions(split.graph, plan).map(({ message }) => message),
  ];
}

/** Options that each have an effect on some graphs. */
const OPTIONS: readonly SplitOptions[] = [
  {},
  { maxExtraOps: 1 },
  { streamOutputs: true },
  { maxExtraOps: 0, reuse: 'off' },
  { maxRereadBytes: 2000 },
  { budget: 3000, maxExtraOps: 0.5 },
];

describe('splitGraph', () => {
  const splits = { graphs: 0, count: 0, extra: 0 };

  it.each(partOf(Array.from({ length: 20 }, (_, batch) => batch)))(
    'keeps to what graphs compute, batch %d',
    (batch) => {
      for (let seed = 12 * batch + 1; seed <= 12 * batch + 12; seed++) {
        const graph = blockGraph(seed);
        const options = OPTIONS[seed % OPTIONS.length];
        const split = splitGraph(graph, options);
        const { maxExtraOps = 0.1, maxRereadBytes = Infinity } = options;
        expect(split.peak).toBeLessThanOrEqual(split.peakBefore);
        expect(split.extraOps).toBeLessThanOrEqual(maxExtraOps);
        expect(split.rereadBytes).toBeLessThanOrEqual(maxRereadBytes);
        expect(faultsOf(graph, split), `graph ${seed}`).toEqual([]);
        // What was split may be ordered, too.
        expect(verifyEquivalent(split.graph, orderGraph(split.graph, { maxEffort: 50 })), `graph ${seed}`).toEqual([]);
        splits.graphs++;
        splits.count += split.regionCount > 0 ? 1 : 0;
        splits.extra += split.extraOps > 0 ? 1 : 0;
      }
    },
  );

  it('splits most of them, and some at the price of rows that are computed twice', () => {
    expect(splits.count).toBeGreaterThan(0.6 * splits.graphs);
    expect(splits.extra).toBeGreaterThan(0);
  });

  it('leaves graphs right that have nothing of a model', () => {
    fc.assert(
      fc.property(arbitraryGraph({ maxMoves: 14 }), (graph) => {
        const split = splitGraph(graph);
        expect(split.peak).toBeLessThanOrEqual(split.peakBefore);
        const plan = planGraph(split.graph);
        expect(verifyEquivalent(graph, split)).toEqual([]);
        expect(verifyPlan(split.graph, plan)).toEqual([]);
        expect(replayPlan(split.graph, plan)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('makes the same graph every time, and one that a file can hold', () => {
    for (const seed of [1, 3, 6]) {
      const texts = [1, 2].map(() => JSON.stringify(graphToJson(splitGraph(blockGraph(seed)).graph)));
      expect(texts[0]).toBe(texts[1]);
      const read = graphFromJson(JSON.parse(texts[0]));
      expect(JSON.stringify(graphToJson(read))).toBe(texts[0]);
    }
  });

  it('spends no more than it takes to keep to a budget', () => {
    const graph = mlp(64, 512, 1024);
    const least = splitGraph(graph);
    const some = splitGraph(graph, { budget: 2 * least.peak });
    expect(least.peak).toBeLessThan(0.4 * least.peakBefore);
    expect(some.peak).toBeLessThanOrEqual(2 * least.peak);
    expect(some.rereadBytes).toBeLessThan(least.rereadBytes / 2);
    const enough = splitGraph(graph, { budget: least.peakBefore });
    expect(enough).toMatchObject({ graph, peak: least.peakBefore, regionCount: 0, extraOps: 0, rereadBytes: 0 });
  });

  it('does not let the result of a region exist before its first part, nor after its last reader', () => {
    const ctx = Context.deferred();
    const weights = Context.virtual();
    let x = ctx.setInput(ctx.newTensor('f32', [32, 64]));
    for (let layer = 0; layer < 4; layer++) {
      const wide = ctx.gelu(ctx.mulMat(weights.newTensor('f32', [32, 256]), x));
      x = ctx.mulMat(weights.newTensor('f32', [256, 32]), wide);
    }
    const split = splitGraph(Graph.forward(ctx.setOutput(x)));
    // One operand, one result, and less than both for what lies between.
    expect(split.peak).toBeLessThan(4 * 32 * 64 * 4);
    expect(split.regionCount).toBe(4);
  });

  it('writes outputs into memory of the caller if asked to', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [16, 8]));
    const logits = ctx.setOutput(ctx.mulMat(Context.virtual().newTensor('f32', [16, 4096]), x));
    const graph = Graph.forward(logits);
    expect(splitGraph(graph).peak).toBe(splitGraph(graph).peakBefore);
    const streamed = splitGraph(graph, { streamOutputs: true });
    expect(streamed.peak).toBe(16 * 8 * 4);
    const [output] = streamed.graph.outputs;
    expect(output.memory).toBe('virtual');
    expect(verifyEquivalent(graph, streamed)).toEqual([]);
  });

  it('leaves alone what operations do not say how to cut, and what nobody may do twice', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [64, 64]));
    const wide = ctx.custom([x], { type: 'f32', ne: [64, 64, 8] });
    const graph = Graph.forward(ctx.setOutput(ctx.sum(wide)));
    expect(splitGraph(graph)).toMatchObject({ graph, regionCount: 0 });
  });

  it('keeps a read of a cache before a write that follows it', () => {
    const ctx = Context.deferred();
    const cache = Context.virtual().newTensor('f32', [64, 512]);
    const x = ctx.setInput(ctx.newTensor('f32', [64, 64]));
    const scores = ctx.gelu(ctx.mulMat(cache, x));
    const written = ctx.cpy(x, ctx.view(cache, [64, 64], [256]));
    const mixed = ctx.mulMat(ctx.newTensor('f32', [512, 64]), scores);
    const graph = new Graph().expand(scores).expand(written).expand(ctx.setOutput(mixed));
    const split = splitGraph(graph);
    expect(faultsOf(graph, split)).toEqual([]);
  });

  it('refuses options that make no sense', () => {
    const graph = mlp(4, 4, 8);
    for (const name of ['budget', 'maxExtraOps', 'maxRereadBytes']) {
      for (const value of [-1, NaN, '1'])
        expectError('BAD_ARGUMENT', name, () => splitGraph(graph, { [name]: bad(value) }));
    }
    expectError('BAD_ARGUMENT', 'streamOutputs', () => splitGraph(graph, { streamOutputs: bad(1) }));
  });
});

/** x → wide → narrow, `tokens` rows. */
function mlp(width: number, tokens: number, hidden: number): Graph {
  const ctx = Context.deferred();
  const weights = Context.virtual();
  const x = ctx.setInput(ctx.newTensor('f32', [width, tokens]));
  const wide = ctx.gelu(ctx.mulMat(weights.newTensor('f32', [width, hidden]), x));
  return Graph.forward(ctx.setOutput(ctx.mulMat(weights.newTensor('f32', [hidden, width]), wide)));
}
