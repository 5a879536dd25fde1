/**
 * Sections of steps: as few as possible, and none contained in another.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createProblem } from '../../src/problem/problem.js';
import { createTimeline } from '../../src/problem/timeline.js';
import { tinyBuffers } from '../support/problems.js';

describe('createTimeline', () => {
  it('joins steps unless something ends and something starts between them', () => {
    const problem = createProblem([
      { size: 1, start: 0, end: 3 },
      { size: 1, start: 1, end: 4 },
      { size: 1, start: 4, end: 6 },
    ]);
    const { sectionCount, starts, ends } = createTimeline(problem);
    expect([sectionCount, ...starts, ...ends]).toEqual([2, 0, 0, 1, 1, 1, 2]);
  });

  it('has as few sections as possible, and parts share a section exactly if they share a step', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 8, maxStep: 14 }), (buffers) => {
        if (buffers.length === 0) return;
        const problem = createProblem(buffers);
        const { sectionCount, first, starts, ends, lowers, uppers } = createTimeline(problem);
        const rows = buffers.map((_, b) => Array.from({ length: first[b + 1] - first[b] }, (_, i) => first[b] + i));
        const needs = (b: number, step: number): string => {
          const { start, end, size, gaps = [] } = buffers[b];
          if (step < start || step >= end) return '';
          const gap = gaps.find((each) => each.start <= step && step < each.end);
          const [lower, upper] = gap === undefined ? [0, size] : [gap.lower ?? 0, gap.upper ?? gap.lower ?? 0];
          return lower < upper ? `${lower}-${upper}` : '';
        };
        // Each section has a step at which all its parts are live; sections are in the order of steps.
        const pictures = new Set(
          Array.from({ length: sectionCount }, (_, section) =>
            buffers
              .map((_, b) =>
                rows[b]
                  .filter((row) => starts[row] <= section && section < ends[row])
                  .map((row) => `${lowers[row]}-${uppers[row]}`)
                  .join(),
              )
              .join(' '),
          ),
        );
        const steps = Array.from({ length: 15 }, (_, step) => buffers.map((_, b) => needs(b, step)).join(' '));
        for (const picture of pictures) expect(steps).toContain(picture);
        for (const picture of steps) {
          const wanted = picture.split(' ');
          const isWithin = [...pictures].some((each) => {
            const found = each.split(' ');
            return wanted.every((need, b) => need === '' || need === found[b]);
          });
          expect(isWithin || wanted.every((need) => need === '')).toBe(true);
        }
        expect(first[buffers.length]).toBe(rows.flat().length);
      }),
      { numRuns: 300 },
    );
  });

  it('has no section that another section contains', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 8, maxStep: 14, gaps: 'none' }), (buffers) => {
        const { sectionCount, starts, ends } = createTimeline(createProblem(buffers));
        const sections = Array.from({ length: sectionCount }, (_, section) =>
          [...buffers.keys()].filter((b) => starts[b] <= section && section < ends[b]),
        );
        for (const one of sections) {
          expect(sections.filter((other) => one.every((b) => other.includes(b)))).toEqual([one]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('has no section without buffers', () => {
    expect(createTimeline(createProblem([])).sectionCount).toBe(0);
  });
});
