/**
 * The simulation of PyTorch's CUDA caching allocator: against a second, plain one; against what its documentation and
 * its users say; on recorded steps of training.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createProblem, parseProblemCsv } from '../../../src/index.js';
import { eventsOfProblem, simulateCachingAllocator } from '../../../src/training/cuda/simulate.js';
import { expectError } from '../../support/expect-error.js';
import { PlainCachingAllocator } from '../../support/plain-caching-allocator.js';
import { describeShared, sharedIsPresent, sharedPath } from '../../support/shared.js';

const MIB = 1024 ** 2;

/** What each event leaves reserved, and whether memory ran out, by the plain allocator. */
function plainly(sizes: readonly number[], order: readonly number[], capacity: number, isExpandable: boolean): object {
  const allocator = new PlainCachingAllocator(capacity, isExpandable);
  const addresses = new Map<number, number>();
  const reserved: number[] = [];
  let allocatedPeak = 0;
  let failed: number | null = null;
  for (const [event, turn] of order.entries()) {
    if (turn < 0) allocator.free(addresses.get(-1 - turn)!);
    else {
      const address = allocator.allocate(sizes[turn]);
      if (address === null) {
        failed = event;
        break;
      }
      addresses.set(turn, address);
    }
    reserved.push(allocator.reserved);
    allocatedPeak = Math.max(allocatedPeak, allocator.allocated);
  }
  return { reserved, allocatedPeak, failed, retries: allocator.retries };
}

function simulated(
  sizes: readonly number[],
  order: readonly number[],
  capacity: number,
  isExpandable: boolean,
): object {
  const options = { ...(capacity === Infinity ? {} : { capacity }), expandableSegments: isExpandable };
  const { reserved, allocatedPeak, outOfMemory, retries } = simulateCachingAllocator({ sizes, order }, options);
  return { reserved: [...reserved], allocatedPeak, failed: outOfMemory?.event ?? null, retries };
}

const size = fc.oneof(
  fc.integer({ min: 1, max: 4096 }),
  fc.integer({ min: 1, max: 2 * MIB }),
  fc.integer({ min: MIB - 512, max: 12 * MIB }),
  fc.integer({ min: 1, max: 40 * MIB }),
  fc.constantFrom(512, MIB, MIB + 1, 10 * MIB - 512, 10 * MIB, 19 * MIB, 20 * MIB),
);

/** Tensors, and which of those that live is freed before each next allocation. */
const program = fc.array(fc.tuple(size, fc.array(fc.nat(), { maxLength: 3 })), { minLength: 1, maxLength: 40 });

function orderOf(steps: readonly (readonly [number, readonly number[]])[]): number[] {
  const alive: number[] = [];
  return steps.flatMap(([, frees], tensor) => {
    const freed = frees.flatMap((pick) => (alive.length === 0 ? [] : alive.splice(pick % alive.length, 1)));
    alive.push(tensor);
    return [...freed.map((each) => -1 - each), tensor];
  });
}

describe('the caching allocator', () => {
  it.each([false, true])('does what a plain one does; expandable segments: %s', (isExpandable) => {
    const capacity = fc.oneof(
      fc.constant(Infinity),
      fc.integer({ min: 20, max: 200 }).map((mib) => mib * MIB),
    );
    fc.assert(
      fc.property(program, capacity, (steps, bytes) => {
        const sizes = steps.map(([each]) => each);
        const order = orderOf(steps);
        expect(simulated(sizes, order, bytes, isExpandable)).toEqual(plainly(sizes, order, bytes, isExpandable));
      }),
      { numRuns: 400 },
    );
  });

  it.each([
    ['a scalar takes 512 bytes of a segment of 2 MiB', [4], 512, 2 * MIB],
    ['what fills 2 MiB shares a segment', [MIB, MIB], 2 * MIB, 2 * MIB],
    ['above 1 MiB a segment has 20 MiB', [MIB + 1], MIB + 512, 20 * MIB],
    ['requests of 1 to 10 MiB share it', [6 * MIB, 6 * MIB, 6 * MIB], 18 * MIB, 20 * MIB],
    ['from 10 MiB on a segment is a multiple of 2 MiB', [10 * MIB], 10 * MIB, 10 * MIB],
    ['what is left over up to 1 MiB is not split off', [11 * MIB], 12 * MIB, 12 * MIB],
  ])('%s', (_, sizes, allocatedPeak, reservedPeak) => {
    const order = sizes.map((__, tensor) => tensor);
    expect(simulateCachingAllocator({ sizes, order })).toMatchObject({ allocatedPeak, reservedPeak, retries: 0 });
  });

  it('takes the smallest free block that is large enough, and splits it', () => {
    const sizes = [100 * MIB, 40 * MIB, 30 * MIB, 10 * MIB];
    const { reservedPeak } = simulateCachingAllocator({ sizes, order: [0, 1, -1, -2, 2, 3] });
    expect(reservedPeak).toBe(140 * MIB);
  });

  it('keeps what is freed, so that it fragments; expandable segments grow instead', () => {
    // Each tensor is a little larger than the one before, as with batches of growing length.
    const sizes = [20, 40, 60, 80].map((mib) => mib * MIB);
    const events = { sizes, order: [0, -1, 1, -2, 2, -3, 3] };
    const plain = simulateCachingAllocator(events);
    expect(plain).toMatchObject({ reservedPeak: 200 * MIB, fragmentation: 0.6 });
    expect(simulateCachingAllocator(events, { expandableSegments: true })).toMatchObject({
      reservedPeak: 80 * MIB,
      fragmentation: 0,
    });
  });

  it('gives whole free segments back before it is out of memory', () => {
    const sizes = [20, 40, 60, 80].map((mib) => mib * MIB);
    const events = { sizes, order: [0, -1, 1, -2, 2, -3, 3] };
    expect(simulateCachingAllocator(events, { capacity: 100 * MIB })).toMatchObject({
      reservedPeak: 80 * MIB,
      retries: 2,
      outOfMemory: null,
    });
    expect(simulateCachingAllocator(events, { capacity: 79 * MIB }).outOfMemory).toEqual({
      event: 6,
      tensor: 3,
      size: 80 * MIB,
      allocated: 0,
      reserved: 0,
    });
  });

  it('gives a tensor of no bytes no memory', () => {
    const result = simulateCachingAllocator({ sizes: [0], order: [0, -1, 0] });
    expect(result).toMatchObject({ allocatedPeak: 0, reservedPeak: 0, fragmentation: 0, outOfMemory: null });
  });

  it('refuses a program that frees what is not there, or allocates what is', () => {
    expectError('BAD_ARGUMENT', 'events.order[0]', () => simulateCachingAllocator({ sizes: [1], order: [-1] }));
    expectError('BAD_ARGUMENT', 'events.order[1]', () => simulateCachingAllocator({ sizes: [1], order: [0, 0] }));
    expectError('BAD_ARGUMENT', 'events.order[0]', () => simulateCachingAllocator({ sizes: [1], order: [1] }));
  });
});

describe('the events of a problem', () => {
  it('free what ends at a step before they allocate what begins there', () => {
    const problem = createProblem([
      { size: 1, start: 0, end: 2 },
      { size: 1, start: 2, end: 3 },
      { size: 1, start: 0, end: 2 },
    ]);
    expect(Array.from(eventsOfProblem(problem).order)).toEqual([0, 2, -1, -3, 1, -2]);
  });
});

const recorded = sharedIsPresent ? readdirSync(sharedPath('training', 'torch', 'events')) : [];

describeShared('recorded steps of training', () => {
  it.each(recorded)('%s', (file) => {
    const csv = gunzipSync(readFileSync(sharedPath('training', 'torch', 'events', file))).toString('utf8');
    const events = eventsOfProblem(parseProblemCsv(csv).problem);
    const { bytes } = JSON.parse(
      readFileSync(sharedPath('training', 'torch', file.replace('.csv.gz', '.json')), 'utf8'),
    ) as { bytes: { steadyPeak: number } };
    const plain = simulateCachingAllocator(events);
    const expandable = simulateCachingAllocator(events, { expandableSegments: true });
    for (const { requestedPeak, allocatedPeak, reservedPeak } of [plain, expandable]) {
      expect(requestedPeak).toBe(bytes.steadyPeak);
      expect(allocatedPeak).toBeGreaterThanOrEqual(requestedPeak);
      expect(reservedPeak).toBeGreaterThanOrEqual(allocatedPeak);
    }
    // With as much memory as is reserved nothing runs out; with less than tensors need, something must.
    const enough = simulateCachingAllocator(events, { capacity: plain.reservedPeak });
    expect(enough).toMatchObject({ outOfMemory: null, retries: 0 });
    const short = simulateCachingAllocator(events, { capacity: plain.requestedPeak - 1 });
    expect(short.outOfMemory).not.toBeNull();
  });
});
