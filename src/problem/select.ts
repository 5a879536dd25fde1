/**
 * A part of a problem, as a problem of its own with the same steps.
 *
 * Invariant: buffer i of the result is buffer `buffers[i]` of the original.
 */
import type { GapTable, Problem } from './problem.js';

/** The problem of some buffers. O(buffers + gaps). */
export function selectBuffers(problem: Problem, buffers: Int32Array): Problem {
  const { sizes, starts, ends, alignments, fixedOffsets, gaps, names } = problem;
  return {
    bufferCount: buffers.length,
    stepCount: problem.stepCount,
    sizes: Float64Array.from(buffers, (b) => sizes[b]),
    starts: Int32Array.from(buffers, (b) => starts[b]),
    ends: Int32Array.from(buffers, (b) => ends[b]),
    alignments: Float64Array.from(buffers, (b) => alignments[b]),
    fixedOffsets: fixedOffsets === null ? null : Float64Array.from(buffers, (b) => fixedOffsets[b]),
    gaps: gaps === null ? null : selectGaps(gaps, buffers),
    names: names && Array.from(buffers, (b) => names[b]),
  };
}

function selectGaps(gaps: GapTable, buffers: Int32Array): GapTable {
  const first = new Int32Array(buffers.length + 1);
  const rows: number[] = [];
  buffers.forEach((b, i) => {
    for (let g = gaps.first[b]; g < gaps.first[b + 1]; g++) rows.push(g);
    first[i + 1] = rows.length;
  });
  return {
    first,
    starts: Int32Array.from(rows, (g) => gaps.starts[g]),
    ends: Int32Array.from(rows, (g) => gaps.ends[g]),
    lowers: Float64Array.from(rows, (g) => gaps.lowers[g]),
    uppers: Float64Array.from(rows, (g) => gaps.uppers[g]),
  };
}
