/**
 * Cuts live ranges into parts at their gaps. No other file cuts them.
 *
 *     size ┤ ██      ██
 *          │ ██ ████ ██        three parts: all bytes, those that a gap leaves, all bytes
 *        0 ┼─██──────██─ step
 *
 * A gap that leaves some bytes leaves a *window*; a buffer is *idle* in a gap that leaves none.
 *
 * Invariant: the parts of a buffer are in order of time, share no step, and each need at least one byte.
 */
import type { Problem } from './problem.js';

/** A run of steps, and the bytes needed then, relative to the buffer. */
export interface NeededPart {
  /** Inclusive. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly lower: number;
  /** Exclusive. */
  readonly upper: number;
}

/** Runs of steps, each of one buffer; sorted by buffer, then by time. */
export interface Stretches {
  readonly owners: Int32Array;
  /** Inclusive. */
  readonly starts: Int32Array;
  /** Exclusive. */
  readonly ends: Int32Array;
}

/** The parts of all live ranges; buffer `b` has the rows `first[b]` to `first[b + 1]` (exclusive). */
export interface Parts extends Stretches {
  readonly first: Int32Array;
  /** First byte needed, relative to the buffer. */
  readonly lowers: Float64Array;
  /** First byte no longer needed, relative to the buffer. */
  readonly uppers: Float64Array;
}

type Visit = (start: number, end: number, lower: number, upper: number) => void;

/** Calls back for each part of a buffer's live range. */
function cutLiveRange({ sizes, starts, ends, gaps }: Problem, b: number, visit: Visit): void {
  let start = starts[b];
  if (gaps !== null) {
    for (let g = gaps.first[b]; g < gaps.first[b + 1]; g++) {
      if (start < gaps.starts[g]) visit(start, gaps.starts[g], 0, sizes[b]);
      if (gaps.lowers[g] < gaps.uppers[g]) visit(gaps.starts[g], gaps.ends[g], gaps.lowers[g], gaps.uppers[g]);
      start = gaps.ends[g];
    }
  }
  if (start < ends[b]) visit(start, ends[b], 0, sizes[b]);
}

/** The parts of one buffer's live range. O(its gaps). */
export function neededParts(problem: Problem, b: number): NeededPart[] {
  const parts: NeededPart[] = [];
  cutLiveRange(problem, b, (start, end, lower, upper) => parts.push({ start, end, lower, upper }));
  return parts;
}

/** The parts of all live ranges; without gaps, columns of the problem itself. O(buffers + gaps). */
export function partsOf(problem: Problem): Parts {
  const { bufferCount, sizes, gaps } = problem;
  const first = new Int32Array(bufferCount + 1);
  if (gaps === null) {
    for (let b = 0; b <= bufferCount; b++) first[b] = b;
    const owners = first.subarray(0, bufferCount);
    const { starts, ends } = problem;
    return { first, owners, starts, ends, lowers: new Float64Array(bufferCount), uppers: sizes };
  }
  const most = bufferCount + 2 * gaps.starts.length;
  const owners = new Int32Array(most);
  const starts = new Int32Array(most);
  const ends = new Int32Array(most);
  const lowers = new Float64Array(most);
  const uppers = new Float64Array(most);
  let count = 0;
  for (let b = 0; b < bufferCount; b++) {
    cutLiveRange(problem, b, (start, end, lower, upper) => {
      owners[count] = b;
      starts[count] = start;
      ends[count] = end;
      lowers[count] = lower;
      uppers[count++] = upper;
    });
    first[b + 1] = count;
  }
  return {
    first,
    owners: owners.subarray(0, count),
    starts: starts.subarray(0, count),
    ends: ends.subarray(0, count),
    lowers: lowers.subarray(0, count),
    uppers: uppers.subarray(0, count),
  };
}

/** The longest stretches in which a buffer needs at least one byte throughout. O(buffers + gaps). */
export function busyStretches(problem: Problem): Stretches {
  const parts = partsOf(problem);
  if (problem.gaps === null) return parts;
  const [owners, starts, ends] = [parts.owners.slice(), parts.starts.slice(), parts.ends.slice()];
  let count = 0;
  for (let p = 0; p < parts.owners.length; p++) {
    const continues = count > 0 && owners[count - 1] === parts.owners[p] && ends[count - 1] === parts.starts[p];
    if (!continues) {
      owners[count] = parts.owners[p];
      starts[count++] = parts.starts[p];
    }
    ends[count - 1] = parts.ends[p];
  }
  return { owners: owners.subarray(0, count), starts: starts.subarray(0, count), ends: ends.subarray(0, count) };
}

/** The gaps that leave nothing of a buffer. O(buffers + gaps). */
export function idleStretches({ bufferCount, gaps }: Problem): Stretches {
  const most = gaps === null ? 0 : gaps.starts.length;
  const owners = new Int32Array(most);
  const starts = new Int32Array(most);
  const ends = new Int32Array(most);
  let count = 0;
  for (let b = 0; b < bufferCount && gaps !== null; b++) {
    for (let g = gaps.first[b]; g < gaps.first[b + 1]; g++) {
      if (gaps.lowers[g] < gaps.uppers[g]) continue;
      owners[count] = b;
      starts[count] = gaps.starts[g];
      ends[count++] = gaps.ends[g];
    }
  }
  return { owners: owners.subarray(0, count), starts: starts.subarray(0, count), ends: ends.subarray(0, count) };
}

/** Per buffer: 1 if some gap leaves it a window. O(buffers + gaps). */
export function buffersWithWindows({ bufferCount, gaps }: Problem): Uint8Array {
  const hasWindow = new Uint8Array(bufferCount);
  for (let b = 0; b < bufferCount && gaps !== null; b++) {
    for (let g = gaps.first[b]; g < gaps.first[b + 1]; g++) if (gaps.lowers[g] < gaps.uppers[g]) hasWindow[b] = 1;
  }
  return hasWindow;
}
