/**
 * A read through a view whose bytes another storage has taken: told from an overlap by who reads what when, and compared
 * with that definition byte by byte, a view being all from its first byte to its last.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/graph/context.js';
import { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/graph/json-reader.js';
import { graphToJson } from '../../src/graph/json.js';
import { findOperation } from '../../src/graph/operations.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { planGraph } from '../../src/plan/plan.js';
import type { PlanViolation } from '../../src/verify/plan-violation.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import type { PlanLike } from '../../src/verify/plan-like.js';

/**
 *     step   0          1              2          3
 *            y = x²     z = exp(x)     read       end = read · z       `read` reads what the test says, `y` or a view of it
 */
function example(seenOf: (ctx: Context, y: Tensor) => Tensor): {
  graph: Graph;
  verify: (offsetOfZ: number) => object[];
} {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [8, 4], 'x'));
  const y = ctx.setName(ctx.sqr(x), 'y');
  const z = ctx.setName(ctx.exp(x), 'z');
  const seen = seenOf(ctx, y);
  const read = ctx.setName(ctx.cont(seen), 'read');
  const end = ctx.setOutput(ctx.setName(ctx.custom([read, z], { type: 'f32', ne: [8] }), 'end'));
  const views = seen === y ? [] : [seen];
  const graph = Graph.forward([y, ...views, z, read, end]);
  const offsets: Record<string, number> = { x: 0, y: 128, z: 256, read: 384, end: 512 };
  const verify = (offsetOfZ: number): object[] => {
    const places = { ...offsets, z: offsetOfZ };
    const tensors = graph.tensors.flatMap(({ name }, id) => {
      return name in places ? [{ id, chunk: 0, offset: places[name as keyof typeof places] }] : [];
    });
    const plan = { alignment: 32, bufferSize: 544, chunks: [544], tensors };
    return verifyPlan(graph, plan).map(({ kind, ids, steps, bytes }) => ({
      kind,
      names: ids.map((id) => graph.tensors[id].name),
      steps: steps!.map((step) => graph.nodes[step - 1]?.name),
      bytes,
    }));
  };
  return { graph, verify };
}

describe('a storage that is read last through a view', () => {
  const rows = (ctx: Context, y: Tensor): Tensor => ctx.setName(ctx.view(y, [8, 2], [32], 64), 'rows');

  it('has a stale view where the view has lost bytes', () => {
    const { graph, verify } = example(rows);
    expect(verify(256)).toEqual([]);
    // z over y as a whole, and over its last 32 bytes.
    expect(verify(128)).toEqual([
      { kind: 'stale-view', names: ['rows', 'z'], steps: ['rows', 'read'], bytes: [192, 256] },
    ]);
    expect(verify(224)).toEqual([
      { kind: 'stale-view', names: ['rows', 'z'], steps: ['rows', 'read'], bytes: [224, 256] },
    ]);
    expect(graph.nodes.map(({ name }) => name)).toEqual(['y', 'rows', 'z', 'read', 'end']);
  });

  it('overlaps where other bytes of it are lost', () => {
    const { verify } = example((ctx, y) => ctx.setName(ctx.view(y, [8], [], 96), 'last row'));
    expect(verify(96)).toMatchObject([
      { kind: 'in-place-not-allowed', names: ['x', 'z'] },
      { kind: 'overlap', names: ['y', 'z'], bytes: [128, 224] },
    ]);
  });

  it('is taken from the first byte of the view to its last, whatever its strides', () => {
    // A column of four elements, 32 bytes apart, from byte 4 on.
    const { verify } = example((ctx, y) => ctx.setName(ctx.view(y, [1, 4], [32], 4), 'column'));
    expect(verify(224)).toMatchObject([{ kind: 'stale-view', names: ['column', 'z'], bytes: [224, 232] }]);
    expect(verify(128)).toMatchObject([{ kind: 'stale-view', names: ['column', 'z'], bytes: [132, 232] }]);
  });

  it('overlaps where it is read itself', () => {
    const { verify } = example((_, y) => y);
    expect(verify(128)).toMatchObject([{ kind: 'overlap', names: ['y', 'z'], bytes: [128, 256] }]);
  });
});

describe('a broken plan of a graph', () => {
  const ctx = Context.deferred();
  const byName = (graph: Graph, offsets: Readonly<Record<string, number>>): PlanViolation[] => {
    const tensors = graph.tensors.flatMap(({ name }, id) =>
      name in offsets ? [{ id, chunk: 0, offset: offsets[name] }] : [],
    );
    return verifyPlan(graph, { alignment: 1, bufferSize: 1024, chunks: [1024], tensors });
  };
  const named = (graph: Graph, violations: readonly PlanViolation[]): string[] =>
    violations.map(({ kind, ids }) => [kind, ...ids.map((id) => graph.tensors[id].name)].join(' '));

  it('has a stale view from the first step on, if its leaf is never read itself', () => {
    const x = ctx.newTensor('f32', [8], 'x');
    const half = ctx.setName(ctx.view(x, [4], [], 16), 'half');
    const z = ctx.setName(ctx.sqr(ctx.setInput(ctx.newTensor('f32', [8], 'other'))), 'z');
    const end = ctx.setOutput(ctx.setName(ctx.custom([half, z], { type: 'f32', ne: [8] }), 'end'));
    const graph = Graph.forward([z, end]);
    expect(graph.nodes[0]).toBe(z);
    expect(named(graph, byName(graph, { x: 0, other: 64, z: 0, end: 128 }))).toEqual(['stale-view half z']);
  });

  it('has an overwritten output, not a stale view, where the storage must last anyway', () => {
    const x = ctx.setInput(ctx.newTensor('f32', [8], 'x'));
    const y = ctx.setOutput(ctx.setName(ctx.sqr(x), 'y'));
    const half = ctx.setName(ctx.view(y, [4], [], 16), 'half');
    const z = ctx.setName(ctx.exp(x), 'z');
    const end = ctx.setOutput(ctx.setName(ctx.custom([half, z], { type: 'f32', ne: [8] }), 'end'));
    const graph = Graph.forward([y, z, end]);
    expect(named(graph, byName(graph, { x: 0, y: 64, z: 64, end: 128 }))).toEqual(['output-overwritten y z']);
  });

  it('may have empty slots, casts that name themselves, and operations that nobody knows', () => {
    const x = ctx.setInput(ctx.newTensor('f32', [4, 2, 2], 'x'));
    const y = ctx.setName(ctx.softMax(x, { sinks: ctx.newTensor('f32', [2], 'sinks') }), 'y'); // no mask
    const half = ctx.setName(ctx.cast(y, 'f16'), 'half');
    const top = ctx.setName(ctx.view(half, [4], [], 8), 'top');
    const z = ctx.setName(ctx.exp(x), 'z');
    const end = ctx.setOutput(ctx.setName(ctx.custom([top, z], { type: 'f32', ne: [8] }), 'end'));
    const offsets = { x: 0, sinks: 64, y: 128, half: 256, z: 256, end: 512 };
    const graph = Graph.forward([half, top, z, end]);
    expect(half.sources).toContain(half);
    expect(named(graph, byName(graph, offsets))).toEqual(['stale-view top z']);
    const json = graphToJson(graph);
    const unknown = {
      ...json,
      tensors: json.tensors.map((row) => (row.name === 'end' ? { ...row, op: 'MINE' } : row)),
    };
    const read = graphFromJson(unknown);
    expect(named(read, byName(read, offsets))).toEqual(['stale-view top z']);
  });
});

/** A plan with all storages moved to where the numbers say. */
function movedPlan(graph: Graph, moves: readonly number[]): PlanLike {
  const tensors = planGraph(graph).tensors.map(({ id, chunk, offset }, i) => {
    return { id, chunk, offset: offset + 32 * (moves.length === 0 ? 0 : moves[i % moves.length]) };
  });
  return { alignment: 32, bufferSize: 2 ** 20, chunks: [2 ** 20], tensors };
}

function bytesOf({ ne, nb, type, viewOffset }: Tensor): number[] {
  const count = ne[0] * ne[1] * ne[2] * ne[3];
  return Array.from({ length: count }, (_, i) => {
    const at = [i % ne[0], Math.floor(i / ne[0]) % ne[1], Math.floor(i / ne[0] / ne[1]) % ne[2]];
    const last = Math.floor(i / ne[0] / ne[1] / ne[2]);
    const start = viewOffset + [...at, last].reduce((sum, index, dim) => sum + index * nb[dim], 0);
    return Array.from({ length: type.blockBytes }, (_, byte) => start + byte);
  }).flat();
}

/** Stale views by their definition: every view of every storage against everything that is computed over it. */
function staleViews(graph: Graph, plan: PlanLike, collisions: readonly PlanViolation[]): string[] {
  const { tensors, nodes, inputs } = graph;
  const offsetOf = new Map(plan.tensors.map(({ id, offset }) => [tensors[id], offset]));
  const readers = (tensor: Tensor): number[] =>
    nodes.flatMap((node, step) => {
      const computes = findOperation(node.op)?.isView !== true;
      return computes && node !== tensor && node.sources.includes(tensor) ? [step] : [];
    });
  const collides = new Set(
    collisions.map(({ ids: [first, second] }) => `${tensors.indexOf(tensors[first].root)} ${second}`),
  );
  return tensors.flatMap((view, id) => {
    const bottom = offsetOf.get(view.root);
    if (!view.isView || bottom === undefined) return [];
    const occupied = bytesOf(view);
    const [start, end] = [Math.min(...occupied), Math.max(...occupied) + 1];
    const bytes = occupied.length === 0 ? [] : Array.from({ length: end - start }, (_, byte) => start + byte);
    return [...offsetOf].flatMap(([other, otherBottom]) => {
      const step = nodes.indexOf(other);
      if (other === view.root || step < 0 || inputs.has(other)) return [];
      const isReported = collides.has(`${tensors.indexOf(view.root)} ${tensors.indexOf(other)}`);
      const isReadLater = Math.max(...readers(view)) > step && !readers(view.root).some((at) => at > step);
      const lost = bytes
        .map((byte) => bottom + byte)
        .filter((byte) => byte >= otherBottom && byte < otherBottom + other.byteLength);
      if (!isReported || !isReadLater || lost.length === 0) return [];
      const last = Math.max(...readers(view)) + 1;
      return [
        `${id} ${tensors.indexOf(other)}, steps ${step} ${last}, bytes ${Math.min(...lost)} ${Math.max(...lost) + 1}`,
      ];
    });
  });
}

it('says which views are stale, when and where, on plans moved at random', () => {
  let found = 0;
  const moves = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 7 });
  fc.assert(
    fc.property(arbitraryGraph({ maxMoves: 12 }), moves, (graph, numbers) => {
      const plan = movedPlan(graph, numbers);
      const violations = verifyPlan(graph, plan);
      const candidates = violations.filter(({ kind }) => kind === 'overlap' || kind === 'stale-view');
      const said = candidates.filter(({ kind }) => kind === 'stale-view');
      const lines = said.map(
        ({ ids, steps, bytes }) => `${ids.join(' ')}, steps ${steps!.join(' ')}, bytes ${bytes!.join(' ')}`,
      );
      expect(lines.sort()).toEqual(staleViews(graph, plan, candidates).sort());
      found += said.length;
    }),
    { numRuns: 1000 },
  );
  expect(found).toBeGreaterThan(20);
});
