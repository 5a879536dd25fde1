/**
 * Lower bounds that take no search, with their certificates.
 *
 *     offset        Two buffers of 5 bytes, aligned to 4, are live at one step. They need 10 bytes, but the upper one
 *      13 ┤ ▒▒▒▒    starts at 8 at the earliest: every buffer below the top one takes a multiple of the alignment.
 *       8 ┤ ▒▒▒▒
 *       5 ┤
 *         │ ▒▒▒▒
 *       0 ┼─────
 *
 * Invariant: no placement is smaller.
 */
import { liveLoad } from '../../problem/lower-bound.js';
import { buffersWithWindows, partsOf, type Parts } from '../../problem/parts.js';
import type { Problem } from '../../problem/problem.js';
import { alignUp } from '../../units.js';
import type { PlaceOptions } from '../allocator.js';
import type { Certificate } from './solution.js';
import { MOST_STACKED, stackHeight } from './stack-height.js';

/**
 * The best bound that takes no search. O(n + steps) for each distinct alignment to which sizes need padding; where that
 * may raise the bound, O(steps · log steps) more, and up to 64 times n.
 */
export function boundOf(problem: Problem, { maxChunkSize = Infinity }: PlaceOptions = {}): Certificate {
  const load: Certificate = { kind: 'load', ...liveLoad(problem) };
  const end = highestEnd(problem);
  const best = end.bytes > load.bytes ? end : load;
  // Every chunk has a buffer on top.
  return maxChunkSize === Infinity ? raiseByAlignment(problem, best) : best;
}

/**
 * The best of {@link boundOf} and the heights of stacks: the least height, over all orders, of the buffers of one step
 * on top of each other. Worth its time only if no known placement reaches {@link boundOf}. Up to 64 times n + 2^14
 * more, where sizes need padding.
 */
export function stackBoundOf(
  problem: Problem,
  options: PlaceOptions = {},
  best: Certificate = boundOf(problem, options),
): Certificate {
  const { maxChunkSize = Infinity } = options;
  return maxChunkSize === Infinity ? raiseByStacks(problem, best) : best;
}

/** The highest end of a buffer by itself, at its fixed offset or at 0. */
function highestEnd({ bufferCount, sizes, fixedOffsets }: Problem): Certificate {
  let bytes = 0;
  let buffer = -1;
  for (let b = 0; b < bufferCount; b++) {
    const isFree = fixedOffsets === null || Number.isNaN(fixedOffsets[b]);
    const end = isFree ? sizes[b] : fixedOffsets[b] + sizes[b];
    if (end <= bytes) continue;
    bytes = end;
    buffer = b;
  }
  return { kind: 'end', bytes, buffer };
}

/** The best bound by the buffers that have some alignment or a larger one, and need all of their bytes or none. */
function raiseByAlignment(problem: Problem, best: Certificate): Certificate {
  const { bufferCount, sizes, alignments } = problem;
  const hasWindow = buffersWithWindows(problem);
  for (const alignment of new Set(alignments)) {
    const padded = new Float64Array(bufferCount);
    let isPadded = false;
    for (let b = 0; b < bufferCount; b++) {
      if (alignments[b] < alignment || hasWindow[b] === 1) continue;
      padded[b] = alignUp(sizes[b], alignment);
      isPadded ||= padded[b] > sizes[b];
    }
    if (isPadded) best = raiseByPadding(problem, padded, alignment, best);
  }
  return best;
}

/**
 * The largest total of padded sizes at one step, less the most padding of one buffer, since the buffer on top needs
 * none; `best` if that is no smaller.
 */
function raiseByPadding(problem: Problem, padded: Float64Array, alignment: number, best: Certificate): Certificate {
  const { bufferCount, sizes } = problem;
  const parts = partsOf(problem);
  for (const { step, total } of fullestSteps(parts, problem.stepCount, padded, best.bytes)) {
    if (total <= best.bytes) break;
    let mostPadding = 0;
    for (let b = 0; b < bufferCount; b++) {
      const padding = padded[b] - sizes[b];
      if (padding > mostPadding && isNeeded(parts, b, step)) mostPadding = padding;
    }
    const bytes = total - mostPadding;
    if (bytes > best.bytes) best = { kind: 'aligned', bytes, step, alignment };
  }
  return best;
}

/** The best bound by stacks of the buffers with the largest alignments, up to `MOST_STACKED` buffers. */
function raiseByStacks(problem: Problem, best: Certificate): Certificate {
  const { sizes, alignments } = problem;
  if (sizes.every((size, b) => size % alignments[b] === 0)) return best;
  // Stacked by alignment, the largest at the bottom, each buffer takes its own padding. So the total is an upper bound.
  const hasWindow = buffersWithWindows(problem);
  const padded = sizes.map((size, b) => (hasWindow[b] === 1 ? 0 : alignUp(size, alignments[b])));
  if (padded.every((bytes, b) => bytes === 0 || bytes === sizes[b])) return best;
  const parts = partsOf(problem);
  for (const { step, total } of fullestSteps(parts, problem.stepCount, padded, best.bytes)) {
    if (total <= best.bytes) break;
    const needed = [...padded.keys()].filter((b) => padded[b] > 0 && isNeeded(parts, b, step));
    needed.sort((a, b) => alignments[b] - alignments[a]);
    // Cut at an alignment boundary: either all buffers of an alignment are stacked or none.
    const rest = alignments[needed[MOST_STACKED]];
    const stacked = rest === undefined ? needed : needed.filter((b) => alignments[b] > rest);
    const bytes = stackHeight(
      stacked.map((b) => sizes[b]),
      stacked.map((b) => alignments[b]),
    );
    const alignment = stacked.reduce((least, b) => Math.min(least, alignments[b]), Infinity);
    if (bytes > best.bytes) best = { kind: 'stacked', bytes, step, alignment };
  }
  return best;
}

/** Most steps that are examined closely. */
const MOST_LOOKS = 64;

/** The steps with a total above `least`, the fullest first, up to `MOST_LOOKS` steps. */
function fullestSteps(
  parts: Parts,
  stepCount: number,
  bytes: Float64Array,
  least: number,
): { step: number; total: number }[] {
  const totals = totalsPerStep(parts, stepCount, bytes);
  const steps = Int32Array.from({ length: stepCount }, (_, step) => step).filter((s) => totals[s] > least);
  steps.sort((a, b) => totals[b] - totals[a] || a - b);
  return Array.from(steps.subarray(0, MOST_LOOKS), (step) => ({ step, total: totals[step] }));
}

/** Per step: the sum of `bytes` over the buffers that need any bytes then. */
function totalsPerStep({ owners, starts, ends }: Parts, stepCount: number, bytes: Float64Array): Float64Array {
  const totals = new Float64Array(stepCount + 1);
  for (let p = 0; p < owners.length; p++) {
    totals[starts[p]] += bytes[owners[p]];
    totals[ends[p]] -= bytes[owners[p]];
  }
  for (let step = 1; step < stepCount; step++) totals[step] += totals[step - 1];
  return totals;
}

function isNeeded({ first, starts, ends }: Parts, b: number, step: number): boolean {
  for (let p = first[b]; p < first[b + 1]; p++) if (starts[p] <= step && step < ends[p]) return true;
  return false;
}
