/**
 * The planners of other runtimes, equal to the byte to the originals: TFLite Micro's `greedy_memory_planner.cc` of August
 * 2026, TFLite's `SimpleMemoryArena` with the order of its `ArenaPlanner`, and ExecuTorch's `greedy` were run on the
 * same 5,000 problems; the digests are of what they printed.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createProblem, verifyPlacement, type Allocator, type Problem } from 'tensor-arena/solver';
import { executorchGreedy, tfliteGreedy, tfliteMicroGreedy } from 'tensor-arena/tflite';
import { expectRefusal } from '../../support/expect-refusal.js';
import { peerProblems } from '../../support/peer-problems.js';

const COUNT = 5000;

interface Run {
  readonly name: string;
  readonly allocator: Allocator;
  readonly alignment: number;
  /** Whether sizes are no multiples of the alignment. */
  readonly isOdd?: boolean;
  /** Whether every third buffer has a fixed offset, some of which overlap. */
  readonly isFixed?: boolean;
  readonly digest: string;
}

const RUNS: readonly Run[] = [
  { name: 'TFLite Micro', allocator: tfliteMicroGreedy, alignment: 1, digest: '921a4c205667e2cd' },
  {
    name: 'TFLite Micro, with an offline plan of every third buffer',
    allocator: tfliteMicroGreedy,
    alignment: 1,
    isFixed: true,
    digest: '44a82f21cc7a47cd',
  },
  { name: 'TFLite', allocator: tfliteGreedy, alignment: 64, digest: 'bf9a4a9daa18f97d' },
  {
    name: 'TFLite, sizes of any kind',
    allocator: tfliteGreedy,
    alignment: 64,
    isOdd: true,
    digest: '915f00b9f95531ce',
  },
  { name: 'ExecuTorch', allocator: executorchGreedy, alignment: 1, digest: 'f1fa0f550570486b' },
];

function* problems({ alignment, isOdd = false, isFixed = false }: Run): Generator<Problem> {
  for (const buffers of peerProblems(COUNT)) {
    yield createProblem(
      buffers.map((buffer, index) => ({
        ...buffer,
        alignment,
        size: buffer.size - (isOdd ? (index % 7) * 5 : 0),
        ...(isFixed && index % 3 === 1 && { fixedOffset: 64 * ((index * 7) % 20) }),
      })),
    );
  }
}

describe.each(RUNS)('the planner of $name', (run) => {
  it('places as the original', () => {
    const lines: string[] = [];
    for (const problem of problems(run)) {
      const { chunks, offsets } = run.allocator.place(problem);
      lines.push([...chunks, ...offsets].join(' '));
    }
    expect(createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16)).toBe(run.digest);
  });

  it('makes placements without a violation, but where fixed offsets overlap', () => {
    let rest = 500;
    for (const problem of problems(run)) {
      const found = verifyPlacement(problem, run.allocator.place(problem));
      const isFixed = (buffer: number): boolean => !Number.isNaN(problem.fixedOffsets?.[buffer] ?? NaN);
      expect(found.filter(({ buffers }) => !buffers.every(isFixed))).toEqual([]);
      if (--rest === 0) break;
    }
  });
});

describe('all of them', () => {
  const buffers = [
    { size: 64, start: 0, end: 2 },
    { size: 128, start: 1, end: 3 },
  ];

  it.each([tfliteMicroGreedy, tfliteGreedy, executorchGreedy])('$name: nothing takes nothing', (allocator) => {
    expect(allocator.place(createProblem([]))).toMatchObject({ chunks: [] });
  });

  it.each([tfliteMicroGreedy, tfliteGreedy, executorchGreedy])(
    '$name fills one chunk, or says so',
    async (allocator) => {
      const work = (): unknown => allocator.place(createProblem(buffers), { maxChunkSize: 128 });
      await expectRefusal('OVERSIZE', work, /fills one chunk of 192 bytes, but a chunk may have at most 128/);
    },
  );

  it('keeps fixed offsets or refuses them', async () => {
    const problem = createProblem([{ ...buffers[0], fixedOffset: 256 }, buffers[1]]);
    expect([...tfliteMicroGreedy.place(problem).offsets]).toEqual([256, 0]);
    for (const allocator of [tfliteGreedy, executorchGreedy]) {
      await expectRefusal(
        'BAD_ARGUMENT',
        () => allocator.place(problem),
        /cannot keep buffer 0 at its fixed offset 256/,
      );
    }
  });
});
