/**
 * Arbitrary placement problems for property tests of allocators.
 */
import fc from 'fast-check';
import { createProblem, type Buffer, type Gap, type Problem } from '../problem/problem.js';
import { checkAlignment } from '../units.js';

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
}

/** What a stretch of a graph does to memory, the simplest first. */
const KINDS = ['chain', 'chain', 'chain', 'skip', 'skip', 'fan', 'long'] as const;

/** Few sizes, many of them equal, as layers of one shape have them; and some odd ones. */
const SIZES = [64, 64, 128, 256, 1024, 4096, 1, 100, 3000];

/** Where a gap lies in a life, the simplest first. */
const PLACES = ['none', 'none', 'none', 'none', 'none', 'none', 'middle', 'end', 'start', 'all'] as const;

/** What is still needed in a gap, the simplest first. */
const NEEDS = ['nothing', 'lower half', 'upper half'] as const;

/**
 * Problems weighted like those of real graphs: short lives one after another, skips over several steps, fans that are
 * alive at once, buffers that last to the end; few distinct sizes; gaps anywhere. They shrink to few, small buffers without gaps.
 *
 * @throws PlannerError `BAD_ALIGNMENT`
 */
export function arbitraryProblem(options: ArbitraryProblemOptions = {}): fc.Arbitrary<Problem> {
  const { maxMoves = 20, maxAlignment = 64, gaps = true } = options;
  checkAlignment(maxAlignment, 'maxAlignment');
  const move = fc.record({
    kind: fc.constantFrom(...KINDS),
    size: fc.constantFrom(...SIZES),
    length: fc.nat({ max: 6 }),
    log2: fc.nat({ max: Math.log2(maxAlignment) }),
    place: gaps ? fc.constantFrom(...PLACES) : fc.constant('none' as const),
    need: fc.constantFrom(...NEEDS),
  });
  return fc.array(move, { maxLength: maxMoves, size: 'max' }).map((moves) => {
    const buffers: Buffer[] = [];
    let step = 0;
    for (const { kind, size, length, log2, place, need } of moves) {
      const count = kind === 'fan' ? 2 + (length % 4) : 1;
      const life = kind === 'chain' ? 2 : kind === 'long' ? moves.length * 2 + 8 - step : 2 + length;
      for (let i = 0; i < count; i++) {
        const [start, end] = [step + i, step + Math.max(life, count) + 1];
        buffers.push({ size, start, end, alignment: 2 ** log2, gaps: gapsOf(start, end, size, place, need) });
      }
      step += count === 1 ? 1 : 2;
    }
    return createProblem(buffers);
  });
}

/** The gap of a life of at least two steps; none where the life is too short for it. */
function gapsOf(
  start: number,
  end: number,
  size: number,
  place: (typeof PLACES)[number],
  need: (typeof NEEDS)[number],
): Gap[] {
  if (place === 'none') return [];
  const from = place === 'middle' || place === 'end' ? start + 1 : start;
  const to = place === 'middle' || place === 'start' ? end - 1 : end;
  const half = Math.floor(size / 2);
  const [lower, upper] = need === 'nothing' ? [0, 0] : need === 'lower half' ? [0, half] : [half, size];
  return from < to ? [{ start: from, end: to, lower, upper }] : [];
}
