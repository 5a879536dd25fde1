/**
 * A problem in as few steps as possible: consecutive steps are one section unless something ends, and then something
 * starts, between them.
 *
 *     step      0  1  2  3  4  5            section   0        1
 *     A         ■  ■  ■  ·  ·  ·            A         ■        ·
 *     B         ·  ■  ■  ■  ·  ·            B         ■        ■      B starts before A ends, D after it
 *     D         ·  ·  ·  ·  ■  ■            D         ·        ■
 *
 * Invariant: two buffers share a section just when they share a step. Every section has one step at which all of its
 * buffers are live: after its last start, before its first end.
 */
import type { Problem } from '../../problem/problem.js';

/** The parts of every buffer's life, each with the bytes that it needs, over sections. */
export interface Timeline {
  readonly sectionCount: number;
  /** The parts of buffer `b` are rows `first[b]` to `first[b + 1]` (exclusive). */
  readonly first: Int32Array;
  /** First section, inclusive. */
  readonly starts: Int32Array;
  /** Exclusive. */
  readonly ends: Int32Array;
  /** First byte needed, relative to the buffer. */
  readonly lowers: Float64Array;
  /** First byte no longer needed, relative to the buffer. */
  readonly uppers: Float64Array;
}

/** Cuts lives at their gaps, drops parts that need nothing, and numbers the sections. O(buffers + gaps + steps). */
export function createTimeline(problem: Problem): Timeline {
  const { bufferCount, gaps } = problem;
  const most = bufferCount + 2 * (gaps?.starts.length ?? 0);
  const first = new Int32Array(bufferCount + 1);
  const starts = new Int32Array(most);
  const ends = new Int32Array(most);
  const lowers = new Float64Array(most);
  const uppers = new Float64Array(most);
  let count = 0;
  const push = (start: number, end: number, lower: number, upper: number): void => {
    if (start === end || lower === upper) return;
    starts[count] = start;
    ends[count] = end;
    lowers[count] = lower;
    uppers[count++] = upper;
  };
  for (let b = 0; b < bufferCount; b++) {
    const size = problem.sizes[b];
    let start = problem.starts[b];
    if (gaps !== null) {
      for (let g = gaps.first[b]; g < gaps.first[b + 1]; g++) {
        push(start, gaps.starts[g], 0, size);
        push(gaps.starts[g], gaps.ends[g], gaps.lowers[g], gaps.uppers[g]);
        start = gaps.ends[g];
      }
    }
    push(start, problem.ends[b], 0, size);
    first[b + 1] = count;
  }
  const sectionCount = numberSections(problem.stepCount, starts.subarray(0, count), ends.subarray(0, count));
  return { sectionCount, first, starts, ends, lowers, uppers };
}

/** Replaces steps by sections, in place, and returns how many there are. */
function numberSections(stepCount: number, starts: Int32Array, ends: Int32Array): number {
  const startsHere = new Uint8Array(stepCount + 1);
  const endsHere = new Uint8Array(stepCount + 1);
  for (let p = 0; p < starts.length; p++) {
    startsHere[starts[p]] = 1;
    endsHere[ends[p]] = 1;
  }
  const sectionOf = new Int32Array(stepCount + 1);
  let section = 0;
  let hasEnded = false;
  for (let step = 0; step < stepCount; step++) {
    hasEnded ||= endsHere[step] === 1;
    if (startsHere[step] === 1 && hasEnded) {
      section++;
      hasEnded = false;
    }
    sectionOf[step] = section;
  }
  for (let p = 0; p < starts.length; p++) {
    starts[p] = sectionOf[starts[p]];
    ends[p] = sectionOf[ends[p] - 1] + 1;
  }
  return stepCount === 0 ? 0 : section + 1;
}
