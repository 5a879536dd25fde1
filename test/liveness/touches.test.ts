/** Which earlier accesses a later one meets, against a list of what happened to every byte. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Region } from '../../src/liveness/regions.js';
import { Touches } from '../../src/liveness/touches.js';

interface Access {
  readonly storage: number;
  readonly isWrite: boolean;
  readonly region: Region;
}

const accesses = fc.array(
  fc
    .tuple(fc.nat(2), fc.nat(12), fc.nat(12), fc.boolean(), fc.boolean())
    .map(([storage, a, b, isWrite, isDense]): Access => {
      const region = { start: Math.min(a, b) * 8, end: Math.max(a, b) * 8, isDense } as Region;
      return { storage, isWrite, region };
    }),
  { maxLength: 30 },
);

/** Earlier accesses that share a byte with the last one which no dense write between the two has covered. */
function metByLast(history: readonly Access[]): number[] {
  const last = history[history.length - 1];
  const met = new Set<number>();
  for (let byte = last.region.start; byte < last.region.end; byte++) {
    for (let earlier = history.length - 2; earlier >= 0; earlier--) {
      const { storage, isWrite, region } = history[earlier];
      if (storage !== last.storage || byte < region.start || byte >= region.end) continue;
      if (isWrite || last.isWrite) met.add(earlier);
      if (isWrite && region.isDense) break;
    }
  }
  return [...met].sort((a, b) => a - b);
}

it('finds each earlier access whose bytes are not covered since, once', () => {
  fc.assert(
    fc.property(accesses, (list) => {
      const touches = new Touches(list, 3);
      list.forEach((_, index) => {
        expect(touches.add(index)).toEqual(metByLast(list.slice(0, index + 1)));
      });
    }),
    { numRuns: 1000 },
  );
});
