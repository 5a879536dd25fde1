/**
 * Some buffers of a problem, as a problem of their own.
 *
 * Invariant: buffer i of the result is buffer `buffers[i]` of the original. The result begins at the first start of its
 * buffers and ends at their last end. So work per step, done for each component of a problem, stays proportional to the
 * steps of the problem.
 */
import type { GapTable, Problem } from './problem.js';

/** The problem of some buffers; `problem` itself if these are all buffers in order. O(buffers + gaps). */
export function selectBuffers(problem: Problem, buffers: Int32Array): Problem {
  if (isAll(problem, buffers)) return problem;
  const { gaps, names, rows } = problem;
  const count = buffers.length;
  const sizes = new Float64Array(count);
  const starts = new Int32Array(count);
  const ends = new Int32Array(count);
  const alignments = new Float64Array(count);
  const fixedOffsets = problem.fixedOffsets === null ? null : new Float64Array(count);
  let firstStep = Infinity;
  let lastStep = 0;
  for (const b of buffers) {
    if (problem.starts[b] < firstStep) firstStep = problem.starts[b];
    if (problem.ends[b] > lastStep) lastStep = problem.ends[b];
  }
  for (let i = 0; i < count; i++) {
    const b = buffers[i];
    sizes[i] = problem.sizes[b];
    starts[i] = problem.starts[b] - firstStep;
    ends[i] = problem.ends[b] - firstStep;
    alignments[i] = problem.alignments[b];
    if (fixedOffsets !== null) fixedOffsets[i] = problem.fixedOffsets![b];
  }
  return {
    bufferCount: count,
    stepCount: count === 0 ? 0 : lastStep - firstStep,
    sizes,
    starts,
    ends,
    alignments,
    fixedOffsets,
    gaps: gaps === null ? null : selectGaps(gaps, buffers, firstStep),
    names: names && Array.from(buffers, (b) => names[b]),
    rows: rows && Int32Array.from(buffers, (b) => rows[b]),
  };
}

function isAll({ bufferCount }: Problem, buffers: Int32Array): boolean {
  if (buffers.length !== bufferCount) return false;
  for (let i = 0; i < bufferCount; i++) if (buffers[i] !== i) return false;
  return true;
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
