/** `tensor-arena shrink`. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Context, Graph, graphFromJson, graphToJson, measureGraph } from '../../src/index.js';
import { orderGraph, verifyEquivalent } from '../../src/passes/index.js';
import { cli, cliOn, scratchFolder } from '../support/cli.js';
import { metadataOf, writeGguf } from '../support/gguf-writer.js';
import { repeatedSums } from '../support/repeated-sums.js';
import { projectPath } from '../support/shared.js';

const { path, write } = scratchFolder();
const PHI3 = projectPath('examples/phi-3-mini-4k.gguf');
const graph = repeatedSums(2, 10);
const file = write('graph.json', JSON.stringify(graphToJson(graph)));
const read = graphFromJson(JSON.parse(readFileSync(file, 'utf8')));
const ordered = orderGraph(read, { minimise: 'size' });

interface Sizes {
  bufferSize: number;
  lowerBound: number;
  optimal: boolean;
}

interface Row {
  file: string;
  before: Sizes;
  after: Sizes;
  orderBound: number;
  orderOptimal: boolean;
  fits: boolean | null;
  extraOps: number;
  rereadBytes: number;
  nodes: number;
  frontier: { bufferSize: number; extraOps: number; rereadBytes: number }[];
}

async function rows(...args: string[]): Promise<Row[]> {
  const { out, err } = await cli('shrink', ...args, '--json');
  expect(err).toBe('');
  return JSON.parse(out) as Row[];
}

describe('shrink', () => {
  it('says as JSON what each file needs before and after', async () => {
    const [row, model] = await rows('--order', file, PHI3, '-c', '512');
    const { bufferSize, lowerBound, isOptimal: optimal } = measureGraph(ordered.graph);
    expect(row).toEqual({
      file,
      before: expect.objectContaining({ bufferSize: measureGraph(read).bufferSize }) as Sizes,
      after: { bufferSize, lowerBound, optimal },
      orderBound: ordered.bound,
      orderOptimal: ordered.isOptimal,
      fits: null,
      extraOps: 0,
      rereadBytes: 0,
      nodes: read.nodes.length,
      frontier: [{ bufferSize, extraOps: 0, rereadBytes: 0 }],
    });
    expect(Object.keys(model)).toEqual(Object.keys(row));
    expect(model).toMatchObject({ orderOptimal: true, nodes: 934 });
    expect(model.after).toEqual(model.before);
  });

  it('says as text by how much another order is better, and that none is better still', async () => {
    const { code, out, err } = await cli('shrink', file, '--order');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(ordered.isOptimal && ordered.peak < ordered.peakBefore).toBe(true);
    const percent = (100 * (1 - ordered.peak / ordered.peakBefore)).toFixed(1);
    expect(out).toContain(
      `Another order of its ${read.nodes.length} nodes needs ${percent} % less. No other order needs less.\n`,
    );
    expect(out).toMatch(/^order as given {2,}.* bytes/m);
    const model = await cli('shrink', PHI3, '-c', '512', '--order');
    expect(model.out).toContain('No order of its 934 nodes needs less than the given one.\n');
  });

  it('says what was not found out, where the search ends early', async () => {
    const hard = write('hard.json', JSON.stringify(graphToJson(repeatedSums(3, 60))));
    const { out } = await cli('shrink', hard, '--order', '--max-effort', '0', '--budget', '1');
    expect(out).toMatch(/; none needs less than .*\.$|needs .* % less\. No order needs less than .*\.$/m);
  });

  it('writes a graph that computes the same and takes as much as it says', async () => {
    const output = path('smaller.json.gz');
    const { code, out } = await cli('shrink', file, '--order', '-o', output);
    expect(code).toBe(0);
    expect(out).toContain(
      `${output}: a graph that takes ${measureGraph(ordered.graph).bufferSize.toLocaleString('en-GB')} bytes\n`.replace(
        /takes .*\n/,
        'takes ',
      ),
    );
    const [again] = await rows(output, '--order');
    expect(again.before.bufferSize).toBe(ordered.peak);
    expect(again.after.bufferSize).toBe(ordered.peak);
    const origin = Int32Array.from(read.tensors, (_, id) => id);
    expect(verifyEquivalent(read, { graph: ordered.graph, origin })).toEqual([]);
  });

  it('exits with 1 where a budget cannot be met, and says whether any order could', async () => {
    const within = await cli('shrink', file, '--order', '--budget', String(ordered.peak));
    expect(within).toMatchObject({ code: 0, err: '' });
    expect(within.out).toMatch(/^It fits in /m);
    const below = await cli('shrink', file, '--order', '--budget', String(ordered.peak - 1));
    expect(below.code).toBe(1);
    expect(below.out).toMatch(/^It does not fit in .*, and no order does\.$/m);
    expect((await rows(file, '--budget', '1'))[0].fits).toBe(false);
    const unsure = await cli('shrink', file, '--max-effort', '0', '--budget', String(ordered.bound));
    expect([0, 1]).toContain(unsure.code);
  });

  it('computes values again where it may, within a budget or as far as it gets', async () => {
    const ctx = Context.deferred();
    const wide = ctx.repeat(ctx.setInput(ctx.newTensor('f32', [64], 'x')), [64, 100]);
    const other = ctx.repeat(ctx.sum(wide), [64, 100]);
    const drawn = Graph.forward(ctx.setOutput(ctx.sum(ctx.add(wide, ctx.sum(other)))));
    const chain = write('chain.json', JSON.stringify(graphToJson(drawn)));
    const [least] = await rows(chain, '--order', '--recompute', '--max-effort', '2000');
    expect(least.after.bufferSize).toBeLessThan(least.orderBound);
    expect(least.extraOps).toBeCloseTo(1 / 3, 2);
    expect(least.frontier.at(-1)).toEqual({
      bufferSize: least.after.bufferSize,
      extraOps: least.extraOps,
      rereadBytes: 0,
    });
    const sizes = least.frontier.map(({ bufferSize }) => bufferSize);
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    const budget = ['--recompute', '--max-effort', '2000', '--budget'];
    const { bufferSize } = least.after;
    const output = path('again.json');
    const within = await cli('shrink', chain, '--order', ...budget, String(bufferSize), '-o', output);
    expect([within.code, within.err]).toEqual([0, '']);
    expect(within.out).toMatch(/^Values computed again: \d+\.\d % less, for \d+\.\d\d % more operations\.$/m);
    expect(within.out).toMatch(/^It fits in /m);
    const written = graphFromJson(JSON.parse(readFileSync(output, 'utf8')));
    expect(measureGraph(written).bufferSize).toBe(bufferSize);
    expect(written.nodes.length).toBe(drawn.nodes.length + 1);
    const below = await cli('shrink', chain, ...budget, '64');
    expect(below.code).toBe(1);
    expect(below.out).toMatch(/^It does not fit in /m);
  });

  it('computes regions in parts, in the best order or in that which was given', async () => {
    const [both, split] = [
      (await rows(PHI3, '-c', '512', '-fa', 'on'))[0],
      (await rows(PHI3, '-c', '512', '-fa', 'on', '--split'))[0],
    ];
    for (const row of [both, split]) {
      expect(row.after.bufferSize).toBeLessThan(0.75 * row.before.bufferSize);
      expect(row.extraOps).toBe(0);
      expect(row.rereadBytes).toBeGreaterThan(0);
      expect(row.frontier.map(({ bufferSize }) => bufferSize)).toEqual(
        [row.before, row.after].map((each) => each.bufferSize),
      );
    }
    expect([both.orderOptimal, split.orderOptimal, split.orderBound]).toEqual([true, false, 0]);
    const { out } = await cli('shrink', PHI3, '-c', '512', '-fa', 'on');
    expect(out).toMatch(/^in parts {2,}.* bytes/m);
    expect(out).toMatch(/^\d+ regions in parts: .* % less, for 0\.0 % more multiply-adds and .* read again\.$/m);
  });

  it('splits no more than a budget takes, and writes what it says', async () => {
    const output = path('parts.json');
    const least = (await rows(PHI3, '-c', '512', '-fa', 'on'))[0];
    const budget = Math.floor((least.before.bufferSize + least.after.bufferSize) / 2);
    const { code } = await cli('shrink', PHI3, '-c', '512', '-fa', 'on', '--budget', String(budget), '-o', output);
    expect(code).toBe(0);
    const written = graphFromJson(JSON.parse(readFileSync(output, 'utf8')));
    expect(measureGraph(written).bufferSize).toBeLessThanOrEqual(budget);
    const below = await cli('shrink', PHI3, '-c', '512', '--max-extra-ops', '5', '--budget', '1000');
    expect(below.code).toBe(1);
    expect(below.out).toMatch(/^It does not fit in .*; this is the least that was found\.$/m);
  });

  it('takes the flags of planning', async () => {
    const [row] = await rows(file, '--order', '--in-place', 'off', '--alignment', '4096', '--runtime', 'none');
    const { bufferSize } = measureGraph(read, { reuse: 'off', alignment: 4096, runtime: 'none' });
    expect(row.before.bufferSize).toBe(bufferSize);
    expect(row.after.bufferSize % 4096).toBe(0);
  });

  it('refuses what it cannot do, in one line', async () => {
    const problem = write('problem.csv', 'id,lower,upper,size\na,0,2,4\n');
    const cases: [string[], number, RegExp][] = [
      [[problem], 2, /is a placement problem/],
      [[file, PHI3, '-o', path('x.json')], 2, /is for the graph of one FILE/],
      [[file, '-o', file], 2, /is the input itself/],
      [[file, '-o', path('x.csv')], 2, /a graph is JSON/],
      [[file, '--budget', 'much'], 2, /--budget/],
      [[file, '--max-extra-ops', 'some'], 2, /--max-extra-ops/],
      [[path('absent.json')], 2, /there is no such file/],
    ];
    for (const [args, code, message] of cases) {
      const result = await cli('shrink', ...args);
      expect([args, result.code, result.out]).toEqual([args, code, '']);
      expect(result.err).toMatch(message);
      expect(result.err.trimEnd().split('\n')).toHaveLength(1);
    }
  });

  it('leaves out one of several files that cannot be read', async () => {
    const metadata = metadataOf({ 'general.architecture': 'unheard' });
    const unknown = write(
      'unknown.gguf',
      writeGguf({ metadata, tensors: [{ name: 'token_embd.weight', type: 'f16', ne: [64, 100] }] }),
    );
    const { code, out, err } = await cli('shrink', file, unknown);
    expect([code, out.includes(file), err.includes(unknown)]).toEqual([3, true, true]);
  });

  it('keeps the best order found where it is interrupted', async () => {
    const controller = new AbortController();
    controller.abort();
    const { code, err } = await cliOn({ untilInterrupted: (work) => work(controller.signal) }, 'shrink', file);
    expect(code).toBe(0);
    expect(err).toMatch(/interrupted: this is the best that was found/);
  });
});
