/** Checks of plans with very many tensors: in seconds, where comparing all pairs would take minutes. */
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/json/read.js';
import { graphToJson } from '../../src/json/write.js';
import { planGraph } from '../../src/plan/plan.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { withinUnits } from '../support/effort.js';

/** Units of work: ten times what is needed. */
const WORK_LIMIT = 20_000;

const within =
  <A extends unknown[]>(work: (...values: A) => void) =>
  (...values: A): Promise<void> =>
    withinUnits(WORK_LIMIT, () => work(...values));

describe('at scale', () => {
  it(
    'verifies 100,000 storages that all last to the end',
    within(() => {
      const count = 100_000;
      const ctx = Context.deferred();
      const x = ctx.setInput(ctx.newTensor('f32', [8]));
      const graph = Graph.forward(Array.from({ length: count }, () => ctx.relu(x)));
      const plan = planGraph(graph, { allocator: 'ggml', reuse: 'off' });
      expect(verifyPlan(graph, plan)).toEqual([]);
      expect(replayPlan(graph, plan)).toEqual([]);
      const swapped = plan.tensors.map((entry) => (entry.id === count ? { ...entry, offset: 32 } : entry));
      expect(verifyPlan(graph, { ...plan.toJSON(), tensors: swapped })).toMatchObject([
        { kind: 'output-overwritten', ids: [1, count] },
      ]);
    }),
  );

  it(
    'replays 8,000 writes into rows of one cache, each after the one before, and a reading of all',
    within(() => {
      const count = 8000;
      const ctx = Context.deferred();
      let cache = Context.immediate().newTensor('f32', [8, count], 'cache');
      for (let index = 0; index < count; index++) {
        const row = ctx.view(cache, [8], [], 32 * ((index * 7919) % count));
        cache = ctx.dependency(cache, ctx.cpy(ctx.newTensor('f32', [8]), row));
      }
      const graph = Graph.forward(ctx.setOutput(ctx.relu(cache)));
      expect(replayPlan(graph, planGraph(graph), { order: 'stated' })).toEqual([]);
    }),
  );

  it.each([
    ['that are one storage', false],
    ['each of its own', true],
  ])(
    'plans and checks a node of 100,000 sources, %s, all of which it may overwrite',
    within((_: string, areApart: boolean) => {
      const count = 100_000;
      const slots = Array.from({ length: count }, (_, slot) => slot);
      const document = graphToJson(Graph.forward(Context.deferred().newTensor('f32', [8])));
      const leaf = { ...document.tensors[0], input: true };
      const leafs = areApart ? slots.map(() => leaf) : [leaf];
      const node = {
        ...leaf,
        op: 'GATHER',
        input: false,
        src: areApart ? slots : slots.map(() => 0),
        overwrites: slots,
      };
      const graph = graphFromJson({
        ...document,
        tensors: [...leafs, node],
        leafs: leafs.map((_, id) => id),
        nodes: [leafs.length],
      });
      const plan = planGraph(graph);
      expect(plan.bufferSize).toBe(32 * leafs.length);
      expect(verifyPlan(graph, plan)).toEqual([]);
      expect(replayPlan(graph, plan)).toEqual([]);
    }),
  );
});
