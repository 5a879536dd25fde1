/**
 * A part of a problem, as a problem of its own.
 *
 * Invariant: buffer i of the result is buffer `buffers[i]` of the original. Steps count from the first at which one of
 * them starts, to the last at which one ends, so that what is done for each step of each part is little in total.
 */
import type { GapTable, Problem } from './problem.js';

/** The problem of some buffers. O(buffers + gaps). */
export function selectBuffers(problem: Problem, buffers: Int32Array): Problem {
  const { sizes, starts, ends, alignments, fixedOffsets, gaps, names, rows } = problem;
  const firstStep = buffers.reduce((least, b) => Math.min(least, starts[b]), Infinity);
  const lastStep = buffers.reduce((most, b) => Math.max(most, ends[b]), 0);
  return {
    bufferCount: buffers.length,
    stepCount: buffers.length === 0 ? 0 : lastStep - firstStep,
    sizes: Float64Array.from(buffers, (b) => sizes[b]),
    starts: Int32Array.from(buffers, (b) => starts[b] - firstStep),
    ends: Int32Array.from(buffers, (b) => ends[b] - firstStep),
    alignments: Float64Array.from(buffers, (b) => alignments[b]),
    fixedOffsets: fixedOffsets === null ? null : Float64Array.from(buffers, (b) => fixedOffsets[b]),
    gaps: gaps === null ? null : selectGaps(gaps, buffers, firstStep),
    names: names && Array.from(buffers, (b) => names[b]),
    rows: rows && Int32Array.from(buffers, (b) => rows[b]),
  };
}

function selectGaps(gaps: GapTable, buffers: Int32Array, firstStep: number): GapTable {
  const first = new Int32Array(buffers.length + 1);
  const rows: number[] = [];
  buffers.forEach((b, i) => {
    for (let g = gaps.first[b]; g < gaps.first[b + 1]; g++) rows.push(g);
    first[i + 1] = rows.length;
  });
  return {
    first,
    starts: Int32Array.from(rows, (g) => gaps.starts[g] - firstStep),
    ends: Int32Array.from(rows, (g) => gaps.ends[g] - firstStep),
    lowers: Float64Array.from(rows, (g) => gaps.lowers[g]),
    uppers: Float64Array.from(rows, (g) => gaps.uppers[g]),
  };
}
