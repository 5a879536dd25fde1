/** The chart of the live load: complete, within its width, and no load lost. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PLAIN } from '../../src/report/style.js';
import { bar, formatTimeline } from '../../src/report/timeline.js';

const KIB = 1024;

describe('formatTimeline', () => {
  it('draws levels in eighths of a line', () => {
    const load = Float64Array.from([0, 1, 4, 8], (eighth) => eighth * 8 * KIB);
    expect(formatTimeline(load, 80, PLAIN)).toEqual([
      'In use at each step, the most at step 3:',
      '64.00 KiB ┤   █',
      '          │   █',
      '          │   █',
      '          │   █',
      '32.00 KiB ┤  ██',
      '          │  ██',
      '          │  ██',
      '          │ ███',
      '      0 B ┼────',
      '           0  3',
    ]);
  });

  it('shows a spike of one step among thousands', () => {
    const load = new Float64Array(5000).fill(1);
    load[4321] = 800;
    const [title, top] = formatTimeline(load, 80, PLAIN);
    expect(title).toContain('4,321');
    expect(top.match(/█/g)).toHaveLength(1);
  });

  it('keeps to its width, and leaves no load out', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 2 ** 40 }), { minLength: 1, maxLength: 300 }),
        fc.integer({ min: 40, max: 200 }),
        (loads, width) => {
          const lines = formatTimeline(Float64Array.from(loads), width, PLAIN);
          if (Math.max(...loads) === 0) return;
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
          const lowest = lines[8].split('│')[1];
          const filled = [...lowest].filter((character) => character !== ' ').length;
          // As many columns as steps: one for each step with a load.
          if (loads.length <= lines[9].split('┼')[1].length && loads.length < 20) {
            expect(filled).toBe(loads.filter((bytes) => bytes > 0).length);
          }
        },
      ),
    );
  });

  it('says so when there is none', () => {
    expect(formatTimeline(new Float64Array(3), 80, PLAIN)).toEqual(['No step needs the compute buffer.']);
  });
});

describe('bar', () => {
  it.each([
    [0, 8, ''],
    [8, 8, '████'],
    [4, 8, '██'],
    [3, 8, '█▌'],
    [1, 8000, '▏'],
    [0, 0, ''],
  ])('%d of %d', (part, whole, expected) => {
    expect(bar(part, whole, 4)).toBe(expected);
  });
});
