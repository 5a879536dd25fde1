import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context, Graph, planFamily, planGraph, verifyPlan, type Dims } from '../../src/index.js';
import { assertPlanCorrect } from '../../src/testing/assert-plan-correct.js';
import { expectError } from '../support/expect-error.js';
import { graphFamilies } from '../support/graph-families.js';
import { runsOf } from '../support/runs.js';

type LengthDims = Dims<'length'>;

/** Rows of two inputs, of which the second has one row up to the given length. */
function sumOf(length: number, rows: number): Graph {
  const ctx = Context.deferred();
  const a = ctx.scale(ctx.setInput(ctx.newTensor('f32', [64, length], 'a')), 2);
  const b = ctx.scale(ctx.setInput(ctx.newTensor('f32', [64, rows], 'b')), 3);
  return Graph.forward(ctx.setOutput(ctx.tanh(ctx.add(a, b))));
}

describe('arbitrary families', () => {
  it('have one plan that is right at every point of the box', () => {
    let reused = 0;
    fc.assert(
      fc.property(graphFamilies, fc.constantFrom('auto', 'ggml', 'greedy-by-size'), ({ build, box }, allocator) => {
        const family = planFamily(build, box, { allocator });
        expect(family.findUncovered()).toBeNull();
        for (let n = box.n[0]; n <= box.n[1]; n++) {
          for (const m of [0, 1]) {
            const plan = family.at({ n, m });
            expect(plan.bufferSize).toBe(family.bufferSize);
            assertPlanCorrect(plan.graph, plan);
            reused += planGraph(plan.graph).shares.filter(({ why }) => why === 'reuse').length;
          }
        }
      }),
      { numRuns: runsOf(300) },
    );
    expect(reused).toBeGreaterThan(0);
  });

  it('say what each corner costs by itself', () => {
    fc.assert(
      fc.property(graphFamilies, ({ build, box }) => {
        const family = planFamily(build, box);
        for (const { dims, bufferSize, ratio } of family.costs()) {
          expect(ratio).toBe(bufferSize === 0 ? Infinity : family.bufferSize / bufferSize);
          expect(planGraph(build(dims)).bufferSize).toBe(bufferSize);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('reuse that only some shapes allow', () => {
  // At the greatest length both operands have the shape of the sum; at others the second one is repeated.
  const build = ({ length, isEqual }: Dims<'length' | 'isEqual'>): Graph => sumOf(length, isEqual === 1 ? length : 1);

  it('is left out where a corner does not allow it', () => {
    const family = planFamily(build, { length: [1, 32], isEqual: [0, 1] });
    expect(family.findUncovered()).toBeNull();
    for (const isEqual of [0, 1]) {
      const plan = family.at({ length: 17, isEqual });
      expect(verifyPlan(plan.graph, plan)).toEqual([]);
    }
  });

  it('is found out where the corners did not show it', () => {
    // Equal in the corners and the centre, repeated elsewhere; a is an output, so the sum can only take the bytes of b.
    const isCorner = (length: number): boolean => [1, 16, 32].includes(length);
    const hidden = ({ length }: LengthDims): Graph => {
      const ctx = Context.deferred();
      const a = ctx.setOutput(ctx.scale(ctx.setInput(ctx.newTensor('f32', [64, length], 'a')), 2));
      const b = ctx.scale(ctx.setInput(ctx.newTensor('f32', [64, isCorner(length) ? length : 1], 'b')), 3);
      return Graph.forward(ctx.setOutput(ctx.tanh(ctx.add(a, b))));
    };
    const family = planFamily(hidden, { length: [1, 32] }, { runtime: 'none' });
    expect(family.findUncovered()?.dims).toEqual({ length: 2 });
    const error = expectError('OUTSIDE_FAMILY', /./, () => family.at({ length: 2 }));
    expect(error.message).toMatch(
      /^The graph is not one of the family: A result lies over `node_\d+` in the reservation/,
    );
    expect(family.at({ length: 16 }).bufferSize).toBe(family.bufferSize);
  });
});

describe('arbitrary families that grow', () => {
  it('are right at every point, and take no more than at the greatest length', () => {
    let grown = 0;
    fc.assert(
      fc.property(graphFamilies, fc.constantFrom('auto', 'greedy-by-size'), ({ build, box: { n } }, allocator) => {
        const box = { n: [n[0], n[1] + 3], m: [1, 1] } as const;
        const family = planFamily(build, box, { allocator, grows: 'n' });
        let before = 0;
        for (let at = box.n[0]; at <= box.n[1]; at++) {
          const graph = build({ n: at, m: 1 });
          const plan = family.plan(graph, { n: at, m: 1 });
          assertPlanCorrect(graph, plan);
          expect(plan.bufferSize).toBe(family.bufferSizeAt({ n: at, m: 1 }));
          expect(plan.bufferSize).toBeGreaterThanOrEqual(before);
          if (before > 0 && plan.bufferSize > before) grown++;
          before = plan.bufferSize;
        }
        expect(before).toBe(family.bufferSize);
      }),
      { numRuns: runsOf(300) },
    );
    expect(grown).toBeGreaterThan(0);
  });
});

describe('an arena that grows', () => {
  const build = ({ length }: LengthDims): Graph => {
    const ctx = Context.deferred();
    const scores = ctx.softMax(ctx.setInput(ctx.newTensor('f32', [length, 8], 'scores')));
    const window = ctx.tanh(ctx.setInput(ctx.newTensor('f32', [Math.min(length, 64), 8], 'window')));
    return Graph.forward([ctx.setOutput(ctx.add(scores, ctx.tanh(scores))), ctx.setOutput(window)]);
  };

  it('has a buffer that is linear in the length, and offsets that are', () => {
    const family = planFamily(build, { length: [1, 1001] }, { grows: 'length' });
    const sizes = [1, 501, 1001].map((length) => family.bufferSizeAt({ length }));
    expect(sizes[2] - sizes[1]).toBe(sizes[1] - sizes[0]);
    expect(sizes[0]).toBeLessThan(sizes[2] / 5);
    const offsets = [1, 501, 1001].map((length) => family.at({ length }).tensors.map(({ offset }) => offset));
    offsets[0].forEach((offset, id) => {
      expect(offsets[2][id] - offsets[1][id]).toBe(offsets[1][id] - offset);
    });
    expect(family.bufferSize).toBeLessThan(1.01 * planGraph(build({ length: 1001 })).bufferSize + 1024);
  });

  it('begins higher for what grows faster at first', () => {
    const family = planFamily(build, { length: [1, 200] }, { grows: 'length' });
    expect(family.findUncovered()).toBeNull();
    for (const length of [1, 2, 63, 64, 65, 199]) assertPlanCorrect(build({ length }), family.at({ length }));
  });

  it('gives a graph the buffer of the greatest length where its length is not said', () => {
    const family = planFamily(build, { length: [1, 200] }, { grows: 'length' });
    expect(family.plan(build({ length: 7 })).bufferSize).toBe(family.bufferSize);
    expectError('OUTSIDE_FAMILY', /./, () => family.plan(build({ length: 150 }), { length: 99 }));
  });

  it('takes one chunk, or is refused', () => {
    const within = (maxChunkSize: number): number => {
      return planFamily(build, { length: [1, 9] }, { grows: 'length', maxChunkSize }).bufferSize;
    };
    const size = within(Infinity);
    expect(within(size)).toBe(size);
    expectError('BAD_ARGUMENT', /maxChunkSize/, () => within(size - 1));
  });

  it('is refused for several structures, and a length that does not change', () => {
    const other = ({ length }: LengthDims): Graph => sumOf(length, 1 + (length % 2) * (length - 1));
    const differing = ({ length }: LengthDims): Graph => (length === 1 ? build({ length }) : other({ length }));
    expectError('BAD_ARGUMENT', /build/, () => planFamily(differing, { length: [1, 9] }, { grows: 'length' }));
    expectError('BAD_ARGUMENT', /box\.length/, () => planFamily(build, { length: [9, 9] }, { grows: 'length' }));
    expectError('BAD_ARGUMENT', /grows/, () => planFamily(build, { length: [1, 9] }, { grows: 'width' as 'length' }));
  });
});

describe('planFamily', () => {
  const build = ({ length }: LengthDims): Graph => sumOf(length, 1);

  it('takes no more than the largest graph', () => {
    const family = planFamily(build, { length: [1, 1000] });
    expect(family.bufferSize).toBe(planGraph(build({ length: 1000 })).bufferSize);
    expect(family.bufferSizeAt({ length: 1 })).toBe(family.bufferSize);
    expect(family.costs().map(({ dims }) => dims)).toEqual([{ length: 1000 }, { length: 1 }]);
  });

  it('gives the same offsets at every length', () => {
    const family = planFamily(build, { length: [1, 1000] });
    const offsetsAt = (length: number): number[] => family.at({ length }).tensors.map(({ offset }) => offset);
    expect(offsetsAt(3)).toEqual(offsetsAt(1000));
  });

  it('refuses a graph of another structure, or larger than the box', () => {
    const family = planFamily(build, { length: [1, 10] });
    expect(expectError('OUTSIDE_FAMILY', /./, () => family.plan(sumOf(11, 1))).message).toBe(
      'The graph is not one of the family: `a` takes 2816 bytes, but 2560 are reserved. Widen the box, or plan the graph by itself with planGraph.',
    );
    const other = Graph.forward(Context.deferred().newTensor('f32', [1]));
    expect(expectError('OUTSIDE_FAMILY', /./, () => family.plan(other)).value).toBe(
      'The graph has 0 nodes and 1 leafs, but 4 nodes and 2 leafs are reserved.',
    );
  });

  it('refuses lengths outside the box, names that it does not have, and boxes that are none', () => {
    const family = planFamily(build, { length: [1, 10] });
    expect(expectError('BAD_ARGUMENT', /./, () => family.at({ length: 11 })).message).toBe(
      '`length` is 11, but must be a whole number from 1 to 10, as in the box. Widen the box of the family.',
    );
    expectError('BAD_ARGUMENT', /./, () => family.at({ length: 1.5 }));
    expectError('BAD_ARGUMENT', /./, () => family.at({ length: 1, width: 2 } as LengthDims));
    expectError('BAD_ARGUMENT', /./, () => planFamily(build, { length: [2, 1] }));
    expectError('BAD_ARGUMENT', /./, () => planFamily(build, {} as { length: [number, number] }));
    expectError('BAD_ARGUMENT', /./, () => planFamily(build, { length: [1, 2] }, { pools: null } as object));
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`d${index}`, [1, 2] as const]));
    expectError('BAD_ARGUMENT', /./, () => planFamily(() => sumOf(1, 1), many));
  });
});
