/**
 * Writes outside the compute buffer as early as they can be: the figures that were recorded for ggml's training, and of any graph
 * that it computes the same and needs no more.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trainingGraphs } from '../../src/autodiff/index.js';
import { Context, findHazards, Graph, measureGraph, type Tensor } from '../../src/index.js';
import { groupsOf } from '../../src/liveness/groups.js';
import { analyzeLiveness } from '../../src/liveness/liveness.js';
import { orderGraph, runWritesEarly, verifyEquivalent } from '../../src/passes/index.js';
import { liveLoad } from '../../src/problem/lower-bound.js';
import { RUNTIMES } from '../../src/runtime/runtimes.js';
import { arbitraryGraph } from '../../src/testing/index.js';
import { cacheTraffic } from '../support/cache-traffic.js';
import { describeShared } from '../support/shared.js';
import { graphOf, listTrainingCases, networkOf, readTrainingCase } from '../support/training-cases.js';

/** Bytes that the plan of a graph needs at its peak, with nodes computed one by one. */
function loadOf(graph: Graph): number {
  const { problem } = analyzeLiveness(graph.table, 'full', 32, groupsOf(graph, RUNTIMES.none));
  return liveLoad(problem).bytes;
}

const names = (graph: Graph): string[] => graph.nodes.map(({ name }) => name);

/** Values of which some are stored in rows of a cache when all are there; others read such rows before. */
const lateWrites: fc.Arbitrary<Graph> = fc
  .array(fc.tuple(fc.nat(3), fc.nat(7), fc.nat(12)), { minLength: 3, maxLength: 16, size: 'max' })
  .map((moves) => {
    const ctx = Context.deferred();
    const cache = Context.immediate().newTensor('f32', [4, 8], 'cache');
    const row = (index: number): Tensor => ctx.view(cache, [4], [], 16 * index);
    const values = [ctx.sqr(ctx.setInput(ctx.newTensor('f32', [4], 'x')))];
    const writes: Tensor[] = [];
    for (const [kind, index, back] of moves) {
      const value = values[values.length - 1 - (back % values.length)];
      if (kind === 0) values.push(ctx.repeat(ctx.view(value, [4]), [4 * (1 + (index % 3))]));
      else if (kind === 1) values.push(ctx.add(ctx.view(value, [4]), row(index)));
      else writes.push(ctx.cpy(ctx.view(value, [4]), row(index)));
    }
    return Graph.forward([...values, ...writes]);
  });

describe('runWritesEarly', () => {
  it('puts a write behind what it reads, and behind whoever else touches its bytes', () => {
    const weights = Context.virtual();
    const ctx = Context.deferred();
    const cache = weights.newTensor('f32', [64], 'cache');
    const x = ctx.setInput(ctx.newTensor('f32', [64], 'x'));
    const named = (name: string, tensor: Tensor): Tensor => ctx.setName(tensor, name);
    const key = named('key', ctx.sqr(x));
    const old = named('old', ctx.scale(cache, 2));
    const y = named('y', ctx.relu(ctx.setName(ctx.add(old, x), 'sum')));
    const write = named('write', ctx.cpy(key, cache));
    const graph = Graph.forward([key, old, ctx.setOutput(y), write]);
    const early = runWritesEarly(graph);
    expect(names(graph)).toEqual(['key', 'old', 'sum', 'y', 'write']);
    expect(names(early.graph)).toEqual(['key', 'old', 'write', 'sum', 'y']);
    expect(verifyEquivalent(graph, early)).toEqual([]);
  });

  it('leaves a write where it is if something follows it', () => {
    const ctx = Context.deferred();
    const cache = Context.virtual().newTensor('f32', [64], 'cache');
    const x = ctx.setInput(ctx.newTensor('f32', [64], 'x'));
    const other = ctx.setOutput(ctx.sqr(x));
    const written = ctx.cpy(x, cache);
    const graph = Graph.forward([other, ctx.setOutput(ctx.scale(written, 2))]);
    expect(names(runWritesEarly(graph).graph)).toEqual(names(graph));
  });

  it('computes the same in no more bytes, whatever the graph', () => {
    let moved = 0;
    fc.assert(
      fc.property(fc.oneof(arbitraryGraph({ maxMoves: 30 }), cacheTraffic, lateWrites), (graph) => {
        const early = runWritesEarly(graph);
        expect(verifyEquivalent(graph, early)).toEqual([]);
        expect(findHazards(early.graph).length).toBe(findHazards(graph).length);
        expect(loadOf(early.graph)).toBeLessThanOrEqual(loadOf(graph));
        if (early.graph.nodes.some((node, step) => node !== graph.nodes[step])) moved++;
      }),
      { numRuns: 300 },
    );
    expect(moved).toBeGreaterThan(5);
  });
});

describeShared('the training of ggml with early steps', () => {
  it.each(listTrainingCases())('%s', (name) => {
    const recorded = readTrainingCase(name);
    const graph = graphOf(recorded.graphs.gb_opt);
    const early = runWritesEarly(graph);
    expect(measureGraph(early.graph, { allocator: 'ggml' }).bufferSize).toBe(recorded.reordered.bufferSize);
    expect(verifyEquivalent(graph, early)).toEqual([]);
  });

  it('needs even less in the best order', () => {
    const { outputs, parameters } = networkOf(readTrainingCase('llama2-mha-adamw-p1-static'));
    const { step } = trainingGraphs(outputs, { parameters });
    expect(measureGraph(step, { allocator: 'ggml' }).bufferSize).toBe(659_456);
    expect(measureGraph(runWritesEarly(step).graph).bufferSize).toBe(479_232);
    const best = orderGraph(step);
    expect(best).toMatchObject({ peak: 428_032, isOptimal: true });
    expect(measureGraph(best.graph).bufferSize).toBe(428_032);
    expect(verifyEquivalent(step, best)).toEqual([]);
  });
});
