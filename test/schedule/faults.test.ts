/**
 * Faults of schedules and of their plans, each found: a forgotten copy, one that comes too late, a stale one, a device that
 * reads what it does not reach, a storage in another pool, a reuse across pools, an original that is gone before it is copied.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { planGraph } from '../../src/plan/plan.js';
import { scheduleGraph } from '../../src/schedule/schedule-graph.js';
import type { Schedule } from '../../src/schedule/schedule.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { remade } from '../../src/tensor/tensor.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { compareScheduled } from '../../src/testing/compare-executions.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { verifySchedule } from '../../src/verify/verify-schedule.js';
import { arbitraryMachine, devicesOf, spreadOver, type DrawnMachine } from '../support/arbitrary-machine.js';

/** A GPU that computes everything, and a CPU; neither reads the other's memory. */
const MACHINE: DrawnMachine = {
  devices: [{ modulus: 1, alignment: 128, maxSize: Infinity, extraBytes: 0, readsHost: false, offloads: true }],
  cpuAlignment: 32,
  homes: [0],
  copyCount: 1,
};
const [GPU, CPU] = devicesOf(MACHINE);

const kindsOf = (violations: readonly { readonly kind: string }[]): string[] => [
  ...new Set(violations.map(({ kind }) => kind)),
];

/** A cache on the CPU that the GPU reads, which is overwritten with what the GPU made of it, and read again. */
function rewrittenCache(): { graph: Graph; schedule: Schedule; placed: ReadonlyMap<Tensor, typeof CPU.bufferType> } {
  const ctx = Context.deferred();
  const caches = Context.immediate();
  const cache = caches.write(caches.newTensor('f32', [8], 'cache'), [1, 2, 3, 4, 5, 6, 7, 8]);
  const half = ctx.scale(cache, 0.5);
  const written = ctx.cpy(half, cache);
  const sum = ctx.setOutput(ctx.add(ctx.neg(ctx.relu(half)), ctx.add(cache, ctx.dup(written))));
  const graph = Graph.forward(sum);
  const placed = new Map([[cache, CPU.bufferType]]);
  const onCpu = graph.nodes.filter(({ op }) => op === 'CPY');
  const pinned = new Map(graph.nodes.map((node) => [node, onCpu.includes(node) ? 1 : 0] as const));
  return { graph, schedule: scheduleGraph(graph, [GPU, CPU], { placed, pinned }), placed };
}

/** The schedule with another order of nodes. */
function changed(schedule: Schedule, nodes: readonly Tensor[]): Schedule {
  const { graph } = schedule;
  const ids = new Map(graph.tensors.map((tensor, id) => [tensor, id]));
  const listed = [...graph.leafs, ...nodes];
  const of = (column: ArrayLike<number>): Int32Array => Int32Array.from(listed, (tensor) => column[ids.get(tensor)!]);
  return {
    ...schedule,
    graph: new Graph({ leafs: graph.leafs, nodes }),
    deviceOf: of(schedule.deviceOf),
    standsFor: of(schedule.standsFor),
    pools: { list: schedule.pools.list, of: Uint8Array.from(of(schedule.pools.of)) },
  };
}

describe('a copy', () => {
  const { graph, schedule, placed } = rewrittenCache();
  const copiesOfCache = schedule.copies.filter(({ of, device }) => of.name === 'cache' && device === 0);

  it('is made anew once its original is overwritten', () => {
    expect(copiesOfCache).toHaveLength(2);
    expect(verifySchedule(graph, schedule, { placed })).toEqual([]);
    for (const allocator of ['auto', 'ggml'] as const) {
      const plan = planGraph(schedule.graph, { pools: schedule.pools, allocator });
      expect(compareScheduled(graph, schedule, plan)).toEqual([]);
    }
  });

  it('is found if it is stale', () => {
    const [first, second] = copiesOfCache.map(({ tensor }) => tensor);
    const reader = schedule.graph.nodes.find(({ sources }) => sources.includes(second))!;
    const sources = reader.sources.map((source) => (source === second ? first : source));
    const stale = remade(reader, { origin: reader.origin, sources });
    const later = new Map<Tensor, Tensor>([[reader, stale]]);
    // What reads the changed node has to be made anew as well.
    const nodes = schedule.graph.nodes.map((node) => {
      if (node === reader) return stale;
      if (!node.sources.some((source) => source !== null && later.has(source))) return node;
      const made = remade(node, { origin: node.origin, sources: node.sources.map((each) => later.get(each!) ?? each) });
      if (schedule.graph.outputs.has(node)) node.origin.markOutput(made);
      later.set(node, made);
      return made;
    });
    const { leafs } = schedule.graph;
    const damaged = { ...schedule, graph: new Graph({ leafs, nodes }) };

    const violations = verifySchedule(graph, damaged, { placed });

    expect(kindsOf(violations)).toEqual(['stale-copy']);
    expect(violations[0].message).toMatch(
      /^stale-copy: GPU0#cache#0 .* holds what cache wrote in bytes \[0, 32\), not what/,
    );
    const plan = planGraph(damaged.graph, { pools: damaged.pools });
    expect(compareScheduled(graph, damaged, plan)).not.toEqual([]);
  });

  it('is found if it comes after its reader', () => {
    const { tensor } = copiesOfCache[1];
    const nodes = schedule.graph.nodes.filter((node) => node !== tensor);
    const reader = nodes.findIndex(({ sources }) => sources.includes(tensor));
    nodes.splice(reader + 1, 0, tensor);
    const late = changed(schedule, nodes);

    expect(kindsOf(verifySchedule(graph, late, { placed }))).toContain('not-made');
    const plan = planGraph(late.graph, { pools: late.pools, allocator: 'ggml' });
    expect(kindsOf(replayPlan(late.graph, plan, { copies: late.copies }))).toContain('not-computed');
  });

  it('is found if it is forgotten', () => {
    for (const { tensor } of schedule.copies) {
      const copies = schedule.copies.filter((copy) => copy.tensor !== tensor);
      expect(kindsOf(verifySchedule(graph, { ...schedule, copies }, { placed }))).toEqual(['unknown-tensor']);
    }
  });

  it('is found missing where a node is moved to a device that does not reach its operands', () => {
    const id = schedule.graph.tensors.findIndex(({ op }) => op === 'NEG');
    const deviceOf = schedule.deviceOf.map((device, other) => (other === id ? 1 : device));
    expect(kindsOf(verifySchedule(graph, { ...schedule, deviceOf }, { placed }))).toContain('unreadable');
  });

  it('reads its original while that is whole', () => {
    let found = 0;
    fc.assert(
      fc.property(arbitraryGraph({ maxMoves: 10 }), arbitraryMachine(), fc.nat(), (drawn, machine, choice) => {
        const { schedule: spread } = spreadOver(drawn, machine);
        const { graph: running, copies, pools } = spread;
        const plan = planGraph(running, { pools, allowOversize: true }).toJSON();
        const step = (tensor: Tensor): number => running.nodes.indexOf(tensor);
        const entryOf = (tensor: Tensor): (typeof plan.tensors)[number] | undefined =>
          plan.tensors.find(({ id, size }) => running.tensors[id] === tensor && size > 0);
        // Somebody else is computed over the original between the original and its copy.
        const pairs = copies.flatMap(({ from, at }) => {
          const holder = entryOf(from!.root);
          if (holder === undefined) return [];
          return running.nodes.slice(step(from!.root) + 1, step(at!) - 1).flatMap((node) => {
            const newcomer = node.operation?.isView === false && !running.inputs.has(node) ? entryOf(node) : undefined;
            const isBare = from!.root === from && newcomer !== undefined && newcomer.offset !== holder.offset;
            return isBare && pools.of[newcomer.id] === pools.of[holder.id] ? [{ holder, newcomer }] : [];
          });
        });
        if (pairs.length === 0) return;
        const { holder, newcomer } = pairs[choice % pairs.length];
        const tensors = plan.tensors.map((entry) =>
          entry === newcomer ? { ...entry, chunk: holder.chunk, offset: holder.offset } : entry,
        );
        const chunks = plan.chunks.map((size) => size + 4096);
        const damaged = { ...plan, chunks, tensors, pools: undefined };
        expect(replayPlan(running, damaged, { copies })).not.toEqual([]);
        found++;
      }),
      { numRuns: 700 },
    );
    expect(found).toBeGreaterThan(20);
  });
});

describe('a plan of several pools', () => {
  const { schedule } = rewrittenCache();
  const { graph, pools, copies } = schedule;
  const plan = planGraph(graph, { pools }).toJSON();

  it('is right as it is', () => {
    expect(plan.pools).toMatchObject([
      { name: 'GPU0', alignment: 128, firstChunk: 0 },
      { name: 'CPU', alignment: 32, firstChunk: 1 },
    ]);
    expect(verifyPlan(graph, plan, { pools })).toEqual([]);
    expect(replayPlan(graph, plan, { pools, copies })).toEqual([]);
  });

  it('has no storage in another pool than its own', () => {
    for (const moved of plan.tensors) {
      const tensors = plan.tensors.map((entry) => (entry === moved ? { ...entry, chunk: 1 - entry.chunk } : entry));
      const chunks = plan.chunks.map(() => 4096);
      const ofPools = plan.pools!.map((pool, chunk) => ({ ...pool, chunks: [chunks[chunk]], bufferSize: 4096 }));
      const damaged = { ...plan, chunks, bufferSize: 8192, pools: ofPools, optimal: false, tensors };
      const [violation] = verifyPlan(graph, damaged, { pools }).filter(({ kind }) => kind === 'wrong-pool');
      expect(violation.message).toMatch(/of pool \w+, but belongs into \w+$/);
      expect(violation.ids).toEqual([moved.id]);
      expect(kindsOf(replayPlan(graph, damaged, { pools, copies }))).toContain('wrong-pool');
    }
  });

  it('has no reuse across pools', () => {
    const isOf =
      (pool: number) =>
      ({ chunk }: (typeof plan.tensors)[number]): boolean =>
        chunk === pool;
    const [dying, reusing] = [plan.tensors.find(isOf(1))!, plan.tensors.find(isOf(0))!];
    const tensors = plan.tensors.map((entry) =>
      entry === reusing ? { ...entry, chunk: dying.chunk, offset: dying.offset } : entry,
    );
    expect(kindsOf(verifyPlan(graph, { ...plan, tensors }, { pools }))).toContain('wrong-pool');
    expect(kindsOf(replayPlan(graph, { ...plan, tensors }, { pools, copies }))).toContain('wrong-pool');
  });

  it('keeps the alignment and the limit of each pool', () => {
    const shifted = plan.tensors.map((entry) => (entry.chunk === 0 ? { ...entry, offset: entry.offset + 32 } : entry));
    const chunks = plan.chunks.map((size) => size + 128);
    const ofPools = plan.pools!.map((pool, chunk) => ({ ...pool, chunks: [chunks[chunk]], bufferSize: chunks[chunk] }));
    const bufferSize = chunks.reduce((a, b) => a + b, 0);
    const damaged = { ...plan, chunks, bufferSize, optimal: false, pools: ofPools, tensors: shifted };
    expect(kindsOf(verifyPlan(graph, damaged))).toEqual(['misaligned']);
    const limited = { list: pools.list.map((pool) => ({ ...pool, maxChunkSize: 8 })), of: pools.of };
    const within = plan.pools!.map((pool) => ({ ...pool, maxChunkSize: 8 }));
    expect(kindsOf(verifyPlan(graph, { ...plan, pools: within }, { pools: limited }))).toEqual(['chunk-limit']);
  });

  it.each([
    ['firstChunk', { firstChunk: 5 }, /pool GPU0 begins at chunk 5, but the pools before it end at 0/],
    ['chunks', { chunks: [7] }, /chunk 0, of pool GPU0, has 7 bytes there, but \d+ in the plan/],
    ['bufferSize', { bufferSize: 7 }, /pool GPU0 takes 7 bytes, but its chunks add up to \d+/],
    ['alignment', { alignment: 96 }, /pool GPU0 has the alignment 96, no power of two/],
    ['name', { name: 'GPU7' }, /pool 0 is GPU7 with .* in the plan, but GPU0 with/],
  ])('says where the %s of a pool is wrong', (_, change, message) => {
    const damaged = plan.pools!.map((pool, index) => (index === 0 ? { ...pool, ...change } : pool));
    const violations = verifyPlan(graph, { ...plan, pools: damaged }, { pools });
    expect(kindsOf(violations)).toContain('bad-size');
    expect(violations.map(({ message: text }) => text).join('\n')).toMatch(message);
  });
});
