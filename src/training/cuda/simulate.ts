/**
 * What a run of a program reserves on a GPU: its allocations, in their order, given to PyTorch's caching allocator.
 */
import { checkArgument, checkOptions, type OptionNames } from '../../errors.js';
import type { Problem } from '../../problem/problem.js';
import { checkBytes } from '../../units.js';
import { CachingAllocator } from './caching-allocator.js';

/** Allocations and frees in the order in which a program makes them. */
export interface AllocationEvents {
  /** Bytes of each tensor. */
  readonly sizes: ArrayLike<number>;
  /** The events: `t` allocates tensor `t`, `-1 - t` frees it. */
  readonly order: ArrayLike<number>;
}

/** Settings of the allocator. */
export interface CachingOptions {
  /** Bytes of device memory that the allocator can have, without the CUDA context. Default: unlimited. */
  readonly capacity?: number;
  /** `PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True`. Default false. */
  readonly expandableSegments?: boolean;
}

/** The moment at which a program runs out of memory. */
export interface OutOfMemory {
  /** Position of the event in `order`. */
  readonly event: number;
  readonly tensor: number;
  /** Bytes that could not be had. */
  readonly size: number;
  /** Bytes in use at that moment. */
  readonly allocated: number;
  /** Bytes that the allocator had reserved. */
  readonly reserved: number;
}

/** What the allocator reserves. All sizes are bytes. */
export interface CachingResult {
  /** The largest number of bytes that tensors ask for at once. */
  readonly requestedPeak: number;
  /** The largest number of bytes in blocks that are used: `torch.cuda.max_memory_allocated`. */
  readonly allocatedPeak: number;
  /** The largest number of bytes that the driver has given: `torch.cuda.max_memory_reserved`. */
  readonly reservedPeak: number;
  /** Share of `reservedPeak` that was in no used block when it was reached first, from 0 to 1. */
  readonly fragmentation: number;
  /** Bytes reserved after each event. Events after one that runs out of memory have none. */
  readonly reserved: Float64Array;
  /** How often the driver had no memory left, and all free segments were given back to it. */
  readonly retries: number;
  /** Null if everything could be had. */
  readonly outOfMemory: OutOfMemory | null;
}

const OPTIONS: OptionNames<CachingOptions> = { capacity: true, expandableSegments: true };

/**
 * Runs PyTorch's CUDA caching allocator over a sequence of allocations, on one stream and with its default settings.
 * A tensor of no bytes takes no memory. O(n log n) comparisons for n events.
 *
 * @throws PlannerError `BAD_ARGUMENT` if an event frees what is not allocated, or allocates what is; `BYTES_TOO_LARGE`
 * @example
 * ```ts
 * import { simulateCachingAllocator } from 'tensor-arena/training';
 * const order = [0, 1, -1]; // two tensors are allocated, then the first is freed
 * const { reservedPeak } = simulateCachingAllocator({ sizes: [1000, 3e6], order });
 * console.log(reservedPeak); // 23068672: a segment of 2 MiB, and one of 20 MiB
 * ```
 */
export function simulateCachingAllocator(events: AllocationEvents, options: CachingOptions = {}): CachingResult {
  checkEvents(events);
  checkOptions(options, OPTIONS);
  const { capacity = Infinity, expandableSegments = false } = options;
  const isCapacity = capacity === Infinity || (Number.isSafeInteger(capacity) && capacity >= 0);
  checkArgument(isCapacity, 'capacity', capacity, 'a whole number of bytes', 'Leave it out for no limit.');
  checkArgument(
    typeof expandableSegments === 'boolean',
    'expandableSegments',
    expandableSegments,
    'true or false',
    'Leave it out for false.',
  );
  return simulated(events, new CachingAllocator(capacity, expandableSegments));
}

function simulated({ sizes, order }: AllocationEvents, allocator: CachingAllocator): CachingResult {
  const blockOf = new Int32Array(sizes.length).fill(UNALLOCATED);
  const reserved = new Float64Array(order.length);
  const peaks = { requestedPeak: 0, allocatedPeak: 0, reservedPeak: 0, fragmentation: 0 };
  let requested = 0;
  for (let event = 0; event < order.length; event++) {
    const isFree = order[event] < 0;
    const tensor = isFree ? -1 - order[event] : order[event];
    checkTurn(blockOf[tensor], isFree, event, tensor);
    const size = sizes[tensor];
    if (isFree) {
      if (blockOf[tensor] !== EMPTY) allocator.free(blockOf[tensor]);
      blockOf[tensor] = UNALLOCATED;
      requested -= size;
    } else {
      const block = size === 0 ? EMPTY : allocator.allocate(size);
      if (block === null) {
        const { allocated, retries } = allocator;
        const outOfMemory = { event, tensor, size, allocated, reserved: allocator.reserved };
        return { ...peaks, reserved: reserved.subarray(0, event), retries, outOfMemory };
      }
      blockOf[tensor] = block;
      requested += size;
    }
    reserved[event] = allocator.reserved;
    note(peaks, requested, allocator);
  }
  return { ...peaks, reserved, retries: allocator.retries, outOfMemory: null };
}

/** Marks of tensors in place of a block. */
const UNALLOCATED = -1;
const EMPTY = -2;

function note(
  peaks: { requestedPeak: number; allocatedPeak: number; reservedPeak: number; fragmentation: number },
  requested: number,
  { allocated, reserved }: CachingAllocator,
): void {
  peaks.requestedPeak = Math.max(peaks.requestedPeak, requested);
  peaks.allocatedPeak = Math.max(peaks.allocatedPeak, allocated);
  if (reserved <= peaks.reservedPeak) return;
  peaks.reservedPeak = reserved;
  peaks.fragmentation = 1 - allocated / reserved;
}

/**
 * The events of a placement problem: at each step, buffers that end are freed before those that begin are allocated,
 * each kind in the order of the buffers. O(n log n).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function eventsOfProblem(problem: Problem): AllocationEvents {
  const isProblem = typeof problem === 'object' && problem !== null && ArrayBuffer.isView(problem.sizes);
  checkArgument(isProblem, 'problem', problem, 'a Problem', 'Make it with createProblem or parseProblemCsv.');
  const { bufferCount, sizes, starts, ends } = problem;
  const order = Int32Array.from({ length: 2 * bufferCount }, (_, index) =>
    index < bufferCount ? -1 - index : index - bufferCount,
  );
  const stepOf = (event: number): number => (event < 0 ? ends[-1 - event] : starts[event]);
  order.sort((a, b) => stepOf(a) - stepOf(b) || Number(a >= 0) - Number(b >= 0) || (a < 0 ? b - a : a - b));
  return { sizes, order };
}

function checkEvents(events: AllocationEvents): void {
  const isObject = typeof events === 'object' && events !== null;
  checkArgument(isObject, 'events', events, 'an object with sizes and order', 'Give { sizes, order }.');
  const { sizes, order } = events;
  checkList(sizes, 'events.sizes');
  checkList(order, 'events.order');
  for (let tensor = 0; tensor < sizes.length; tensor++) checkBytes(sizes[tensor], `events.sizes[${tensor}]`);
  for (let event = 0; event < order.length; event++) {
    const isTensor = Number.isSafeInteger(order[event]) && order[event] >= -sizes.length && order[event] < sizes.length;
    const limit = `t or -1 - t for one of ${sizes.length} tensors`;
    checkArgument(isTensor, `events.order[${event}]`, order[event], limit, 'Give a tensor for each size.');
  }
}

function checkList(value: unknown, name: string): void {
  const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value);
  checkArgument(isList, name, value, 'an array of numbers', 'Give an array or a typed array.');
}

function checkTurn(block: number, isFree: boolean, event: number, tensor: number): void {
  const isAllocated = block !== UNALLOCATED;
  const limit = isFree ? `a tensor that is allocated` : `a tensor that is not allocated`;
  checkArgument(
    isAllocated === isFree,
    `events.order[${event}]`,
    isFree ? -1 - tensor : tensor,
    limit,
    'Allocate each tensor once before it is freed.',
  );
}
