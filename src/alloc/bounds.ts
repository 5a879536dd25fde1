/**
 * What no placement can do without, and why.
 *
 *     offset        Two buffers of 5 bytes, aligned to 4, are live at one step. They need 10 bytes, but the upper one
 *      13 ┤ ▒▒▒▒    starts at 8 at the earliest: whatever is not on top takes a multiple of the alignment.
 *       8 ┤ ▒▒▒▒
 *       5 ┤
 *         │ ▒▒▒▒
 *       0 ┼─────
 *
 * Invariant: no placement is smaller.
 */
import { liveLoad } from '../problem/lower-bound.js';
import type { Problem } from '../problem/problem.js';
import { alignUp } from '../units.js';
import type { PlaceOptions } from './allocator.js';
import type { Certificate } from './solution.js';

/**
 * The best of the bounds that take no search. O(n + steps); for each distinct alignment to which sizes need padding,
 * O(n + steps · log steps) more, and up to 64 times n.
 */
export function boundOf(problem: Problem, { maxChunkSize = Infinity }: PlaceOptions = {}): Certificate {
  const bounds = [fixedEnd(problem)];
  // Every chunk has a buffer on top.
  if (maxChunkSize === Infinity) bounds.push(...alignedLoads(problem));
  const load: Certificate = { kind: 'load', ...liveLoad(problem) };
  return bounds.reduce((best, bound) => (bound.bytes > best.bytes ? bound : best), load);
}

/** The highest end of a buffer with a fixed offset. */
function fixedEnd({ sizes, fixedOffsets }: Problem): Certificate {
  let bytes = 0;
  let buffer = -1;
  fixedOffsets?.forEach((offset, b) => {
    if (!(offset + sizes[b] > bytes)) return;
    bytes = offset + sizes[b];
    buffer = b;
  });
  return { kind: 'fixed', bytes, buffer };
}

/** Per alignment, a bound by the buffers that have it or a larger one, and need all of their bytes or none. */
function* alignedLoads(problem: Problem): Generator<Certificate> {
  const { bufferCount, sizes, alignments } = problem;
  for (const alignment of new Set(alignments)) {
    const padded = new Float64Array(bufferCount);
    let isPadded = false;
    for (let b = 0; b < bufferCount; b++) {
      if (alignments[b] < alignment || isEverPartial(problem, b)) continue;
      padded[b] = alignUp(sizes[b], alignment);
      isPadded ||= padded[b] > sizes[b];
    }
    // Without padding it is a part of the live load.
    if (isPadded) yield alignedLoad(problem, padded, alignment);
  }
}

/** So many steps are looked at closely. */
const MOST_LOOKS = 64;

/** The largest total of padded sizes, less the padding of the one buffer on top, which may be any. */
function alignedLoad(problem: Problem, padded: Float64Array, alignment: number): Certificate {
  const { bufferCount, stepCount, sizes } = problem;
  const totals = totalsPerStep(problem, padded);
  const byTotal = Int32Array.from({ length: stepCount }, (_, step) => step);
  byTotal.sort((a, b) => totals[b] - totals[a] || a - b);
  let bytes = 0;
  let bestStep = -1;
  for (const step of byTotal.subarray(0, MOST_LOOKS)) {
    if (totals[step] <= bytes) break;
    let mostPadding = 0;
    for (let b = 0; b < bufferCount; b++) {
      const padding = padded[b] - sizes[b];
      if (padding > mostPadding && isNeeded(problem, b, step)) mostPadding = padding;
    }
    if (totals[step] - mostPadding <= bytes) continue;
    bytes = totals[step] - mostPadding;
    bestStep = step;
  }
  return { kind: 'aligned', bytes, step: bestStep, alignment };
}

function totalsPerStep({ bufferCount, stepCount, starts, ends, gaps }: Problem, bytes: Float64Array): Float64Array {
  const totals = new Float64Array(stepCount + 1);
  for (let b = 0; b < bufferCount; b++) {
    totals[starts[b]] += bytes[b];
    totals[ends[b]] -= bytes[b];
    if (gaps === null) continue;
    for (let g = gaps.first[b]; g < gaps.first[b + 1]; g++) {
      totals[gaps.starts[g]] -= bytes[b];
      totals[gaps.ends[g]] += bytes[b];
    }
  }
  for (let step = 1; step < stepCount; step++) totals[step] += totals[step - 1];
  return totals;
}

function isEverPartial({ gaps }: Problem, b: number): boolean {
  if (gaps === null) return false;
  for (let g = gaps.first[b]; g < gaps.first[b + 1]; g++) if (gaps.lowers[g] < gaps.uppers[g]) return true;
  return false;
}

function isNeeded({ starts, ends, gaps }: Problem, b: number, step: number): boolean {
  if (step < starts[b] || step >= ends[b]) return false;
  if (gaps === null) return true;
  for (let g = gaps.first[b]; g < gaps.first[b + 1]; g++) {
    if (gaps.starts[g] <= step && step < gaps.ends[g]) return false;
  }
  return true;
}
