/**
 * A placement problem in the form that the exact search works on.
 *
 *     step     0 1 2 3 4 5          Only steps at which something has just begun and something is about to end need
 *              A A A A . .          a look: what is live at any other step is a subset of what is live at one of
 *              B . C C C .          these. They are the sections, here steps 0, 3 and 5:
 *              . . D D E E
 *     section  0   1    2           {A, B}, {A, C, D}, {E}.
 *
 * Bytes become units, the greatest common divisor of everything that offsets can be sums of.
 *
 * Invariant: buffers are numbered from 0 within the instance; two are neighbours exactly if some section holds both.
 * A gap that leaves a part of a buffer counts as no gap: what is found is valid, and interlocking.ts goes on from there.
 */
import type { Problem } from '../../problem/problem.js';
import { countOverlaps } from '../overlap-count.js';
import { findOverlaps, type Overlaps } from './overlaps.js';

/** Whole numbers of units: 32-bit where all sums fit, which is nearly always and faster. */
export type Units = Int32Array | Float64Array;

export interface Instance {
  readonly count: number;
  /** Bytes per unit. */
  readonly unit: number;
  readonly sizes: Units;
  /** Units; `null` if every offset in whole units is aligned. */
  readonly alignments: Units | null;
  /** Units, -1 where the offset is free; `null` if all are. */
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
  /** Sections within its span in which buffer b needs nothing: `idle[idleFirst[b]]` and so on. `null`: no gaps. */
  readonly idleFirst: Int32Array | null;
  readonly idle: Int32Array;
  /** Neighbours of b, in the same layout. */
  readonly first: Int32Array;
  readonly other: Int32Array;
  /** Buffers with one number live in exactly the same sections and have no other constraint; -1 has no equal. */
  readonly spanClass: Int32Array;
}

/** Above so many pairs of buffers, overlaps are not listed: 8 bytes each. */
const MOST_PAIRS = 4_000_000;
/** Two bits are kept for each two buffers, whether they meet or not. */
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

/** The same values, with as many zeros behind them. */
export function doubled<T extends Units>(values: T): T {
  const copy = new (values.constructor as new (length: number) => T)(values.length * 2);
  copy.set(values);
  return copy;
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
  const sections = createSections(problem);
  const spanClass = spanClasses(sections.starts, sections.ends, (b) => {
    const free = fixed === null || fixed[b] < 0;
    const gapless = sections.idleFirst === null || sections.idleFirst[b] === sections.idleFirst[b + 1];
    return free && gapless && (alignments === null || alignments[b] === 1);
  });
  return {
    count: problem.bufferCount,
    unit,
    sizes: inUnits(problem.sizes),
    alignments,
    fixed,
    ...sections,
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

/** Bytes: the greatest common divisor of all that offsets can be sums of. */
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
 * Makes units of bytes, 32-bit ones if no offset that the search looks at, nor the sum of two, is higher: a buffer lies
 * above others, each with its size and the padding before it, and the lowest of them at 0 or at a fixed offset.
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

type Sections = Pick<Instance, 'sectionCount' | 'starts' | 'ends' | 'idleFirst' | 'idle' | Membership>;

function createSections({ bufferCount, starts, ends, stepCount, gaps }: Problem): Sections {
  const begins = new Uint8Array(stepCount + 1);
  const stops = new Uint8Array(stepCount + 1);
  const isIdle = (g: number): boolean => gaps!.lowers[g] === gaps!.uppers[g];
  for (let b = 0; b < bufferCount; b++) {
    begins[starts[b]] = stops[ends[b]] = 1;
    if (gaps === null) continue;
    for (let g = gaps.first[b]; g < gaps.first[b + 1]; g++)
      if (isIdle(g)) stops[gaps.starts[g]] = begins[gaps.ends[g]] = 1;
  }
  // sectionAt[step]: the sections that are complete before the step, and so the first one from it on.
  const sectionAt = new Int32Array(stepCount + 1);
  let sectionCount = 0;
  for (let step = 0, open = false; step <= stepCount; step++) {
    if (stops[step] === 1 && open) {
      sectionCount++;
      open = false;
    }
    sectionAt[step] = sectionCount;
    if (begins[step] === 1) open = true;
  }
  const idle: number[] = [];
  const idleFirst = gaps === null ? null : new Int32Array(bufferCount + 1);
  for (let b = 0; b < bufferCount && gaps !== null; b++) {
    for (let g = gaps.first[b]; g < gaps.first[b + 1]; g++) {
      if (!isIdle(g)) continue;
      for (let s = sectionAt[gaps.starts[g]]; s < sectionAt[gaps.ends[g]]; s++) idle.push(s);
    }
    idleFirst![b + 1] = idle.length;
  }
  const span = {
    sectionCount,
    starts: starts.map((step) => sectionAt[step]),
    ends: ends.map((step) => sectionAt[step]),
    idleFirst,
    idle: Int32Array.from(idle),
  };
  return { ...span, ...listMembers(span, bufferCount) };
}

type Membership = 'memberFirst' | 'members' | 'joinedFirst' | 'joined';

function listMembers(
  { sectionCount, starts, ends, idleFirst, idle }: Omit<Sections, Membership>,
  count: number,
): Pick<Instance, Membership> {
  const memberFirst = new Int32Array(sectionCount + 1);
  const joinedFirst = new Int32Array(sectionCount + 1);
  /** Calls back for each section that buffer i lives in; `joins`: it does not live in the one before. */
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
