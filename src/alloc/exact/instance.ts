/**
 * A part of a placement problem in the form that the exact search works on.
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
 * A gap that leaves a part of a buffer counts as no gap: what is found is valid, but not proven for such problems.
 */
import type { Problem } from '../../problem/problem.js';
import type { Overlaps } from '../overlaps.js';

/** Whole numbers of units: 32-bit where all sums fit, which is nearly always and faster. */
export type Units = Int32Array | Float64Array;

export interface Instance {
  readonly count: number;
  /** Index in the problem. */
  readonly buffers: Int32Array;
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
  /** Sections within its span in which buffer b needs nothing: `idle[idleFirst[b]]` and so on. `null`: no gaps. */
  readonly idleFirst: Int32Array | null;
  readonly idle: Int32Array;
  /** Neighbours of b, in the same layout. */
  readonly first: Int32Array;
  readonly other: Int32Array;
  /** Buffers with one number live in exactly the same sections and have no other constraint; -1 has no equal. */
  readonly spanClass: Int32Array;
}

/** Builds the instance of some buffers of a problem, as if there were no others. */
export function createInstance(problem: Problem, overlaps: Overlaps, buffers: Int32Array): Instance {
  const count = buffers.length;
  const unit = unitOf(problem, buffers);
  const needed = (values: Float64Array): Units => toUnits(buffers, values, unit, problem.sizes);
  const sizes = needed(problem.sizes);
  const local = new Int32Array(problem.bufferCount).fill(-1);
  buffers.forEach((b, i) => (local[b] = i));

  const sections = createSections(problem, buffers);
  const first = new Int32Array(count + 1);
  const neighbours: number[] = [];
  for (let i = 0; i < count; i++) {
    for (let e = overlaps.first[buffers[i]]; e < overlaps.first[buffers[i] + 1]; e++) {
      if (local[overlaps.other[e]] >= 0) neighbours.push(local[overlaps.other[e]]);
    }
    first[i + 1] = neighbours.length;
  }
  const other = Int32Array.from(neighbours);
  const alignments = buffers.some((b) => problem.alignments[b] > unit)
    ? needed(problem.alignments.map((alignment) => Math.max(alignment, unit)))
    : null;
  const fixed =
    problem.fixedOffsets === null
      ? null
      : needed(problem.fixedOffsets.map((offset) => (Number.isNaN(offset) ? -unit : offset)));
  const spanClass = spanClasses(sections.starts, sections.ends, (i) => {
    const free = fixed === null || fixed[i] < 0;
    const gapless = sections.idleFirst === null || sections.idleFirst[i] === sections.idleFirst[i + 1];
    return free && gapless && (alignments === null || alignments[i] === 1);
  });
  return { count, buffers, unit, sizes, alignments, fixed, ...sections, first, other, spanClass };
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

function unitOf({ sizes, alignments, fixedOffsets }: Problem, buffers: Int32Array): number {
  let unit = 0;
  for (const b of buffers) {
    unit = greatestCommonDivisor(unit, sizes[b]);
    if (fixedOffsets !== null && !Number.isNaN(fixedOffsets[b])) unit = greatestCommonDivisor(unit, fixedOffsets[b]);
  }
  // An alignment that divides the unit holds by itself; any other must be a whole number of units.
  for (const b of buffers) if (unit % alignments[b] !== 0) unit = greatestCommonDivisor(unit, alignments[b]);
  return unit;
}

/** 32-bit if four times the sum of all sizes is: no offset that the search looks at is higher. */
function toUnits(buffers: Int32Array, values: Float64Array, unit: number, sizes: Float64Array): Units {
  let sum = 0;
  let largest = 0;
  for (const b of buffers) {
    sum += sizes[b] / unit;
    largest = Math.max(largest, values[b] / unit);
  }
  const units = sum + largest < 2 ** 29 ? new Int32Array(buffers.length) : new Float64Array(buffers.length);
  for (let i = 0; i < buffers.length; i++) units[i] = values[buffers[i]] / unit;
  return units;
}

type Sections = Pick<Instance, 'sectionCount' | 'starts' | 'ends' | 'memberFirst' | 'members' | 'idleFirst' | 'idle'>;

function createSections({ starts, ends, stepCount, gaps }: Problem, buffers: Int32Array): Sections {
  const count = buffers.length;
  const begins = new Uint8Array(stepCount + 1);
  const stops = new Uint8Array(stepCount + 1);
  const isIdle = (g: number): boolean => gaps!.lowers[g] === gaps!.uppers[g];
  for (const b of buffers) {
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
  const firstOf = Int32Array.from(buffers, (b) => sectionAt[starts[b]]);
  const lastOf = Int32Array.from(buffers, (b) => sectionAt[ends[b]]);
  const idle: number[] = [];
  const idleFirst = gaps === null ? null : new Int32Array(count + 1);
  for (let i = 0; i < count && gaps !== null; i++) {
    const b = buffers[i];
    for (let g = gaps.first[b]; g < gaps.first[b + 1]; g++) {
      if (!isIdle(g)) continue;
      for (let s = sectionAt[gaps.starts[g]]; s < sectionAt[gaps.ends[g]]; s++) idle.push(s);
    }
    idleFirst![i + 1] = idle.length;
  }
  const span = { sectionCount, starts: firstOf, ends: lastOf, idleFirst, idle: Int32Array.from(idle) };
  return { ...span, ...listMembers(span, count) };
}

function listMembers(
  { sectionCount, starts, ends, idleFirst, idle }: Omit<Sections, 'memberFirst' | 'members'>,
  count: number,
): Pick<Instance, 'memberFirst' | 'members'> {
  const memberFirst = new Int32Array(sectionCount + 1);
  const forEachSection = (i: number, visit: (s: number) => void): void => {
    let e = idleFirst === null ? 0 : idleFirst[i];
    const end = idleFirst === null ? 0 : idleFirst[i + 1];
    for (let s = starts[i]; s < ends[i]; s++) {
      if (e < end && idle[e] === s) e++;
      else visit(s);
    }
  };
  for (let i = 0; i < count; i++) forEachSection(i, (s) => memberFirst[s]++);
  for (let s = 0, sum = 0; s <= sectionCount; s++) memberFirst[s] = sum += memberFirst[s];
  const members = new Int32Array(memberFirst[sectionCount]);
  for (let i = count - 1; i >= 0; i--) forEachSection(i, (s) => (members[--memberFirst[s]] = i));
  return { memberFirst, members };
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
