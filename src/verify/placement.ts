/**
 * Checks the geometry of a placement: is every buffer where it may be, and does it share no byte with another?
 *
 * Invariant: independent of every allocator (it shares no code with solver/).
 */
import { checkArgument, isListLike, shown, type OptionNames } from '../errors.js';
import { problemRemedy } from '../problem/check-problem.js';
import type { Problem } from '../problem/problem.js';
import { forEachCollision, type Rectangle } from './collisions.js';
import { checkLimits, MAX_VIOLATIONS } from './limits.js';

/** What a placement looks like to the verifier; the allocators' `Placement` is one. */
export interface PlacementLike {
  readonly offsets: ArrayLike<number>;
  readonly chunkOf: ArrayLike<number>;
  readonly chunks: ArrayLike<number>;
}

/** The limits under which the placement was made. */
export interface PlacementLimits {
  /** Bytes that one chunk may hold. Default: unlimited. */
  readonly maxChunkSize?: number;
  /** Whether a chunk may be as large as its largest buffer, even above the limit. Default false. */
  readonly allowOversize?: boolean;
  /** Violations that are reported at most: the first to be found. Default 10,000. */
  readonly maxViolations?: number;
}

const PLACEMENT_LIMITS: OptionNames<PlacementLimits> = { maxChunkSize: true, allowOversize: true, maxViolations: true };

/** One broken rule. */
export interface PlacementViolation {
  readonly kind:
    | 'bad-shape'
    | 'bad-size'
    | 'bad-offset'
    | 'bad-chunk'
    | 'misaligned'
    | 'fixed-moved'
    | 'chunk-too-small'
    | 'chunk-too-large'
    | 'overlap';
  /** The buffers concerned, lower index first: two for an overlap, none for the size of a chunk. */
  readonly buffers: readonly number[];
  readonly message: string;
}

/**
 * Returns every violation, up to `maxViolations`; none means that the placement is valid. O((n + violations) log n).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function verifyPlacement(
  problem: Problem,
  placement: PlacementLike,
  limits: PlacementLimits = {},
): PlacementViolation[] {
  checkLimits(limits, PLACEMENT_LIMITS);
  const { maxViolations = MAX_VIOLATIONS } = limits;
  checkProblemAndPlacement(problem, placement);
  const { offsets, chunkOf } = placement;
  if (offsets.length !== problem.bufferCount || chunkOf.length !== problem.bufferCount) {
    const message = `${offsets.length} offsets and ${chunkOf.length} chunk indices for ${problem.bufferCount} buffers`;
    return [{ kind: 'bad-shape', buffers: [], message }];
  }
  const violations: PlacementViolation[] = [];
  for (let b = 0; b < problem.bufferCount; b++) checkBuffer(problem, placement, b, violations);
  if (!violations.some(({ kind }) => kind === 'bad-offset' || kind === 'bad-chunk')) {
    checkChunkSizes(problem, placement, limits, violations);
    findOverlaps(problem, placement, violations, maxViolations);
  }
  return violations.slice(0, maxViolations);
}

/** @throws PlannerError `BAD_ARGUMENT` unless both are what they should be */
function checkProblemAndPlacement(problem: unknown, placement: unknown): void {
  const { sizes, alignments, starts, ends } = (problem ?? {}) as Partial<Record<keyof Problem, unknown>>;
  const isProblem = [sizes, alignments, starts, ends].every(isListLike);
  checkArgument(isProblem, 'problem', problem, 'a Problem', problemRemedy(problem));
  const columns = (placement ?? {}) as Partial<Record<keyof PlacementLike, unknown>>;
  const missing = (['offsets', 'chunkOf', 'chunks'] as const).find((column) => !isListLike(columns[column]));
  if (missing === undefined) return;
  const isObject = typeof placement === 'object' && placement !== null;
  const remedy = 'Give what an allocator returns: { offsets, chunkOf, chunks }.';
  if (isObject) checkArgument(false, `placement.${missing}`, columns[missing], 'a list of numbers', remedy);
  checkArgument(false, 'placement', placement, 'a placement', remedy);
}

function checkBuffer(
  { sizes, alignments, fixedOffsets }: Problem,
  { offsets, chunkOf, chunks }: PlacementLike,
  b: number,
  violations: PlacementViolation[],
): void {
  const offset = offsets[b];
  const chunk = chunkOf[b];
  const report = (kind: PlacementViolation['kind'], message: string): void => {
    violations.push({ kind, buffers: [b], message: `buffer ${b} ${message}` });
  };
  if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(offset + sizes[b])) {
    return report('bad-offset', `is at ${shown(offset)}`);
  }
  if (!Number.isInteger(chunk) || chunk < 0 || chunk >= chunks.length) {
    return report('bad-chunk', `is in chunk ${shown(chunk)} of ${chunks.length}`);
  }
  if (offset % alignments[b] !== 0) report('misaligned', `is at ${offset}, no multiple of ${alignments[b]}`);
  if (offset + sizes[b] > chunks[chunk]) {
    report('chunk-too-small', `ends at ${offset + sizes[b]}, but chunk ${chunk} has ${chunks[chunk]} bytes`);
  }
  const fixed = fixedOffsets === null ? NaN : fixedOffsets[b];
  if (!Number.isNaN(fixed) && (offset !== fixed || chunk !== 0)) {
    report('fixed-moved', `is at ${offset} in chunk ${chunk}, but belongs at ${fixed} in chunk 0`);
  }
}

function checkChunkSizes(
  { bufferCount, sizes }: Problem,
  { chunkOf, chunks }: PlacementLike,
  { maxChunkSize = Infinity, allowOversize = false }: PlacementLimits,
  violations: PlacementViolation[],
): void {
  const limits = new Float64Array(chunks.length).fill(maxChunkSize);
  if (allowOversize) for (let b = 0; b < bufferCount; b++) limits[chunkOf[b]] = Math.max(limits[chunkOf[b]], sizes[b]);
  let total = 0;
  for (let chunk = 0; chunk < chunks.length; chunk++) {
    const [size, limit] = [chunks[chunk], limits[chunk]];
    total += size;
    // The text "8" is no size, though JavaScript compares it like one.
    const isSize = Number.isInteger(size) && size >= 0 && Number.isSafeInteger(total);
    if (isSize && size <= limit) continue;
    const message = isSize
      ? `chunk ${chunk} has ${size} bytes, above its limit of ${limit}`
      : `the size of chunk ${chunk} is ${shown(size)}; sizes are integers, up to 2^53 - 1 in all`;
    violations.push({ kind: isSize ? 'chunk-too-large' : 'bad-size', buffers: [], message });
  }
}

/** The bytes that one buffer needs during one part of its live range. */
interface Part extends Rectangle {
  readonly buffer: number;
  readonly chunk: number;
}

function partsOf(problem: Problem, { offsets, chunkOf }: PlacementLike): Part[] {
  const { bufferCount, sizes, starts, ends, gaps } = problem;
  const parts: Part[] = [];
  for (let buffer = 0; buffer < bufferCount; buffer++) {
    const push = (start: number, end: number, lower: number, upper: number): void => {
      if (start === end || lower === upper) return;
      const bottom = offsets[buffer] + lower;
      parts.push({ buffer, start, end, chunk: chunkOf[buffer], bottom, top: offsets[buffer] + upper });
    };
    let start = starts[buffer];
    if (gaps !== null) {
      for (let g = gaps.first[buffer]; g < gaps.first[buffer + 1]; g++) {
        push(start, gaps.starts[g], 0, sizes[buffer]);
        push(gaps.starts[g], gaps.ends[g], gaps.lowers[g], gaps.uppers[g]);
        start = gaps.ends[g];
      }
    }
    push(start, ends[buffer], 0, sizes[buffer]);
  }
  return parts;
}

/** Adds overlaps until there are `most` violations. */
function findOverlaps(
  problem: Problem,
  placement: PlacementLike,
  violations: PlacementViolation[],
  most: number,
): void {
  const reported = new Set<number>();
  const byChunk = Array.from(placement.chunks, (): Part[] => []);
  for (const part of partsOf(problem, placement)) byChunk[part.chunk].push(part);
  for (const parts of byChunk) {
    if (violations.length >= most) return;
    forEachCollision(parts, (a, b) => {
      const low = Math.min(a.buffer, b.buffer);
      const high = Math.max(a.buffer, b.buffer);
      if (reported.has(low * problem.bufferCount + high)) return true;
      reported.add(low * problem.bufferCount + high);
      const bytes = `[${Math.max(a.bottom, b.bottom)}, ${Math.min(a.top, b.top)})`;
      const message = `buffers ${low} and ${high} share bytes ${bytes} of chunk ${a.chunk} at step ${b.start}`;
      violations.push({ kind: 'overlap', buffers: [low, high], message });
      return violations.length < most;
    });
  }
}
