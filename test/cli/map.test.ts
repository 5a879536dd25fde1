/** `tensor-arena map`, and the chart of `measure --timeline`. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Context, Graph, graphToJson } from '../../src/index.js';
import { cli, cliOn, FIVE_BUFFERS, scratchFolder } from '../support/cli.js';
import { projectPath } from '../support/shared.js';
import { parseXml, textRects } from '../support/svg.js';

const { path, write } = scratchFolder();
const model = projectPath('examples/phi-3-mini-4k.gguf');
const problem = write('five.csv', FIVE_BUFFERS);
const ctx = Context.deferred();
const x = ctx.norm(ctx.setInput(ctx.newTensor('f32', [64], 'input')), 1e-5);
x.name = 'x';
const y = ctx.softMax(x);
const graph = write('graph.json', JSON.stringify(graphToJson(Graph.forward(y))));

describe('map', () => {
  it.each([
    ['a problem', problem, 'E'],
    ['a graph', graph, 'x'],
    ['a model', model, 'five'],
  ])('draws %s', async (_, file, name) => {
    const { code, out, err } = await cli('map', file, '-o', path('map.svg'));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/map\.svg: map of \d/);
    const labels = textRects(parseXml(readFileSync(path('map.svg'), 'utf8'))).map(({ label }) => label);
    expect(labels).toContain(file.split('/').at(-1));
    if (file !== model) expect(labels).toContain(name);
  });

  it('prints a picture without -o, and takes the flags of the other commands', async () => {
    const { out } = await cli('map', model, '-c', '512', '--allocator', 'auto', '--theme', 'dark', '--colors', 'size');
    const labels = textRects(parseXml(out.trimEnd())).map(({ label }) => label);
    expect(labels.some((label) => label.includes('allocator auto'))).toBe(true);
    expect(out).not.toContain('@media');
    expect(out).toContain('ta-size-5');
  });

  it.each([
    ['ggml’s plan with ours', model, [], ['ggml', 'auto']],
    ['ours with ggml’s', graph, [], ['auto', 'ggml']],
    ['another one with ggml’s', problem, ['--allocator', 'greedy-by-size'], ['greedy-by-size', 'ggml']],
  ])('writes a page that compares %s', async (_, file, flags, names) => {
    await cli('map', file, '-o', path('map.html'), ...flags);
    const page = readFileSync(path('map.html'), 'utf8');
    const { maps } = JSON.parse(/id="data">([^<]*)</.exec(page)![1]) as { maps: { name: string }[] };
    expect(maps.map(({ name }) => name)).toEqual(names);
  });

  it('compares nothing with ggml’s where offsets are fixed', async () => {
    const fixed = write('fixed.csv', 'id,lower,upper,size,offset\na,0,5,10,0\nb,2,6,10,16\nc,3,9,4,\n');
    expect(await cli('map', fixed, '-o', path('map.html'))).toMatchObject({ code: 0, err: '' });
    const page = readFileSync(path('map.html'), 'utf8');
    const { maps } = JSON.parse(/id="data">([^<]*)</.exec(page)![1]) as { maps: { name: string }[] };
    expect(maps.map(({ name }) => name)).toEqual(['auto']);
  });

  it('warns of a page of very many buffers, which then holds one plan', async () => {
    const rows = Array.from({ length: 50_001 }, (_, b) => `${b},${b},${b + 1},64\n`);
    const many = write('many.csv', `id,lower,upper,size\n${rows.join('')}`);
    const { code, err } = await cli('map', many, '-o', path('many.html'));
    expect(code).toBe(0);
    expect(err).toBe(
      'note: 50,001 boxes make a large page, so it holds one plan; -o OUT.svg draws them small and at once\n',
    );
    expect(readFileSync(path('many.html'), 'utf8').match(/"bufferSize":/g)).toHaveLength(1);
    expect(await cli('map', many, '-o', path('many.svg'))).toMatchObject({ code: 0, err: '' });
    expect(readFileSync(path('many.svg')).length).toBeLessThan(2_000_000);
  });

  it('refuses what it cannot write', async () => {
    const png = await cli('map', graph, '-o', path('map.png'));
    expect(png.code).toBe(2);
    expect(png.err).toContain('must end in .svg or .html');
    const nowhere = await cli('map', graph, '-o', path('no/such/map.svg'));
    expect(nowhere.code).toBe(2);
    expect(nowhere.err).toMatch(/^error: -o .*cannot be written/);
  });
});

describe('measure', () => {
  it('draws bars on a terminal only, and colours nothing by itself', async () => {
    const { out } = await cliOn({ columns: 100 }, 'measure', model);
    expect(out).toMatch(/^weights .* █+[▏▎▍▌▋▊▉]?$/m);
    expect((await cli('measure', model)).out).not.toMatch(/█/);
  });

  it.each([40, 60, 80])('keeps its tables within a terminal of %d columns', async (columns) => {
    const { out } = await cliOn({ columns }, 'measure', model);
    const lines = out.split('\n');
    const tables = [/^memory /, /^name /].map((title) => lines.slice(lines.findIndex((line) => title.test(line))));
    for (const table of tables) {
      for (const line of table.slice(0, table.indexOf(''))) expect(line.length).toBeLessThanOrEqual(columns);
    }
    expect(out).toMatch(/^weights .*GiB.* █+/m);
  });

  it.each([
    ['a graph', graph],
    ['a problem', problem],
    ['a model', model],
  ])('--timeline draws the load of %s', async (_, file) => {
    const { code, out } = await cli('measure', file, '--timeline');
    expect(code).toBe(0);
    expect(out).toMatch(/\n\nIn use at each step, the most at step \d+:\n/);
    expect(out).toMatch(/ ┤.*█/);
    for (const line of out.split('\n').slice(-12)) expect(line.length).toBeLessThanOrEqual(80);
  });

  it.each(['graph', 'problem'])('--timeline is for one file, also if only a %s of two can be read', async (kind) => {
    const { code, out, err } = await cli(
      'measure',
      kind === 'graph' ? graph : problem,
      path('absent.json'),
      '--timeline',
    );
    expect(code).toBe(2);
    expect(out).not.toContain('█');
    expect(err).toMatch(/^note: --timeline has no effect.*\nerror: .*absent\.json.*\n$/);
  });

  it('--timeline is for one file', async () => {
    const { code, out, err } = await cli('measure', graph, problem, '--timeline');
    expect(code).toBe(0);
    expect(out).not.toContain('┤');
    expect(err).toBe('note: --timeline has no effect: it is for the report on one file\n');
    const json = await cli('measure', graph, '--timeline', '--json');
    expect(json.err).toBe('note: --timeline has no effect: JSON has no chart\n');
  });
});
