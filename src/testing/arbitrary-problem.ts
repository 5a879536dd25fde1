/**
 * Arbitrary placement problems for property tests of allocators.
 */
import fc from 'fast-check';
import type { PlaceOptions } from '../solver/allocator.js';
import { checkArgument, checkChoice, checkOptions, type OptionNames } from '../errors.js';
import { createProblem, type BufferSpec, type BufferGap, type Problem } from '../problem/problem.js';
import { alignUp, checkAlignment } from '../units.js';
import { codeOfProblem } from './problem-code.js';

/** What arbitrary problems may contain. */
export interface ArbitraryProblemOptions {
  /** Moves that the problem is made of at most, inclusive; each adds one to five buffers. Default 20. */
  readonly maxMoves?: number;
  /** Largest alignment, a power of two, in bytes. Default 64. */
  readonly maxAlignment?: number;
  /**
   * Whether some buffers need fewer bytes, or none, for a part of their lives: from its start, in its middle, to its end,
   * or all of it. Default true.
   */
  readonly gaps?: boolean;
  /**
   * Whether the offsets of some buffers are fixed, of which no two collide. Default false, for allocators that do not know
   * such buffers.
   */
  readonly fixedOffsets?: boolean;
}

const PROBLEM_OPTIONS: OptionNames<ArbitraryProblemOptions> = {
  maxMoves: true,
  maxAlignment: true,
  gaps: true,
  fixedOffsets: true,
};

/** A problem with the limits under which it is to be placed, and checked. */
export interface LimitedProblem {
  readonly problem: Problem;
  /** What an allocator and `verifyPlacement` both take. A placement within them exists. */
  readonly limits: PlaceOptions;
}

/** What a stretch of a graph does to memory, the simplest first. */
const KINDS = ['chain', 'chain', 'chain', 'skip', 'skip', 'fan', 'long'] as const;

/** Few sizes, many of them equal, as layers of one shape have them; and some odd ones. */
const SIZES = [64, 64, 128, 256, 1024, 4096, 1, 100, 3000];

/** Where a gap lies in a life, the simplest first. */
const PLACES = ['none', 'none', 'none', 'none', 'none', 'none', 'middle', 'end', 'start', 'all'] as const;

/** Where a fixed offset is looked for, bytes; null: the offset is free. The simplest first. */
const FIXED = [null, null, null, null, 0, 64, 1000] as const;

/** How large chunks may be, in multiples of the smallest that will do; the simplest first. */
const LIMITS = [Infinity, 100, 2, 1.5, 1] as const;

/** What is still needed in a gap, the simplest first. */
const NEEDS = ['nothing', 'lower half', 'upper half'] as const;

/**
 * Problems weighted like those of real graphs: short lives one after another, skips over several steps, fans that are
 * alive at once, buffers that last to the end; few distinct sizes; gaps anywhere. They shrink to few, small buffers without
 * gaps, and print as a call of `createProblem`.
 *
 * @throws PlannerError `BAD_ALIGNMENT`, `BAD_ARGUMENT`
 */
export function arbitraryProblem(options: ArbitraryProblemOptions = {}): fc.Arbitrary<Problem> {
  checkOptions(options, PROBLEM_OPTIONS);
  const { maxMoves = 20, maxAlignment = 64, gaps = true, fixedOffsets = false } = options;
  checkAlignment(maxAlignment, 'maxAlignment');
  const isCount = Number.isSafeInteger(maxMoves) && maxMoves >= 0;
  checkArgument(isCount, 'maxMoves', maxMoves, 'an integer of at least 0', 'Leave it out for 20.');
  checkChoice('gaps', gaps, [true, false]);
  checkChoice('fixedOffsets', fixedOffsets, [true, false]);
  const move = fc.record({
    kind: fc.constantFrom(...KINDS),
    size: fc.constantFrom(...SIZES),
    length: fc.nat({ max: 6 }),
    log2: fc.nat({ max: Math.log2(maxAlignment) }),
    place: gaps ? fc.constantFrom(...PLACES) : fc.constant('none' as const),
    need: fc.constantFrom(...NEEDS),
    fixed: fixedOffsets ? fc.constantFrom(...FIXED) : fc.constant(null),
  });
  return fc.array(move, { maxLength: maxMoves, size: 'max' }).map((moves) => {
    const buffers: BufferSpec[] = [];
    let step = 0;
    for (const { kind, size, length, log2, place, need, fixed } of moves) {
      const count = kind === 'fan' ? 2 + (length % 4) : 1;
      const life = kind === 'chain' ? 2 : kind === 'long' ? moves.length * 2 + 8 - step : 2 + length;
      for (let i = 0; i < count; i++) {
        const [start, end] = [step + i, step + Math.max(life, count) + 1];
        const buffer = { size, start, end, alignment: 2 ** log2, gaps: gapsOf(start, end, size, place, need) };
        buffers.push(fixed === null ? buffer : { ...buffer, fixedOffset: freeOffset(buffer, fixed, buffers) });
      }
      step += count === 1 ? 1 : 2;
    }
    return printingItself(createProblem(buffers));
  });
}

/**
 * The problems of {@link arbitraryProblem}, each with a limit for the size of chunks: none, one that leaves a single chunk,
 * or one that needs several.
 *
 * @throws PlannerError `BAD_ALIGNMENT`, `BAD_ARGUMENT`
 * @example
 * ```ts
 * import fc from 'fast-check';
 * import { ALLOCATORS, verifyPlacement } from 'tensor-arena';
 * import { arbitraryLimitedProblem } from 'tensor-arena/testing';
 * const isPlaced = fc.property(arbitraryLimitedProblem({ fixedOffsets: true }), ({ problem, limits }) => {
 *   const placement = ALLOCATORS['greedy-by-size'].place(problem, limits);
 *   return verifyPlacement(problem, placement, limits).length === 0;
 * });
 * fc.assert(isPlaced, { numRuns: 50 });
 * ```
 */
export function arbitraryLimitedProblem(options: ArbitraryProblemOptions = {}): fc.Arbitrary<LimitedProblem> {
  const limit = fc.constantFrom(...LIMITS);
  return fc.tuple(arbitraryProblem(options), limit, fc.boolean()).map(([problem, factor, allowOversize]) => {
    const limits = { maxChunkSize: Math.ceil(leastChunk(problem, allowOversize) * factor), allowOversize };
    return { problem, limits: factor === Infinity ? {} : limits };
  });
}

/** Bytes that every chunk must be able to hold: the largest buffer, unless it may exceed the limit, and all fixed ones. */
function leastChunk({ sizes, fixedOffsets }: Problem, allowOversize: boolean): number {
  let least = 1;
  sizes.forEach((size, b) => {
    const fixed = fixedOffsets?.[b] ?? NaN;
    if (!Number.isNaN(fixed)) least = Math.max(least, fixed + size);
    else if (!allowOversize) least = Math.max(least, size);
  });
  return least;
}

/** The lowest offset from `from` on at which a buffer collides with none of those whose offsets are fixed. */
function freeOffset(
  { size, start, end, alignment }: Required<Pick<BufferSpec, 'size' | 'start' | 'end' | 'alignment'>>,
  from: number,
  others: readonly BufferSpec[],
): number {
  const alive = others.filter((other) => other.fixedOffset !== undefined && other.start < end && start < other.end);
  let offset = alignUp(from, alignment);
  for (;;) {
    const inTheWay = alive.find(
      (other) => other.fixedOffset! < offset + size && offset < other.fixedOffset! + other.size,
    );
    if (inTheWay === undefined) return offset;
    offset = alignUp(inTheWay.fixedOffset! + inTheWay.size, alignment);
  }
}

/** The same problem, which fast-check prints as code that makes it. */
function printingItself(problem: Problem): Problem {
  return Object.defineProperty(problem, fc.toStringMethod, { value: () => codeOfProblem(problem) });
}

/** The gap of a life of at least two steps; none where the life is too short for it. */
function gapsOf(
  start: number,
  end: number,
  size: number,
  place: (typeof PLACES)[number],
  need: (typeof NEEDS)[number],
): BufferGap[] {
  if (place === 'none') return [];
  const from = place === 'middle' || place === 'end' ? start + 1 : start;
  const to = place === 'middle' || place === 'start' ? end - 1 : end;
  const half = Math.floor(size / 2);
  const [lower, upper] = need === 'nothing' ? [0, 0] : need === 'lower half' ? [0, half] : [half, size];
  return from < to ? [{ start: from, end: to, lower, upper }] : [];
}
