/** The verifier catches every way in which a plan can be wrong: right plans are changed, one rule at a time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { planGraph, type Plan } from '../../src/plan/plan.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { Memory } from '../../src/exec/reference/memory.js';
import { ALL_PLANS } from '../support/all-plans.js';
import { expectError } from '../support/expect-error.js';
import { replayPlan } from '../../src/verify/replay.js';
import type { PlanViolation } from '../../src/verify/plan-violation.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import type { PlanLike } from '../../src/verify/plan-like.js';

interface Entry {
  id: number;
  chunk: number;
  offset: number;
  size: number;
}

interface Draft extends PlanLike {
  bufferSize: number;
  chunks: number[];
  tensors: Entry[];
}

/**
 * Two results of 64 bytes that live at once, with something in place:
 *
 *     x ─ y = x² ─ z = relu(y) in place ─┐
 *     └── w = exp(x) ────────────────────┴─ out = z · w
 */
function example(): { graph: Graph; plan: Plan } {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [16], 'x'));
  const y = ctx.setName(ctx.sqr(x), 'y');
  const z = ctx.setName(ctx.relu(y), 'z');
  const w = ctx.setName(ctx.exp(x), 'w');
  const kept = ctx.setOutput(ctx.setName(ctx.mul(z, w), 'kept'));
  const last = ctx.setName(ctx.mulMat(ctx.scale(kept, 2), kept), 'last');
  const graph = Graph.forward(last);
  return { graph, plan: planGraph(graph) };
}

/** Verifies the example's plan after a change to it. */
function afterChange(change: (draft: Draft, entryOf: (name: string) => Entry) => void): PlanViolation[] {
  const { graph, plan } = example();
  // What it says of its own optimality is left out: that would be wrong after most changes.
  const { alignment, bufferSize, chunks, tensors } = plan;
  const draft = JSON.parse(JSON.stringify({ alignment, bufferSize, chunks, tensors })) as Draft;
  const entryOf = (name: string): Entry => draft.tensors.find(({ id }) => graph.tensors[id].name === name)!;
  change(draft, entryOf);
  return verifyPlan(graph, draft, { maxChunkSize: 4096 });
}

const kindsOf = (violations: readonly PlanViolation[]): string[] => [...new Set(violations.map(({ kind }) => kind))];

describe('verifyPlan', () => {
  it('finds nothing in a right plan', () => {
    expect(afterChange(() => {})).toEqual([]);
  });

  it('finds a tensor moved onto another that lives', () => {
    const violations = afterChange((_, entryOf) => (entryOf('w').offset = entryOf('z').offset));
    expect(kindsOf(violations)).toEqual(['overlap']);
    expect(violations[0].message).toMatch(
      /^overlap: \w+ \(\d\) and \w+ \(\d\) share bytes \[\d+, \d+\) of chunk 0 in steps \[\d, \d\)$/,
    );
    expect(violations[0].ids).toHaveLength(2);
  });

  it('finds two that have swapped places', () => {
    const violations = afterChange((_, entryOf) => {
      const [w, y] = [entryOf('w'), entryOf('y')];
      [w.offset, y.offset] = [y.offset, w.offset];
    });
    expect(violations.length).toBeGreaterThan(0);
  });

  it('finds a missing tensor, one planned twice, and one that is not in the graph', () => {
    expect(kindsOf(afterChange((draft) => draft.tensors.pop()))).toEqual(['missing']);
    expect(kindsOf(afterChange((draft) => draft.tensors.push(draft.tensors[0])))).toEqual(['duplicate']);
    for (const id of [99, -1, 0.5, 'length', '__proto__', null] as number[]) {
      expect(kindsOf(afterChange((draft) => draft.tensors.push({ ...draft.tensors[0], id })))).toEqual([
        'unknown-tensor',
      ]);
    }
  });

  it('finds an overwritten output', () => {
    const violations = afterChange((_, entryOf) => (entryOf('last').offset = entryOf('kept').offset));
    expect(kindsOf(violations)).toEqual(['output-overwritten']);
  });

  it('finds an operand overwritten by an operation that may not', () => {
    const ctx = Context.deferred();
    const y = ctx.setName(ctx.sqr(ctx.newTensor('f32', [4, 4])), 'y');
    const graph = Graph.forward(ctx.setName(ctx.mulMat(y, y), 'product'));
    const plan = planGraph(graph, { reuse: 'off' }).toJSON();
    const place = plan.tensors.find(({ name }) => name === 'y')!;
    const tensors = plan.tensors.map((entry) =>
      entry.name === 'product' ? { ...entry, offset: place.offset } : entry,
    );
    expect(kindsOf(verifyPlan(graph, { ...plan, tensors }))).toEqual(['in-place-not-allowed']);
  });

  it('finds a misaligned tensor', () => {
    const shift = (bytes: number) => (draft: Draft, entryOf: (name: string) => Entry) => {
      entryOf('last').offset = draft.bufferSize + bytes;
      draft.bufferSize = draft.chunks[0] = draft.bufferSize + 4096 / 2;
    };
    expect(kindsOf(afterChange(shift(4)))).toEqual(['misaligned']);
    expect(kindsOf(afterChange(shift(0)))).toEqual([]);
    expect(kindsOf(afterChange(shift(0.5)))).toEqual(['misaligned']);
    expect(kindsOf(afterChange(shift(NaN)))).toEqual(['wrong-entry']);
  });

  it('finds a tensor outside its chunk, or in no chunk', () => {
    expect(kindsOf(afterChange((draft, entryOf) => (entryOf('last').offset = draft.bufferSize)))).toEqual([
      'out-of-arena',
    ]);
    expect(kindsOf(afterChange((_, entryOf) => (entryOf('last').offset = -32)))).toEqual(['out-of-arena']);
    expect(kindsOf(afterChange((_, entryOf) => (entryOf('last').chunk = 1)))).toEqual(['out-of-arena']);
    expect(kindsOf(afterChange((_, entryOf) => (entryOf('last').chunk = -1)))).toEqual(['out-of-arena']);
    expect(kindsOf(afterChange((_, entryOf) => (entryOf('last').chunk = 'length' as never)))).toContain('wrong-entry');
  });

  it('finds sizes that do not add up, and a chunk above its limit', () => {
    expect(kindsOf(afterChange((draft) => draft.bufferSize++))).toEqual(['bad-size']);
    expect(kindsOf(afterChange((draft) => (draft.chunks[0] = draft.bufferSize = 8192)))).toEqual(['chunk-limit']);
    expect(kindsOf(afterChange((draft) => draft.chunks.push(32)))).toEqual(['bad-size']);
  });

  it('finds bytes overwritten that are read later through a view, of a view too', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [8, 4], 'x'));
    const y = ctx.setName(ctx.sqr(x), 'y');
    const lastRows = ctx.view(ctx.view(y, [8, 3], [32], 32), [8, 1], [32], 64);
    const z = ctx.setName(ctx.exp(x), 'z');
    const last = ctx.mulMat(ctx.setName(ctx.cont(lastRows), 'part'), z);
    const graph = Graph.forward([y, lastRows, z, last]);
    const plan = planGraph(graph, { reuse: 'off' }).toJSON();
    const [ofY, ofZ] = ['y', 'z'].map((name) => plan.tensors.find((entry) => entry.name === name)!);
    const tensors = plan.tensors.map((entry) => (entry === ofZ ? { ...entry, offset: ofY.offset } : entry));
    const [read, overwritten] = [graph.nodes.findIndex(({ name }) => name === 'part'), graph.nodes.indexOf(z)];
    expect(verifyPlan(graph, { ...plan, tensors })).toMatchObject([
      {
        kind: 'stale-view',
        ids: [graph.tensors.indexOf(lastRows), ofZ.id],
        steps: [overwritten, read + 1],
        bytes: [ofY.offset + 96, ofY.offset + 128],
      },
    ]);
    expect(verifyPlan(graph, plan)).toEqual([]);
  });

  it('does not let a node that is an input take over what is there before the first step', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [8], 'x'));
    const y = ctx.setInput(ctx.setName(ctx.relu(x), 'y'));
    const graph = Graph.forward(y);
    const tensors = [0, 1].map((id) => ({ id, chunk: 0, offset: 0 }));
    const plan = { alignment: 32, bufferSize: 32, chunks: [32], tensors };
    expect(verifyPlan(graph, plan)).toMatchObject([{ kind: 'overlap', ids: [0, 1], steps: [0, 1], bytes: [0, 32] }]);
  });

  it('lets no leaf take over what is there before the first step, and lists those by the second one, then the first', () => {
    const ctx = Context.deferred();
    const leafs = ['a', 'b', 'c', 'd'].map((name) => ctx.newTensor('f32', [8], name));
    const graph = Graph.forward(ctx.custom(leafs, { type: 'f32', ne: [8] }));
    const offsets = [0, 32, 32, 0, 64];
    const tensors = offsets.map((offset, id) => ({ id, chunk: 0, offset }));
    const violations = verifyPlan(graph, { alignment: 32, bufferSize: 96, chunks: [96], tensors });
    expect(violations.map(({ kind, ids }) => [kind, ...ids])).toEqual([
      ['overlap', 1, 2],
      ['overlap', 0, 3],
    ]);
  });

  it('takes a chunk by its number alone, whatever a plan file calls it', () => {
    const chunk = '0' as unknown as number;
    expect(kindsOf(afterChange((_, entryOf) => (entryOf('last').chunk = chunk)))).toEqual(['wrong-entry']);
  });

  it('takes what only earlier nodes read as needed while it is written', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [8], 'x'));
    const a = ctx.setName(ctx.relu(x), 'a');
    const { leafs, tensors, nodes } = Graph.forward(ctx.setOutput(ctx.neg(a)));
    const backwards = new Graph({ leafs, tensors, nodes: [...nodes].reverse() });
    const places = (offset: number): PlanLike => {
      const entries = tensors.map((_, id) => ({ id, chunk: id, offset: 0 }));
      const together = tensors.map((tensor, id) => ({ id, chunk: 0, offset: tensor === a ? offset : id * 32 }));
      return offset < 0
        ? { alignment: 32, bufferSize: 96, chunks: [32, 32, 32], tensors: entries }
        : { alignment: 32, bufferSize: 96, chunks: [96], tensors: together };
    };
    expect(verifyPlan(backwards, places(-1))).toEqual([]); // which order is none of geometry's business
    expect(verifyPlan(backwards, places(64)).map(({ kind }) => kind)).toEqual(['output-overwritten']);
  });

  it('names tensor, steps and bytes whatever the rule', () => {
    const first = (change: Parameters<typeof afterChange>[0]): PlanViolation => afterChange(change)[0];
    const violations = [
      first((draft) => draft.tensors.shift()),
      first((_, entryOf) => (entryOf('last').offset += 4)),
      first((_, entryOf) => (entryOf('last').offset = 4096)),
      first((_, entryOf) => (entryOf('last').size = 1)),
    ];
    expect(violations.map(({ kind }) => kind)).toEqual(['missing', 'misaligned', 'out-of-arena', 'wrong-entry']);
    for (const { kind, ids, steps, bytes, message } of violations) {
      expect(ids).toHaveLength(1);
      expect(message).toMatch(
        new RegExp(`^${kind}: \\w+ \\(${ids[0]}\\), needed in steps \\[${steps!.join(', ')}\\), `),
      );
      if (kind !== 'missing') expect(bytes![1]).toBeGreaterThan(bytes![0]);
    }
    const { message } = first((draft) => draft.tensors.push(draft.tensors[0]));
    expect(message).toMatch(/^duplicate: x \(0\) is planned twice, again in bytes \[\d+, \d+\) of chunk 0$/);
  });

  it('lists collisions by the step at which the second tensor comes to life', () => {
    const violations = afterChange((draft) => draft.tensors.forEach((entry) => (entry.offset = 0)));
    const steps = violations.map((violation) => violation.steps![0]);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(steps.length).toBeGreaterThan(3);
  });
});

describe('limits of chunks', () => {
  it('hold for plans that were made under them, oversized tensors included', () => {
    const limits = fc.record({ maxChunkSize: fc.constantFrom(32, 100, 256, 1000), allowOversize: fc.constant(true) });
    const options = fc.tuple(limits, fc.constantFrom(...ALL_PLANS), fc.constantFrom(1, 32, 64));
    let oversized = 0;
    fc.assert(
      fc.property(arbitraryGraph({ maxMoves: 10 }), options, (graph, [limit, { allocator, reuse }, alignment]) => {
        const plan = planGraph(graph, { allocator, reuse, alignment, ...limit });
        if (allocator === 'ggml' && plan.chunks.length >= 16) return; // its last chunk knows no limit
        expect(verifyPlan(graph, plan, limit)).toEqual([]);
        if (plan.chunks.some((size) => size > limit.maxChunkSize)) oversized++;
      }),
      { numRuns: 300 },
    );
    expect(oversized).toBeGreaterThan(30);
  });
});

describe('what a plan says of its tensors', () => {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [8], 'x'));
  const graph = Graph.forward(ctx.setOutput(ctx.sqr(x)));
  const plan = planGraph(graph, { reuse: 'off' }).toJSON();
  const kindsWith = (change: Partial<(typeof plan.tensors)[number]>): string[] =>
    verifyPlan(graph, { ...plan, tensors: [{ ...plan.tensors[0], ...change }, plan.tensors[1]] }).map(
      ({ kind }) => kind,
    );

  it('is checked: name, size and live range', () => {
    expect(kindsWith({})).toEqual([]);
    expect(kindsWith({ name: 'y' })).toEqual(['wrong-entry']);
    expect(kindsWith({ size: 31 })).toEqual(['wrong-entry']);
    expect(kindsWith({ end: 0 })).toEqual(['wrong-entry']);
    expect(kindsWith({ start: 1 })).toEqual(['wrong-entry']);
    for (const field of ['size', 'start', 'end']) expect(kindsWith({ [field]: NaN })).toEqual(['wrong-entry']);
  });

  it('is checked: the place of what lies elsewhere', () => {
    const halfway = ctx.view(x, [4], [], 16);
    const outside = Context.immediate().newTensor('f32', [4], 'outside');
    const withView = Graph.forward(ctx.setOutput(ctx.add(halfway, outside)));
    const right = planGraph(withView, { reuse: 'off' }).toJSON();
    const owner = right.tensors.find(({ id }) => withView.tensors[id] === x)!;
    const kindsFor = (tensor: Tensor, offset: number, chunk = 0): string[] => {
      const entry = { id: withView.tensors.indexOf(tensor), chunk, offset };
      return verifyPlan(withView, { ...right, tensors: [entry, ...right.tensors] }).map(({ kind }) => kind);
    };
    expect(kindsFor(halfway, owner.offset + 16)).toEqual([]);
    expect(kindsFor(halfway, owner.offset)).toEqual(['wrong-entry']);
    expect(kindsFor(halfway, owner.offset + 16, 1)).toEqual(['wrong-entry']);
    expect(kindsFor(outside, 0)).toEqual(['wrong-entry']);
  });

  it('must be an object each', () => {
    for (const entry of [null, 7, undefined] as unknown as typeof plan.tensors) {
      expectError('BAD_ARGUMENT', 'plan', () => verifyPlan(graph, { ...plan, tensors: [entry] }));
      expectError('BAD_ARGUMENT', 'plan', () => verifyPlan(graph, { ...plan, tensors: [...plan.tensors, entry] }));
    }
    const holes = new Array<(typeof plan.tensors)[number]>(2);
    expectError('BAD_ARGUMENT', 'plan', () => verifyPlan(graph, { ...plan, tensors: holes }));
    expectError('BAD_ARGUMENT', 'plan', () => replayPlan(graph, { ...plan, tensors: holes }));
  });

  it('must be plain values, which can be named', () => {
    let deep: unknown = [];
    for (let depth = 0; depth < 100_000; depth++) deep = [deep];
    for (const value of [deep, {}, 10n, Symbol('s'), () => 1] as never[]) {
      for (const field of ['id', 'chunk', 'offset', 'name', 'size', 'start', 'end']) {
        const tensors = [plan.tensors[0], { ...plan.tensors[1], [field]: value }];
        expectError('BAD_ARGUMENT', 'plan', () => verifyPlan(graph, { ...plan, tensors }));
        expectError('BAD_ARGUMENT', 'plan', () => replayPlan(graph, { ...plan, tensors }));
        expectError('BAD_ARGUMENT', 'plan', () => Memory.planned(graph, { ...plan, tensors }));
      }
      for (const field of ['alignment', 'bufferSize', 'lowerBound', 'isOptimal', 'optimal']) {
        expectError('BAD_ARGUMENT', 'plan', () => verifyPlan(graph, { ...plan, [field]: value }));
      }
      expectError('BAD_ARGUMENT', 'plan', () => verifyPlan(graph, { ...plan, chunks: [value] }));
    }
  });

  it('is a plan only with chunks and tensors', () => {
    for (const bad of [
      null,
      {},
      { tensors: [] },
      { chunks: [] },
      { tensors: {}, chunks: [] },
      { tensors: [], chunks: {} },
    ]) {
      expectError('BAD_ARGUMENT', 'plan', () => verifyPlan(graph, bad as never));
    }
  });

  it('is checked: alignment', () => {
    for (const alignment of [-32, 0.5, 3, NaN, '32' as never]) {
      expect(verifyPlan(graph, { ...plan, alignment }).map(({ kind }) => kind)).toContain('bad-size');
    }
  });

  it('is checked: bound and optimality', () => {
    expect(verifyPlan(graph, { ...plan, lowerBound: NaN, optimal: false })).toMatchObject([{ kind: 'bad-size' }]);
    expect(verifyPlan(graph, { ...plan, lowerBound: 1 })).toMatchObject([{ kind: 'bad-size' }]);
    expect(verifyPlan(graph, { ...plan, lowerBound: plan.bufferSize + 1, optimal: false })).toMatchObject([
      { kind: 'bad-size' },
    ]);
  });
});
