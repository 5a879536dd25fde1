/**
 * A placement problem in the form that the exact search works on.
 *
 * Steps become sections: see sections.ts.
 *
 * Bytes become units, the greatest common divisor of everything that offsets can be sums of.
 *
 * Invariant: buffers are numbered from 0 within the instance; two are neighbours exactly if some section holds both. A
 * gap that leaves a window is ignored: placements found here are valid, and interlocking.ts makes use of windows.
 */
import { idleStretches } from '../../problem/parts.js';
import type { Problem } from '../../problem/problem.js';
import { numberSections } from '../../problem/sections.js';
import { countOverlaps, findOverlaps, type Overlaps } from '../../problem/overlaps.js';

/** Whole numbers of units: 32-bit where all sums fit, which is nearly always and faster. */
export type Units = Int32Array | Float64Array;

export interface Instance {
  readonly count: number;
  /** Bytes per unit. */
  readonly unit: number;
  readonly sizes: Units;
  /** Units; `null` if every offset in whole units is aligned. */
  readonly alignments: Units | null;
  /** Units, -1 where the offset is free; `null` if all offsets are free. */
  readonly fixed: Units | null;
  readonly sectionCount: number;
  /** First section, inclusive. */
  readonly starts: Int32Array;
  /** Last section, exclusive. */
  readonly ends: Int32Array;
  /** Members of section s: `members[memberFirst[s]]` to `members[memberFirst[s + 1]]`, exclusive. */
  readonly memberFirst: Int32Array;
  readonly members: Int32Array;
  /** Members of section s that section s - 1 does not have, in the same layout. */
  readonly joinedFirst: Int32Array;
  readonly joined: Int32Array;
  /**
   * Sections within its live range in which buffer b needs nothing: `idle[idleFirst[b]]` to `idle[idleFirst[b + 1]]`,
   * exclusive. `null` without gaps.
   */
  readonly idleFirst: Int32Array | null;
  readonly idle: Int32Array;
  /** Neighbours of b: `other[first[b]]` to `other[first[b + 1]]`, exclusive. */
  readonly first: Int32Array;
  readonly other: Int32Array;
  /**
   * Buffers with the same number live in exactly the same sections and have no other constraint. -1: the buffer has a
   * constraint of its own.
   */
  readonly spanClass: Int32Array;
}

/** Most pairs of buffers that are listed, 8 bytes each. */
const MOST_PAIRS = 4_000_000;
/** Most buffers: the search keeps two bits for each ordered pair of buffers, whether they meet or not. */
const MOST_BUFFERS = 10_000;

/** Whether a problem is small enough for the exact search. O(n + steps). */
export function isSearchable(problem: Problem): boolean {
  return problem.bufferCount <= MOST_BUFFERS && countOverlaps(problem) <= MOST_PAIRS;
}

/** Whether some alignment may leave bytes unused between whole units. */
export function needsPadding(problem: Problem, unit = unitOf(problem)): boolean {
  return problem.alignments.some((alignment) => alignment > unit);
}

/** The lowest offset from `offset` on, in units, at which buffer `b` is aligned. */
export function alignedFrom({ alignments }: Instance, offset: number, b: number): number {
  if (alignments === null) return offset;
  const rest = offset % alignments[b];
  return rest === 0 ? offset : offset + alignments[b] - rest;
}

/** Builds the instance of a problem. */
export function createInstance(problem: Problem, overlaps: Overlaps = findOverlaps(problem)): Instance {
  const unit = unitOf(problem);
  const inUnits = unitConverter(problem, unit);
  const { fixedOffsets } = problem;
  const alignments = needsPadding(problem, unit)
    ? inUnits(problem.alignments.map((alignment) => Math.max(alignment, unit)))
    : null;
  const fixed =
    fixedOffsets === null ? null : inUnits(fixedOffsets.map((offset) => (Number.isNaN(offset) ? -unit : offset)));
  const spans = createSpans(problem);
  const { idleFirst } = spans;
  const spanClass = spanClasses(spans.starts, spans.ends, (b) => {
    const free = fixed === null || fixed[b] < 0;
    const gapless = idleFirst === null || idleFirst[b] === idleFirst[b + 1];
    return free && gapless && (alignments === null || alignments[b] === 1);
  });
  return {
    count: problem.bufferCount,
    unit,
    sizes: inUnits(problem.sizes),
    alignments,
    fixed,
    ...spans,
    ...listMembers(spans, problem.bufferCount),
    first: overlaps.first,
    other: overlaps.other,
    spanClass,
  };
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) {
    const rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/** Bytes per unit: the greatest common divisor of all numbers that offsets can be sums of. */
export function unitOf({ sizes, alignments, fixedOffsets }: Problem): number {
  let unit = 0;
  for (const size of sizes) unit = greatestCommonDivisor(size, unit);
  fixedOffsets?.forEach((offset) => {
    if (!Number.isNaN(offset)) unit = greatestCommonDivisor(unit, offset);
  });
  // An alignment that divides the unit holds by itself; any other must be a whole number of units.
  for (const alignment of alignments) if (unit % alignment !== 0) unit = greatestCommonDivisor(unit, alignment);
  return unit;
}

/**
 * Converts bytes to units, in 32-bit columns if no offset of the search, nor the sum of two offsets, can exceed 32
 * bits. The highest offset that can occur is a stack of all buffers, each with its padding, above the highest fixed
 * offset.
 */
function unitConverter({ sizes, alignments, fixedOffsets }: Problem, unit: number): (bytes: Float64Array) => Units {
  let highest = 0;
  fixedOffsets?.forEach((offset) => (highest = offset > highest ? offset : highest));
  for (let b = 0; b < sizes.length; b++) highest += sizes[b] + Math.max(0, alignments[b] - unit);
  return (bytes) => {
    const units = highest / unit < 2 ** 29 ? new Int32Array(bytes.length) : new Float64Array(bytes.length);
    for (let b = 0; b < bytes.length; b++) units[b] = bytes[b] / unit;
    return units;
  };
}

type Spans = Pick<Instance, 'sectionCount' | 'starts' | 'ends' | 'idleFirst' | 'idle'>;

function createSpans(problem: Problem): Spans {
  const { bufferCount, stepCount, starts, ends, gaps } = problem;
  const gapsOfAll = idleStretches(problem);
  const { count, at } = numberSections(stepCount, [starts, gapsOfAll.ends], [ends, gapsOfAll.starts]);
  const idle: number[] = [];
  const idleFirst = gaps === null ? null : new Int32Array(bufferCount + 1);
  for (let b = 0, g = 0; b < bufferCount && idleFirst !== null; b++) {
    for (; gapsOfAll.owners[g] === b; g++) {
      for (let s = at[gapsOfAll.starts[g]]; s < at[gapsOfAll.ends[g]]; s++) idle.push(s);
    }
    idleFirst[b + 1] = idle.length;
  }
  const inSections = (steps: Int32Array): Int32Array => steps.map((step) => at[step]);
  return {
    sectionCount: count,
    starts: inSections(starts),
    ends: inSections(ends),
    idleFirst,
    idle: Int32Array.from(idle),
  };
}

type Membership = 'memberFirst' | 'members' | 'joinedFirst' | 'joined';

function listMembers(
  { sectionCount, starts, ends, idleFirst, idle }: Spans,
  count: number,
): Pick<Instance, Membership> {
  const memberFirst = new Int32Array(sectionCount + 1);
  const joinedFirst = new Int32Array(sectionCount + 1);
  /** Visits each section in which buffer i lives; `joins`: i does not live in the section before. */
  const forEachSection = (i: number, visit: (s: number, joins: boolean) => void): void => {
    let e = idleFirst === null ? 0 : idleFirst[i];
    const end = idleFirst === null ? 0 : idleFirst[i + 1];
    let joins = true;
    for (let s = starts[i]; s < ends[i]; s++) {
      const isIdle = e < end && idle[e] === s;
      if (isIdle) e++;
      else visit(s, joins);
      joins = isIdle;
    }
  };
  for (let i = 0; i < count; i++) {
    forEachSection(i, (s, joins) => {
      memberFirst[s]++;
      if (joins) joinedFirst[s]++;
    });
  }
  for (let s = 1; s <= sectionCount; s++) {
    memberFirst[s] += memberFirst[s - 1];
    joinedFirst[s] += joinedFirst[s - 1];
  }
  const members = new Int32Array(memberFirst[sectionCount]);
  const joined = new Int32Array(joinedFirst[sectionCount]);
  for (let i = count - 1; i >= 0; i--) {
    forEachSection(i, (s, joins) => {
      members[--memberFirst[s]] = i;
      if (joins) joined[--joinedFirst[s]] = i;
    });
  }
  return { memberFirst, members, joinedFirst, joined };
}

function spanClasses(starts: Int32Array, ends: Int32Array, isOrdinary: (i: number) => boolean): Int32Array {
  const numbers = new Map<number, number>();
  return starts.map((start, i) => {
    if (!isOrdinary(i)) return -1;
    const span = start * 2 ** 26 + ends[i];
    const known = numbers.get(span);
    if (known === undefined) numbers.set(span, numbers.size);
    return known ?? numbers.size - 1;
  });
}
