import { describe, expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/json/read.js';
import { mayConflict } from '../../src/liveness/conflicts.js';
import { listGraphs, partOf, readGraph } from '../support/shared.js';

const mayConflictIn = (graph: Graph): boolean => mayConflict(graph.tensors, graph.table);

describe('mayConflict', () => {
  it('rules out writers that read what the one before them left', () => {
    const ctx = Context.deferred();
    const x = ctx.sqr(ctx.newTensor('f32', [4], 'x'));
    const scaled = ctx.scale(x, 2, { inPlace: true });
    const twice = ctx.scale(ctx.reshape(scaled, [2, 2]), 2, { inPlace: true });
    expect(mayConflictIn(Graph.forward(ctx.setOutput(ctx.sqr(twice))))).toBe(false);
  });

  it('rules out any order of writes and readings of a cache', () => {
    const ctx = Context.deferred();
    const cache = Context.virtual().newTensor('f32', [4, 8], 'cache');
    const write = ctx.cpy(ctx.newTensor('f32', [4]), ctx.view(cache, [4], [], 16));
    expect(mayConflictIn(Graph.forward([write, ctx.sqr(cache), ctx.sqr(ctx.view(cache, [4], [], 16))]))).toBe(false);
  });

  it('suspects a reading of what was overwritten, by a node or from outside', () => {
    const ctx = Context.deferred();
    const x = ctx.sqr(ctx.newTensor('f32', [4], 'x'));
    const scaled = ctx.scale(x, 2, { inPlace: true });
    expect(mayConflictIn(Graph.forward([scaled, ctx.neg(x)]))).toBe(true);
    const y = ctx.setOutput(ctx.sqr(ctx.newTensor('f32', [4], 'y')));
    expect(mayConflictIn(Graph.forward(ctx.scale(y, 2, { inPlace: true })))).toBe(true);
  });

  it.each(partOf(listGraphs()))('rules them out in %s', (name) => {
    expect(mayConflictIn(graphFromJson(readGraph(name)))).toBe(false);
  });
});
