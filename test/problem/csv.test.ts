import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlaceOptions } from '../../src/solver/allocator.js';
import { ALLOCATORS, type AllocatorName } from '../../src/solver/allocators.js';
import { PlannerError } from '../../src/errors.js';
import { parseProblemCsv, type CsvProblem } from '../../src/problem/csv.js';
import { formatPlacementCsv } from '../../src/problem/csv-writer.js';
import { liveLoad } from '../../src/problem/lower-bound.js';
import type { BufferSpec, BufferGap } from '../../src/problem/problem.js';
import { tinyBuffers } from '../support/problems.js';
import { describeShared, readProblemCsv } from '../support/shared.js';

function errorOf(text: string): PlannerError {
  try {
    parseProblemCsv(text);
  } catch (error) {
    if (error instanceof PlannerError) return error;
    throw error;
  }
  throw new Error('the text was accepted');
}

/** Writes the rows as text with every column, and reads the text. A window without bytes is written as none. */
function problemOf(rows: readonly BufferSpec[]): { text: string; csv: CsvProblem } {
  const gapText = ({ start, end, lower = 0, upper = 0 }: BufferGap): string =>
    `${start}-${end}${upper > lower ? `@${lower}:${upper}` : ''}`;
  const lines = rows.map(({ start, end, size, alignment, fixedOffset = '', gaps = [] }, id) =>
    [`b${id}`, start, end, size, alignment, fixedOffset, gaps.map(gapText).join(' ')].join(','),
  );
  const text = ['id,lower,upper,size,alignment,offset,gaps', ...lines, ''].join('\n');
  return { text, csv: parseProblemCsv(text) };
}

describe('parseProblemCsv', () => {
  it('reads columns in any order, with Windows line ends and a byte order mark', () => {
    const { problem, ids, lowers, uppers } = parseProblemCsv('\uFEFFsize,id,upper,lower\r\n4,b7,100,-5\r\n8,a,5,0\r\n');
    expect(ids).toEqual(['b7', 'a']);
    expect([...lowers]).toEqual([-5, 0]);
    expect([...uppers]).toEqual([100, 5]);
    expect([...problem.sizes]).toEqual([4, 8]);
    expect([...problem.starts]).toEqual([0, 1]);
    expect([...problem.ends]).toEqual([3, 2]);
  });

  it('reads what a spreadsheet writes: semicolons, and names of columns in any case', () => {
    const plain = parseProblemCsv('id,lower,upper,size,gaps\na,0,9,4,2-5@0:2 6-7\nb,1,3,8,\n');
    expect(parseProblemCsv('ID;Lower;UPPER;Size;Gaps\r\na;0;9;4;2-5@0:2 6-7\r\nb;1;3;8;\r\n')).toEqual(plain);
    expect(parseProblemCsv('Buffer,Start,End,SIZE,gaps\na,0,8,4,2-4@0:2 6-6\nb,1,2,8,\n')).toEqual(plain);
    expect(errorOf('Id;Lower;Upper;Size\na;0;9;x\n').culprit).toBe('row 2, column "Size"');
    expect(errorOf('Id;Lower;Upper;Size\na;0;9\n').message).toContain('the row has 3 fields instead of 4');
    // Written with commas, it could not be read again.
    expect(errorOf('id;lower;upper;size\na,b;0;9;4\n').message).toContain('must be a name without commas');
    expect(errorOf('id;lower,upper;size\n').message).toMatch(/column "id;lower" is unknown/);
    expect(errorOf('id,ID,lower,upper,size\n').message).toMatch(/column "ID" is there twice/);
  });

  it('reads alignments, fixed offsets and gaps, each of which may be empty', () => {
    const { problem } = parseProblemCsv(
      'id,lower,upper,size,alignment,offset,gaps\n' + 'a,0,30,64,32,96,\n' + 'b,0,30,8,,,5-10 20-25@2:4\n',
    );
    expect([...problem.alignments]).toEqual([32, 1]);
    expect([...problem.fixedOffsets!]).toEqual([96, NaN]);
    expect([...problem.gaps!.first]).toEqual([0, 0, 2]);
    expect([...problem.gaps!.starts]).toEqual([1, 3]);
    expect([...problem.gaps!.lowers]).toEqual([0, 2]);
    expect([...problem.gaps!.uppers]).toEqual([0, 4]);
  });

  it('remembers the original steps, also of gaps', () => {
    const { problem, steps } = parseProblemCsv('id,lower,upper,size,gaps\na,-7,1000,8,5-90\nb,20,1000,8,\n');
    expect([...steps]).toEqual([-7, 5, 20, 90, 1000]);
    expect(problem.stepCount).toBe(4);
  });

  it.each([
    ['buffer,start,end,size,gaps', 'b,3,8,4,5-6@1:2\n'],
    ['buffer_id,begin,end,size,gaps', 'b,3,8,4,5-6@1:2\n'],
    ['id,start,upper,size,gaps', 'b,3,9,4,5-7@1:2\n'],
  ])('reads MiniMalloc’s other names, where "end" is the last step: %s', (header, row) => {
    const found = parseProblemCsv(`${header}\n${row}`);
    expect(found).toEqual({ ...parseProblemCsv(`id,lower,upper,size,gaps\nb,3,9,4,5-7@1:2\n`) });
    expect([...found.uppers]).toEqual([9]);
  });

  it('takes a life of one step from "start" and "end", and refuses an end that cannot be counted', () => {
    expect([...parseProblemCsv('id,start,end,size\na,7,7,1\n').uppers]).toEqual([8]);
    expect(errorOf('id,start,end,size\na,7,6,1\n').culprit).toBe('row 2, column "end"');
    expect(errorOf('id,start,end,size\na,7,9007199254740991,1\n').culprit).toBe('row 2, column "end"');
    expect(errorOf('id,buffer,lower,upper,size\n').culprit).toBe('row 1, column "buffer"');
    expect(errorOf('id,lower,upper,end,size\n').culprit).toBe('row 1, column "end"');
  });

  it('rejects in the words of the file, and says how to write it', () => {
    const message = (text: string): string => errorOf(text).message;
    expect(message('id,start,end,size\na,7,6,1\n')).toMatch(/column "end" is "6", but must be at least start \(7\)\./);
    expect(message('id,begin,upper,size\na,7,7,1\n')).toMatch(/column "upper" is "7", but must be above begin \(7\)\./);
    expect(message('id,begin,upper,size\na,x,7,1\n')).toMatch(/^Row 2, column "begin" is "x"/);
    expect(message('id,begin,upper,size\na,1\n')).toMatch(/^Row 2, column "upper" cannot be read/);
    expect(message('name,start,end,size\n')).toMatch(/ buffer or buffer_id for id, begin or start for lower, and end /);
    const gaps = (header: string, text: string): string => message(`id,${header},size,gaps\na,0,8,4,${text}\n`);
    expect(gaps('lower,upper', '4-6 5-7')).toMatch(/"gaps" has "5-7", which overlaps the gap before it.* 4-6@0:10 /);
    expect(gaps('start,end', '4-6 6-7')).toContain('which overlaps the gap before it');
    expect(gaps('lower,upper', '4-9')).toContain('within the life, [0, 8). Write gaps as 4-6 (first step, step after');
    expect(gaps('start,end', '4-9')).toContain('within the life, [0, 8]. Write gaps as 4-6 (first step, last step)');
  });

  it('reads a header alone as a problem without buffers', () => {
    expect(parseProblemCsv('id,lower,upper,size\n').problem.bufferCount).toBe(0);
  });

  const header = 'id,lower,upper,size,alignment,offset,gaps\n';
  const rejected: [string, string, string][] = [
    ['no text', '', 'row 1, column "id"'],
    ['a missing column', 'id,lower,size\n', 'row 1, column "upper"'],
    ['an unknown column', 'id,lower,upper,size,align\n', 'row 1, column "align"'],
    ['a column twice', 'id,lower,upper,size,size\n', 'row 1, column "size"'],
    ['too few fields', 'id,lower,upper,size\na,0,1\n', 'row 2, column "size"'],
    ['too many fields', 'id,lower,upper,size\na,0,1,2,3\n', 'row 2, column "after the last"'],
    ['a fraction', header + 'a,0,1,2.5,,,\n', 'row 2, column "size"'],
    ['an exponent', header + 'a,0,1e3,2,,,\n', 'row 2, column "upper"'],
    ['a blank', header + 'a, 0,1,2,,,\n', 'row 2, column "lower"'],
    ['an empty number', header + 'a,,1,2,,,\n', 'row 2, column "lower"'],
    ['size zero', header + 'a,0,1,1,,,\nb,0,1,0,,,\n', 'row 3, column "size"'],
    ['a negative size', header + 'a,0,1,-4,,,\n', 'row 2, column "size"'],
    ['a size beyond 2^53', header + 'a,0,1,9007199254740992,,,\n', 'row 2, column "size"'],
    ['an empty live range', header + 'a,7,7,1,,,\n', 'row 2, column "upper"'],
    ['a reversed live range', header + 'a,7,6,1,,,\n', 'row 2, column "upper"'],
    ['an alignment that is no power of two', header + 'a,0,1,1,48,,\n', 'row 2, column "alignment"'],
    ['a negative offset', header + 'a,0,1,1,,-1,\n', 'row 2, column "offset"'],
    ['a misaligned offset', header + 'a,0,1,1,16,8,\n', 'row 2, column "offset"'],
    ['a gap that is no range', header + 'a,0,9,1,,,3\n', 'row 2, column "gaps"'],
    ['a gap outside the life', header + 'a,0,9,1,,,3-10\n', 'row 2, column "gaps"'],
    ['gaps that overlap', header + 'a,0,9,1,,,3-6 5-7\n', 'row 2, column "gaps"'],
    ['a gap window above the size', header + 'a,0,9,4,,,3-6@2:5\n', 'row 2, column "gaps"'],
    ['a quoted id', header + '"a",0,9,4,,,\n', 'row 2, column "id"'],
    ['no id', header + ',0,9,4,,,\n', 'row 2, column "id"'],
    ['an id twice', header + 'a,0,9,4,,,\n\na,0,9,4,,,\n', 'row 4, column "id"'],
  ];
  it.each(rejected)('rejects %s', (_, text, culprit) => {
    const error = errorOf(text);
    expect(error.code).toBe('BAD_CSV');
    expect(error.culprit).toBe(culprit);
  });

  it('rejects a default alignment that is no power of two, whatever the rows say', () => {
    const text = 'id,lower,upper,size,alignment\na,0,1,4,8\n';
    expect(() => parseProblemCsv(text, 48)).toThrow(/^`defaultAlignment` is 48, but must be/);
  });

  it('rejects sizes whose sum is beyond 2^53, and says where', () => {
    const { code, culprit } = errorOf('id,lower,upper,size\na,0,1,9007199254740990\nbeta,1,2,7\nc,1,2,1\n');
    expect([code, culprit]).toEqual(['BAD_CSV', 'row 3, column "size"']);
    const aligned = errorOf(
      'id,lower,upper,size,alignment\na,0,1,1,4503599627370496\nb,0,1,1,4503599627370496\nc,0,1,1,1\n',
    );
    expect([aligned.code, aligned.culprit]).toEqual(['BAD_CSV', 'row 3, column "size"']);
    const fixed = errorOf('id,lower,upper,size,offset\nbeta,0,1,8,9007199254740988\n');
    expect([fixed.code, fixed.culprit]).toEqual(['BAD_CSV', 'row 2, column "offset"']);
    const onTop = errorOf(
      'id,lower,upper,size,offset\na,0,1,8,7\nbeta,0,1,8,4503599627370496\nc,0,1,4503599627370500,\n',
    );
    expect([onTop.code, onTop.culprit]).toEqual(['BAD_CSV', 'row 3, column "offset"']);
  });

  it.each(Object.keys(ALLOCATORS).filter((name) => name !== 'ggml') as AllocatorName[])(
    'has its rows named by their ids where %s cannot place them, with limits that can be met',
    (name) => {
      const place = (text: string, options?: PlaceOptions): string => {
        try {
          ALLOCATORS[name].place(parseProblemCsv(text).problem, options);
        } catch (error) {
          return (error as PlannerError).message;
        }
        throw new Error('it was placed');
      };
      const header = 'id,lower,upper,size,offset\n';
      const collision = place(`${header}alpha,0,5,10,0\nbeta,2,6,10,5\n`);
      expect(collision).toContain(
        'the fixed offset of buffer beta (row 3), 5, it overlaps buffer alpha (row 2), which is fixed at bytes 0 to 10',
      );
      const wide = place(`${header}alpha,0,5,10,20\nbeta,2,6,10,25\n`);
      expect(wide).toContain('it overlaps buffer alpha (row 2), which is fixed at bytes 20 to 30');
      expect(place(`${header}alpha,0,5,10,20\n`, { maxChunkSize: 16 })).toContain(
        'the fixed offset of buffer alpha (row 2), 20, it ends at 30',
      );
      expect(place(`${header}alpha,0,5,10,\n`, { maxChunkSize: 8 })).toContain(
        'Buffer alpha (row 2) takes 10 bytes, but a chunk may have at most',
      );
    },
  );

  it('finds the one bad field in a million rows', () => {
    const rows = Array.from({ length: 1_000_000 }, (_, b) => `${b},${b % 1000},${(b % 1000) + 7},64`);
    rows[765_432] = '765432,1,2,6x4';
    const error = errorOf('id,lower,upper,size\n' + rows.join('\n'));
    expect([error.code, error.culprit, error.value]).toEqual(['BAD_CSV', 'row 765434, column "size"', '6x4']);
  });
});

describe('formatPlacementCsv', () => {
  it('writes the original ids and steps', () => {
    const csv = parseProblemCsv('id,size,lower,upper\nx,8,100,200\ny,4,150,300\n');
    expect(formatPlacementCsv(csv, [4, 0])).toBe('id,lower,upper,size,offset\nx,100,200,8,4\ny,150,300,4,0\n');
  });

  it('keeps alignments and gaps, in the steps of the text', () => {
    const text = 'id,lower,upper,size,alignment,gaps\nx,-9,200,8,4,-5--3 20-30@2:6\ny,150,300,4,1,\n';
    expect(formatPlacementCsv(parseProblemCsv(text), [4, 0])).toBe(
      'id,lower,upper,size,alignment,gaps,offset\nx,-9,200,8,4,-5--3 20-30@2:6,4\ny,150,300,4,1,,0\n',
    );
  });

  it('writes a problem again: the same one with all offsets fixed, whatever it holds', () => {
    const spread = fc.integer({ min: 1, max: 1000 });
    fc.assert(
      fc.property(tinyBuffers({ maxAlignmentLog2: 3 }), spread, fc.boolean(), (tiny, factor, fixesFirst) => {
        const rows = tiny.map(({ start, end, gaps, ...rest }, b): BufferSpec => {
          const steps = { start: start * factor - 500, end: end * factor - 500 };
          const parts = gaps?.map((gap) => ({ ...gap, start: gap.start * factor - 500, end: gap.end * factor - 500 }));
          return { ...rest, ...steps, gaps: parts, ...(fixesFirst && b === 0 ? { fixedOffset: 64 } : {}) };
        });
        const { csv, text } = problemOf(rows);
        const { problem, lowers, uppers, ids } = csv;
        const { offsets } = ALLOCATORS.auto.place(problem);
        const again = parseProblemCsv(formatPlacementCsv(csv, offsets));
        expect(again.ids).toEqual(ids);
        expect([again.lowers, again.uppers, again.steps]).toEqual([lowers, uppers, csv.steps]);
        const fixedOffsets = problem.bufferCount === 0 ? null : offsets;
        expect({ ...again.problem, rows: null }, text).toEqual({ ...problem, fixedOffsets, rows: null });
        expect([...ALLOCATORS.auto.place(again.problem).offsets]).toEqual([...offsets]);
        expect(formatPlacementCsv(again, offsets)).toBe(formatPlacementCsv(csv, offsets));
      }),
    );
  });

  it('rejects offsets of another problem', () => {
    const csv = parseProblemCsv('id,size,lower,upper\nx,8,100,200\n');
    expect(() => formatPlacementCsv(csv, [])).toThrow(PlannerError);
  });
});

describeShared('published problems', () => {
  it.each([
    ['minimalloc/A.1048576', 154],
    ['minimalloc/C.1048576', 203],
    ['large/G_1', 816],
    ['large/resnet50', 1042],
  ])('%s', (name, count) => {
    const { problem } = parseProblemCsv(readProblemCsv(name));
    expect(problem.bufferCount).toBe(count);
  });

  it.each([
    ['minimalloc/C.1048576', 1039360],
    ['large/G_1', 3030937746],
    ['large/resnet50', 1515472556],
  ])('%s has its known live load', (name, bytes) => {
    expect(liveLoad(parseProblemCsv(readProblemCsv(name)).problem).bytes).toBe(bytes);
  });
});
