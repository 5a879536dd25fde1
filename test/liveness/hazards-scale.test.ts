/** Hazards of graphs with very many accesses to one storage: in seconds, where comparing all pairs would take hours. */
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { findHazards } from '../../src/liveness/hazards.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { withinUnits } from '../support/effort.js';

const ctx = Context.deferred();

/** Many times what is needed; all pairs of 100,000 accesses would take a hundred thousand units at least. */
const WORK_LIMIT = 10_000;

async function hazardCount(outputs: Tensor | Tensor[]): Promise<number> {
  const graph = Graph.forward(outputs);
  return (await withinUnits(WORK_LIMIT, () => findHazards(graph))).length;
}

describe('findHazards at scale', () => {
  const count = 100_000;
  const value = ctx.newTensor('f32', [8], 'value');
  const newCache = (rows: number): Tensor => Context.immediate().newTensor('f32', [8, rows], 'cache');
  const row = (cache: Tensor, index: number): Tensor => ctx.view(cache, [8], [], 32 * index);

  it('100,000 nodes in place on one storage, and one cache that all of them read', async () => {
    const cache = newCache(1);
    const seen = ctx.dependency(ctx.view(cache, [8]), ctx.cpy(value, cache));
    let x = ctx.sqr(value);
    for (let i = 0; i < count; i++) x = ctx.add(ctx.relu(x, { inPlace: true }), seen, { inPlace: true });
    expect(await hazardCount(x)).toBe(0);
  });

  it('100,000 writes to rows of their own, alone and before one reading of all', async () => {
    const cache = newCache(count);
    const writes = Array.from({ length: count }, (_, index) => ctx.cpy(value, row(cache, (index * 7919) % count)));
    expect(await hazardCount(writes)).toBe(0);
    expect(await hazardCount([...writes, ctx.sqr(cache)])).toBe(count);
  });

  it('100,000 writes and as many readings, each after its write', async () => {
    const cache = newCache(count);
    const writes = Array.from({ length: count }, (_, index) => ctx.cpy(value, row(cache, index)));
    const reads = writes.map((write, index) => ctx.sqr(ctx.dependency(row(cache, index), write)));
    expect(await hazardCount([...writes, ...reads])).toBe(0);
  });

  it('100,000 writes, each after the one before it', async () => {
    let cache = newCache(count);
    for (let index = 0; index < count; index++) cache = ctx.dependency(cache, ctx.cpy(value, row(cache, index)));
    expect(await hazardCount(ctx.sqr(cache))).toBe(0);
  });

  it('20,000 far pairs, which only passes over the whole graph decide', async () => {
    // Each read depends on all writes through a tree of sums, and on its own through a long way.
    const pairs = 20_000;
    const cache = newCache(pairs);
    const writes = Array.from({ length: pairs }, (_, index) => ctx.cpy(value, row(cache, index)));
    let all = writes[0];
    for (const write of writes.slice(1)) all = ctx.add(ctx.cont(all), write);
    const reads = writes.map((_, index) => ctx.sqr(ctx.dependency(row(cache, index), all)));
    expect(await hazardCount([...writes, ...reads])).toBe(0);
  });
});
