/**
 * By how much the offsets of two buffers must differ, where they need only some of their bytes at times.
 *
 *     bytes   a needs 8, then its lower 4; b needs its upper 2 of 6, then all 6.
 *         8 ┤ ▒▒
 *           │ ▒▒ .. b b      First, all of a meets 2 bytes of b: b's offset less a's cannot lie between -6 and 4.
 *         4 ┤ ▒▒ .. b b      Later, 4 bytes of a meet all of b, which excludes the same stretch. So b's offset is at
 *           │ ▒▒ ▒▒          least 6 below a's or at least 4 above a's.
 *         0 ┼───────
 *
 * Invariant: the excluded stretches of a pair ascend and share no number; their ends are allowed.
 */
import type { Timeline } from '../../problem/timeline.js';
import type { Overlaps } from '../../problem/overlaps.js';

/** Pairs of buffers that meet, each listed once. */
export interface Separations {
  readonly count: number;
  /** The first buffer of each pair. A difference is the second buffer's offset less the first buffer's. */
  readonly firsts: Int32Array;
  readonly seconds: Int32Array;
  /** Pair p excludes the stretches in rows `rows[p]` to `rows[p + 1]` (exclusive). */
  readonly rows: Int32Array;
  /** Lower ends of the excluded stretches, in bytes, exclusive. */
  readonly lows: Float64Array;
  /** Upper ends of the excluded stretches, in bytes, exclusive. */
  readonly highs: Float64Array;
}

/** Lists what each pair of neighbours excludes. O(pairs times parts). */
export function findSeparations(timeline: Timeline, { first, other }: Overlaps): Separations {
  const firsts: number[] = [];
  const seconds: number[] = [];
  const rows: number[] = [0];
  const lows: number[] = [];
  const highs: number[] = [];
  for (let a = 0; a + 1 < first.length; a++) {
    for (const b of new Set(other.subarray(first[a], first[a + 1]))) {
      const excluded = b < a ? [] : exclusions(timeline, a, b);
      if (excluded.length === 0) continue;
      firsts.push(a);
      seconds.push(b);
      for (const [low, high] of excluded) {
        lows.push(low);
        highs.push(high);
      }
      rows.push(lows.length);
    }
  }
  return {
    count: firsts.length,
    firsts: Int32Array.from(firsts),
    seconds: Int32Array.from(seconds),
    rows: Int32Array.from(rows),
    lows: Float64Array.from(lows),
    highs: Float64Array.from(highs),
  };
}

function exclusions({ first, starts, ends, lowers, uppers }: Timeline, a: number, b: number): [number, number][] {
  const found: [number, number][] = [];
  for (let p = first[a]; p < first[a + 1]; p++) {
    for (let q = first[b]; q < first[b + 1]; q++) {
      if (starts[p] < ends[q] && starts[q] < ends[p]) found.push([lowers[p] - uppers[q], uppers[p] - lowers[q]]);
    }
  }
  found.sort(([low], [otherLow]) => low - otherLow);
  return found.reduce<[number, number][]>((merged, [low, high]) => {
    const last = merged.at(-1);
    if (last !== undefined && low < last[1]) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
    return merged;
  }, []);
}
