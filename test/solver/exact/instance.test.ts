/** A problem in the form of the exact search: sections, units, classes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createInstance, isSearchable, unitOf } from '../../../src/solver/exact/instance.js';
import { createRandom } from '../../../src/solver/random.js';
import { createProblem, type BufferSpec } from '../../../src/problem/problem.js';
import { tinyBuffers } from '../../support/problems.js';

const isLive = ({ start, end, gaps = [] }: BufferSpec, step: number): boolean =>
  start <= step && step < end && !gaps.some((gap) => gap.start <= step && step < gap.end && gap.lower === gap.upper);

describe('createInstance', () => {
  it('needs as few sections as there are largest sets of buffers', () => {
    //   step  0 1 2 3 4 5
    //   A     ■ ■ ■ ■ · ·      sections {A, B}, {A, C, D}, {E}
    //   B     ■ · · · · ·
    //   C     · · ■ ■ · ·
    //   D     · · ■ ■ · ·
    //   E     · · · · ■ ■
    const problem = createProblem([
      { size: 8, start: 0, end: 4 },
      { size: 4, start: 0, end: 1 },
      { size: 12, start: 2, end: 4 },
      { size: 12, start: 2, end: 4 },
      { size: 4, start: 4, end: 6 },
    ]);
    const { unit, sizes, alignments, fixed, sectionCount, memberFirst, members, starts, ends, ...rest } =
      createInstance(problem);
    expect([unit, [...sizes], alignments, fixed, sectionCount]).toEqual([4, [2, 1, 3, 3, 1], null, null, 3]);
    expect([[...memberFirst], [...members]]).toEqual([
      [0, 2, 5, 6],
      [0, 1, 0, 2, 3, 4],
    ]);
    expect([[...starts], [...ends]]).toEqual([
      [0, 0, 1, 1, 2],
      [2, 1, 2, 2, 3],
    ]);
    expect([[...rest.spanClass], rest.idleFirst, [...rest.idle]]).toEqual([[0, 1, 2, 2, 3], null, []]);
    expect(sizes).toBeInstanceOf(Int32Array);
  });

  const options = { maxCount: 8, maxStep: 12 };

  it('has in each section the buffers of one step, and every step is within a section', () => {
    fc.assert(
      fc.property(fc.oneof(tinyBuffers(options), tinyBuffers({ ...options, gaps: 'none' })), (buffers) => {
        const { sectionCount, memberFirst, members } = createInstance(createProblem(buffers));
        const sections = Array.from({ length: sectionCount }, (_, s) => [
          ...members.subarray(memberFirst[s], memberFirst[s + 1]),
        ]);
        const steps = Array.from({ length: 13 }, (_, step) =>
          [...buffers.keys()].filter((b) => isLive(buffers[b], step)),
        );
        for (const section of sections) expect(steps).toContainEqual(section);
        if (buffers.every(({ gaps = [] }) => gaps.length === 0)) {
          for (const one of sections) {
            expect(sections.filter((other) => one.every((b) => other.includes(b)))).toEqual([one]);
          }
        }
        for (const step of steps) {
          expect(step.length === 0 || sections.some((each) => step.every((b) => each.includes(b)))).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('says in which sections a buffer needs nothing, and gives such a buffer no equal', () => {
    const gaps = [{ start: 2, end: 4 }];
    const problem = createProblem([
      { size: 8, start: 0, end: 6, gaps },
      { size: 8, start: 0, end: 6, gaps: [{ start: 2, end: 4, lower: 1, upper: 3 }] },
      { size: 8, start: 0, end: 6 },
      { size: 8, start: 2, end: 4 },
      { size: 8, start: 0, end: 6, fixedOffset: 16 },
    ]);
    const { sectionCount, idleFirst, idle, spanClass, fixed } = createInstance(problem);
    expect([sectionCount, [...idleFirst!], [...idle]]).toEqual([3, [0, 1, 1, 1, 1, 1], [1]]);
    expect([[...spanClass], [...fixed!]]).toEqual([
      [-1, 0, 0, 1, -1],
      [-1, -1, -1, -1, 2],
    ]);
  });

  it('counts alignments in units, where they are more than one', () => {
    const { unit, sizes, alignments, spanClass } = createInstance(
      createProblem([
        { size: 12, start: 0, end: 2, alignment: 8 },
        { size: 24, start: 0, end: 2, alignment: 2 },
        { size: 24, start: 0, end: 2 },
        { size: 24, start: 0, end: 2 },
      ]),
    );
    expect([unit, [...sizes], [...alignments!]]).toEqual([4, [3, 6, 6, 6], [2, 1, 1, 1]]);
    expect([...spanClass]).toEqual([-1, 0, 0, 0]);
  });

  it.each([
    ['sizes', { size: 2 ** 28 - 3, start: 0, end: 1 }, { size: 2 ** 28, start: 0, end: 1 }],
    [
      'alignments',
      { size: 1, start: 0, end: 1, alignment: 2 ** 27 },
      { size: 1, start: 0, end: 1, alignment: 2 ** 28 },
    ],
    [
      'fixed offsets',
      { size: 1, start: 0, end: 1, fixedOffset: 2 ** 28 },
      { size: 1, start: 0, end: 1, fixedOffset: 2 ** 29 },
    ],
  ])('uses 32 bits as long as the highest offset that %s may lead to has room in them', (_, small, large) => {
    const columnOf = (buffer: BufferSpec) =>
      createInstance(createProblem([buffer, buffer, { size: 1, start: 1, end: 2 }])).sizes;
    expect(columnOf(small)).toBeInstanceOf(Int32Array);
    expect(columnOf(large)).toBeInstanceOf(Float64Array);
  });
});

describe('unitOf', () => {
  it('divides all sizes and fixed offsets; an alignment that does not divide it makes it smaller', () => {
    const unit = (...rows: Partial<BufferSpec>[]): number =>
      unitOf(createProblem(rows.map((row) => ({ size: 48, start: 0, end: 1, ...row }))));
    expect(unit({})).toBe(48);
    expect(unit({ alignment: 16 }, {})).toBe(48);
    expect(unit({ alignment: 32 }, {})).toBe(16);
    expect(unit({ fixedOffset: 36 }, { size: 120 })).toBe(12);
    expect(unit({ size: 7 }, {})).toBe(1);
  });
});

describe('isSearchable', () => {
  it('has limits of buffers and of pairs', () => {
    const short = (count: number): BufferSpec[] =>
      Array.from({ length: count }, (_, b) => ({ size: 1, start: b, end: b + 1 }));
    expect([10_000, 10_001].map((count) => isSearchable(createProblem(short(count))))).toEqual([true, false]);
    const long = (count: number): BufferSpec[] => Array.from({ length: count }, () => ({ size: 1, start: 0, end: 1 }));
    // n (n - 1) / 2 pairs.
    expect([2828, 2829].map((count) => isSearchable(createProblem(long(count))))).toEqual([true, false]);
  });
});

describe('createRandom', () => {
  it('is a Weyl sequence through the finaliser of MurmurHash3, on every machine', () => {
    const low = (value: bigint): bigint => BigInt.asUintN(32, value);
    const plain = (seed: number, index: number): number => {
      let hash = low(BigInt(seed) + BigInt(index + 1) * 0x9e3779b9n);
      hash = low((hash ^ (hash >> 16n)) * 0x85ebca6bn);
      hash = low((hash ^ (hash >> 13n)) * 0xc2b2ae35n);
      return Number(hash ^ (hash >> 16n)) / 2 ** 32;
    };
    for (const seed of [0, 1, 7, 123456789]) {
      const random = createRandom(seed);
      for (let i = 0; i < 50; i++) expect(random()).toBe(plain(seed, i));
    }
  });
});
