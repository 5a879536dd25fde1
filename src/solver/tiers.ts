/**
 * Two memories for one problem: a fast one of limited size, and a slow one. Which buffers go where, so that the least
 * traffic goes to the slow one.
 *
 * Invariant: the bound on the traffic is that of buffers which may be cut in two: no choice of whole buffers is below it.
 * The buffers of the fast memory are placed by `solve`, so that a choice is known to fit.
 */
import { checkArgument, checkOptions, isListLike, type OptionNames } from '../errors.js';
import { checkProblem } from '../problem/check-problem.js';
import { liveLoad } from '../problem/lower-bound.js';
import type { Problem } from '../problem/problem.js';
import { selectBuffers } from '../problem/select.js';
import { checkBytes } from '../units.js';
import type { Placement } from './allocator.js';
import { packIntervals } from './interval-packing.js';
import { solve } from './search/solve.js';

/** Settings of {@link placeInTiers}. */
export interface TierOptions {
  /** Bytes of the fast memory. */
  readonly capacity: number;
  /** Bytes that go to and from the slow memory if a buffer lies there, one per buffer. */
  readonly traffic: ArrayLike<number>;
}

/** A placement in two memories: chunk 0 is the fast one, chunk 1 the slow one. */
export interface TieredPlacement extends Placement {
  /** Bytes that go to and from the slow memory. */
  readonly slowTraffic: number;
  /** Bytes of traffic that no choice of buffers goes below. */
  readonly trafficBound: number;
  /** Whether the bound is reached: no choice has less traffic. */
  readonly isOptimal: boolean;
}

const TIER_OPTIONS: OptionNames<TierOptions> = { capacity: true, traffic: true };

/** Search effort for the placement of one choice. */
const TRIAL_EFFORT = 2000;

const FAST = 0;
const SLOW = 1;

/**
 * Places buffers in a fast and a slow memory. O(buffers² · log buffers) for the bound, and a placement for each buffer that
 * is tried.
 *
 * @throws PlannerError `BAD_ARGUMENT`; `BYTES_TOO_LARGE` if all traffic together exceeds 2^53 - 1 bytes
 * @example
 * ```ts
 * import { createProblem, placeInTiers } from 'tensor-arena/solver';
 * const problem = createProblem([
 *   { size: 64, start: 0, end: 2 },
 *   { size: 64, start: 1, end: 3 },
 * ]);
 * const { chunkOf, slowTraffic, isOptimal } = placeInTiers(problem, { capacity: 64, traffic: [128, 640] });
 * console.log([...chunkOf], slowTraffic, isOptimal); // [ 1, 0 ] 128 true
 * ```
 */
export function placeInTiers(problem: Problem, options: TierOptions): TieredPlacement {
  checkProblem(problem);
  checkOptions(options, TIER_OPTIONS);
  const { capacity, traffic } = options;
  const isSize = Number.isSafeInteger(capacity) && capacity >= 0;
  checkArgument(isSize, 'capacity', capacity, 'an integer from 0 to 2^53 - 1', 'Give the bytes of the fast memory.');
  const { bufferCount } = problem;
  const isTraffic = isListLike(traffic) && traffic.length === bufferCount;
  checkArgument(isTraffic, 'traffic', traffic, `a list of ${bufferCount} numbers`, 'Give bytes for every buffer.');
  let all = 0;
  for (let buffer = 0; buffer < bufferCount; buffer++) {
    const isBytes = Number.isSafeInteger(traffic[buffer]) && traffic[buffer] >= 0;
    checkArgument(isBytes, `traffic[${buffer}]`, traffic[buffer], 'an integer of at least 0', 'Give bytes.');
    all = checkBytes(all + traffic[buffer], 'the traffic of all buffers');
  }
  const { packed, shares } = packIntervals(problem, capacity, traffic);
  const order = Array.from({ length: bufferCount }, (_, buffer) => buffer);
  const density = (buffer: number): number => traffic[buffer] / problem.sizes[buffer];
  const byShare = [...order].sort((a, b) => shares[b] - shares[a] || density(b) - density(a) || a - b);
  const byTraffic = [...order].sort((a, b) => traffic[b] - traffic[a] || a - b);
  const whole = byShare.filter((buffer) => shares[buffer] === 1);
  const slowOf = (chooser: Chooser): number =>
    order.reduce((sum, buffer) => (chooser.isFast(buffer) ? sum : sum + traffic[buffer]), 0);
  const [first, second] = [chosen(problem, capacity, whole, byShare), chosen(problem, capacity, [], byTraffic)];
  const chooser = slowOf(second) < slowOf(first) ? second : first;
  const slowTraffic = slowOf(chooser);
  // Bytes are whole, so a bound between two numbers is as good as the larger one; sums of fractions are a little off.
  const trafficBound = Math.max(0, Math.ceil((all - packed) * (1 - 1e-9) - 1e-6));
  return { ...chooser.placement(), slowTraffic, trafficBound, isOptimal: slowTraffic === trafficBound };
}

/** What fits: `whole` at once, if it does, then one buffer after another. */
function chosen(problem: Problem, capacity: number, whole: readonly number[], order: readonly number[]): Chooser {
  const chooser = new Chooser(problem, capacity);
  chooser.take(whole);
  for (const buffer of order) chooser.tryToAdd(buffer);
  return chooser;
}

/** The buffers of the fast memory, which are known to fit there. */
class Chooser {
  readonly #problem: Problem;
  readonly #capacity: number;
  #fast: Int32Array = new Int32Array(0);
  #offsets: Float64Array = new Float64Array(0);

  constructor(problem: Problem, capacity: number) {
    this.#problem = problem;
    this.#capacity = capacity;
  }

  isFast(buffer: number): boolean {
    return this.#fast.includes(buffer);
  }

  /** Takes all of these if they fit together; otherwise the caller tries them one by one. */
  take(buffers: readonly number[]): void {
    this.#accept(Int32Array.from(buffers).sort());
  }

  tryToAdd(buffer: number): void {
    if (this.isFast(buffer)) return;
    this.#accept(Int32Array.from([...this.#fast, buffer]).sort());
  }

  #accept(buffers: Int32Array): void {
    const part = selectBuffers(this.#problem, buffers);
    if (liveLoad(part).bytes > this.#capacity) return;
    const { offsets, bufferSize } = solve(part, { capacity: this.#capacity, maxEffort: TRIAL_EFFORT });
    if (bufferSize > this.#capacity) return;
    this.#fast = buffers;
    this.#offsets = offsets;
  }

  placement(): Placement {
    const { bufferCount } = this.#problem;
    const offsets = new Float64Array(bufferCount);
    const chunkOf = new Int32Array(bufferCount).fill(SLOW);
    this.#fast.forEach((buffer, index) => {
      offsets[buffer] = this.#offsets[index];
      chunkOf[buffer] = FAST;
    });
    const slow = Int32Array.from(chunkOf.keys()).filter((buffer) => chunkOf[buffer] === SLOW);
    const solution = solve(selectBuffers(this.#problem, slow));
    slow.forEach((buffer, index) => (offsets[buffer] = solution.offsets[index]));
    const sizes = [0, solution.bufferSize];
    for (const buffer of this.#fast) {
      sizes[FAST] = Math.max(sizes[FAST], offsets[buffer] + this.#problem.sizes[buffer]);
    }
    return { offsets, chunkOf, chunks: sizes };
  }
}
