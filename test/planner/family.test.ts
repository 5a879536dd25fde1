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

describe('planFamily', () => {
  const build = ({ length }: LengthDims): Graph => sumOf(length, 1);

  it('takes no more than the largest graph', () => {
    const family = planFamily(build, { length: [1, 1000] });
    expect(family.bufferSize).toBe(planGraph(build({ length: 1000 })).bufferSize);
    expect(family.chunks).toEqual([family.bufferSize]);
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
