/**
 * Live ranges cut at their gaps: every cut agrees at each step with the buffer as written.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buffersWithWindows, busyStretches, idleStretches, neededParts, partsOf } from '../../src/problem/parts.js';
import { createProblem, type BufferSpec } from '../../src/problem/problem.js';
import { tinyBuffers } from '../support/problems.js';

const LAST_STEP = 14;
/** Something begins or ends at every step from 0 to the last one, so that no step is renumbered. */
const EACH_STEP = Array.from({ length: LAST_STEP }, (_, start) => ({ size: 1, start, end: start + 1 }));
const STEPS = [...EACH_STEP.keys()];

/** `lower-upper` of what a buffer needs at a step; empty if it needs nothing. */
function need({ start, end, size, gaps = [] }: BufferSpec, step: number): string {
  if (step < start || step >= end) return '';
  const gap = gaps.find((each) => each.start <= step && step < each.end);
  const { lower = 0, upper = lower } = gap ?? { upper: size };
  return lower < upper ? `${lower}-${upper}` : '';
}

/** Problems with gaps, and with a second gap that touches the first one. */
const problems = fc.tuple(tinyBuffers({ maxStep: LAST_STEP - 1 }), fc.boolean()).map(([buffers, touches]) =>
  buffers.map((buffer) => {
    const [gap] = buffer.gaps ?? [];
    if (!touches || gap === undefined || gap.end === buffer.end) return buffer;
    return { ...buffer, gaps: [gap, { start: gap.end, end: buffer.end }] };
  }),
);

describe('parts of live ranges', () => {
  it('say what each buffer needs at each step', () => {
    fc.assert(
      fc.property(problems, (buffers) => {
        const problem = createProblem([...buffers, ...EACH_STEP]);
        const { first, owners, starts, ends, lowers, uppers } = partsOf(problem);
        buffers.forEach((buffer, b) => {
          const rows = Array.from({ length: first[b + 1] - first[b] }, (_, i) => first[b] + i);
          expect(rows.every((row) => owners[row] === b)).toBe(true);
          const listed = rows.map((p) => ({ start: starts[p], end: ends[p], lower: lowers[p], upper: uppers[p] }));
          expect(neededParts(problem, b)).toEqual(listed);
          const found = STEPS.map((step) =>
            listed
              .filter(({ start, end }) => start <= step && step < end)
              .map(({ lower, upper }) => `${lower}-${upper}`)
              .join(),
          );
          expect(found).toEqual(STEPS.map((step) => need(buffer, step)));
          for (const { start, end } of listed) expect(start).toBeLessThan(end);
        });
        expect(owners).toHaveLength(first[problem.bufferCount]);
      }),
    );
  });

  it('join to busy stretches, with idle stretches between them', () => {
    fc.assert(
      fc.property(problems, (buffers) => {
        const problem = createProblem([...buffers, ...EACH_STEP]);
        const busy = busyStretches(problem);
        const idle = idleStretches(problem);
        buffers.forEach((buffer, b) => {
          const rows = [...busy.owners.keys()].filter((row) => busy.owners[row] === b);
          const isBusy = STEPS.map((step) => rows.some((p) => busy.starts[p] <= step && step < busy.ends[p]));
          expect(isBusy).toEqual(STEPS.map((step) => need(buffer, step) !== ''));
          // No stretch can be longer.
          for (const [i, row] of rows.slice(1).entries()) expect(busy.starts[row]).toBeGreaterThan(busy.ends[rows[i]]);
          const gaps = [...idle.owners.keys()].filter((row) => idle.owners[row] === b);
          const isIdle = STEPS.map((step) => gaps.some((p) => idle.starts[p] <= step && step < idle.ends[p]));
          const isAlive = (step: number): boolean => buffer.start <= step && step < buffer.end;
          expect(isIdle).toEqual(STEPS.map((step) => isAlive(step) && need(buffer, step) === ''));
        });
      }),
    );
  });

  it('tell which buffers have a window', () => {
    const life = { size: 4, start: 0, end: 3 };
    const problem = createProblem([
      life,
      { ...life, gaps: [{ start: 1, end: 2 }] },
      { ...life, gaps: [{ start: 1, end: 2, lower: 1, upper: 2 }] },
    ]);
    expect([...buffersWithWindows(problem)]).toEqual([0, 0, 1]);
  });
});
