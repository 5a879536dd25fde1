/** Zoom and pan: the window stays inside, and what is under the pointer stays there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { around, isWhole, pan, zoom } from '../../src/viewer/view-window.js';

const whole = { steps: { from: 0, to: 1000 }, bytes: { from: 0, to: 2 ** 30 } };
const point = fc.record({ step: fc.integer({ min: 0, max: 1000 }), bytes: fc.integer({ min: 0, max: 2 ** 30 }) });
const moves = fc.array(
  fc.oneof(
    fc.record({ point, factor: fc.double({ min: 0.01, max: 20, noNaN: true }) }),
    fc.record({ right: fc.double({ min: -3, max: 3, noNaN: true }), up: fc.double({ min: -3, max: 3, noNaN: true }) }),
  ),
  { maxLength: 12 },
);

describe('zoom and pan', () => {
  it('never leave the map, and never show nothing', () => {
    fc.assert(
      fc.property(moves, (list) => {
        let window = whole;
        for (const move of list) {
          window =
            'factor' in move ? zoom(window, whole, move.point, move.factor) : pan(window, whole, move.right, move.up);
          for (const axis of ['steps', 'bytes'] as const) {
            expect(window[axis].from).toBeGreaterThanOrEqual(whole[axis].from);
            expect(window[axis].to).toBeLessThanOrEqual(whole[axis].to);
            expect(window[axis].to - window[axis].from).toBeGreaterThan(3);
          }
        }
      }),
    );
  });

  it('keep the point under the pointer where it is', () => {
    const zoomed = zoom(whole, whole, { step: 250, bytes: 2 ** 29 }, 0.5);
    expect(zoomed.steps).toEqual({ from: 125, to: 625 });
    expect(zoomed.bytes).toEqual({ from: 2 ** 28, to: 2 ** 29 + 2 ** 28 });
  });

  it('change one axis alone', () => {
    const zoomed = zoom(whole, whole, { step: 250, bytes: 0 }, 0.5, { steps: true, bytes: false });
    expect(zoomed.bytes).toEqual(whole.bytes);
    expect(isWhole(zoomed, whole)).toBe(false);
    expect(isWhole(zoom(zoomed, whole, { step: 250, bytes: 0 }, 4), whole)).toBe(true);
  });
});

it('around shows a rectangle with as much again on each side, or what there is', () => {
  const window = around({ from: 500, to: 510 }, { from: 0, to: 2 ** 20 }, whole);
  expect(window.steps).toEqual({ from: 490, to: 520 });
  expect(window.bytes).toEqual({ from: 0, to: 3 * 2 ** 20 });
});
