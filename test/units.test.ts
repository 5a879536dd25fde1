/** Exact arithmetic with byte counts. */
import { describe, expect, it } from 'vitest';
import { floorLog2 } from '../src/units.js';

describe('floorLog2', () => {
  it('is exact at the powers of two and beside them', () => {
    for (let k = 0; k <= 52; k++) {
      expect(floorLog2(2 ** k)).toBe(k);
      expect(floorLog2(2 ** k + (2 ** k - 1))).toBe(k);
    }
  });
});
