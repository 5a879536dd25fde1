/** Numbers, tables and the peak, each by itself. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { graphFromJson, planGraph } from '../../src/index.js';
import { counted, exactBytes, gapText, groupDigits, humanBytes } from '../../src/format.js';
import { peakOfPlan } from '../../src/report/peak.js';
import { formatPlan } from '../../src/cli/plan-file.js';
import { formatTable, printable } from '../../src/report/table.js';
import { displayWidth, shorten } from '../../src/report/text-width.js';
import { describeShared, listGraphs, readGraph, readRandomGraphs } from '../support/shared.js';

describe('numbers', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [1536, '1.50 KiB'],
    [1024 ** 2 - 1, '1.00 MiB'],
    [1024 ** 3, '1.00 GiB'],
    [Number.MAX_SAFE_INTEGER, '8.00 PiB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(humanBytes(bytes)).toBe(text);
  });

  it('group digits by three', () => {
    expect([0, 999, 1000, 1234567].map(groupDigits)).toEqual(['0', '999', '1,000', '1,234,567']);
    expect([exactBytes(1), exactBytes(2048), counted(1, 'node')]).toEqual([
      '1 byte',
      '2.00 KiB (2,048 bytes)',
      '1 node',
    ]);
  });

  it('never call a gap smaller than it is', () => {
    expect([
      gapText(5, 5),
      gapText(0, 0),
      gapText(10_001, 10_000),
      gapText(1_000_001, 1_000_000),
      gapText(3, 2),
    ]).toEqual(['optimal', 'optimal', '+0.01 %', '+0.01 %', '+50.00 %']);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), fc.nat(2 ** 40), (bound, above) => {
        const text = gapText(bound + above, bound);
        expect(text === 'optimal').toBe(above === 0);
        if (above > 0) expect(Number(text.slice(1, -2))).toBeGreaterThan(0);
      }),
    );
  });
});

describe('tables', () => {
  it('align, leave out empty columns, and decorate without shifting', () => {
    const columns = [
      { title: 'name', cell: ({ name }: { name: string }) => name },
      { title: 'none', cell: () => '' },
      {
        title: 'n',
        cell: ({ name }: { name: string }) => String(name.length),
        align: 'right',
        paint: (t: string) => `<${t}>`,
      },
    ] as const;
    const rows = [{ name: 'a' }, { name: 'long name' }];
    expect(formatTable(columns, rows, (title) => title.toUpperCase())).toEqual([
      'NAME       N',
      'a          <1>',
      'long name  <9>',
    ]);
  });
});

describe('texts on a terminal', () => {
  it.each([
    ['', 0],
    ['name', 4],
    ['日本語', 6],
    ['e\u0301', 1],
    ['👩‍👩‍👧‍👧', 2],
    ['한국어 ok', 9],
    ['❤️', 2],
    ['zero\u200bwidth', 9],
  ])('%s takes %d columns', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });

  it('are cut in their middle to what fits, never within a character', () => {
    expect(shorten('blk.0.attn_norm', 15)).toBe('blk.0.attn_norm');
    expect(shorten('blk.0.attn_norm', 9)).toBe('blk.…norm');
    expect(shorten('日本語日本語', 7)).toBe('日本…語');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        expect(displayWidth(shorten(text, width))).toBeLessThanOrEqual(width);
      }),
    );
  });

  it('neither control it nor turn what follows around', () => {
    expect(printable('a\u001b[31m\u202eb\u2066c\ud800')).toBe('a\\u001b[31m\\u202eb\\u2066c\\ud800');
    expect(printable('日本語 👩‍👩‍👧‍👧')).toBe('日本語 👩‍👩‍👧‍👧');
  });

  it('are aligned by what is seen, and columns left out before names are cut short', () => {
    const columns = [
      { title: 'name', cell: ({ name }: { name: string }) => name, isName: true },
      { title: 'n', cell: ({ name }: { name: string }) => String(name.length), spare: 2 },
      { title: 'op', cell: () => 'ADD', spare: 1 },
      { title: 'size', cell: () => '4 B', align: 'right' },
    ] as const;
    const rows = [{ name: '日本語' }, { name: 'x'.repeat(60) }];
    const table = (room?: number): string[] => formatTable(columns, rows, (title) => title, room);
    expect(table()[1]).toBe(`日本語${' '.repeat(54)}  3   ADD   4 B`);
    expect(table(50)[2]).toBe(`${'x'.repeat(17)}…${'x'.repeat(17)}  60  ADD   4 B`);
    expect(table(34)).toEqual([
      `name${' '.repeat(20)}  n   size`,
      `日本語${' '.repeat(18)}  3    4 B`,
      `${'x'.repeat(12)}…${'x'.repeat(11)}  60   4 B`,
    ]);
    expect(table(20)[2]).toBe(`${'x'.repeat(8)}…${'x'.repeat(7)}   4 B`);
  });
});

describeShared('on real graphs', () => {
  const graphs = [
    ...listGraphs()
      .filter((_, index) => index % 7 === 0)
      .map(readGraph),
    ...readRandomGraphs(),
  ];

  it('the tensors at the peak add up to the lower bound', () => {
    for (const document of graphs) {
      const graph = graphFromJson(document);
      for (const reuse of ['full', 'ggml', 'off'] as const) {
        const plan = planGraph(graph, { allocator: 'ggml', reuse });
        const { bytes, occupants } = peakOfPlan(plan);
        expect(occupants.reduce((sum, { size }) => sum + size, 0)).toBe(bytes);
        expect(bytes).toBe(plan.lowerBound);
      }
    }
  });

  it('a plan’s text is its JSON', () => {
    for (const document of graphs.slice(-20)) {
      const plan = planGraph(graphFromJson(document), { allocator: 'ggml' });
      expect(JSON.parse(formatPlan(plan.toJSON()))).toEqual(JSON.parse(JSON.stringify(plan)));
    }
    expect(
      JSON.parse(
        formatPlan(
          planGraph(graphFromJson({ format: 'tensor-graph', version: 1, tensors: [], leafs: [], nodes: [] })).toJSON(),
        ),
      ),
    ).toMatchObject({ tensors: [] });
  });
});
