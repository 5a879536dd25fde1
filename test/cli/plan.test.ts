/** `tensor-arena plan` and `verify`: what the one writes, the other accepts. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Context, Graph, graphToJson, planGraph, type PlanJson } from '../../src/index.js';
import type { Terminal } from '../../src/cli/terminal.js';
import { cli, cliOn, FIVE_BUFFERS, scratchFolder } from '../support/cli.js';
import { cutUp } from '../support/random-problems.js';
import { describeShared, projectPath, sharedPath } from '../support/shared.js';

const { path, write } = scratchFolder();
const PHI3 = projectPath('examples/phi-3-mini-4k.gguf');

function smallGraph(): Graph {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [1024], 'x'));
  const y = ctx.setInput(ctx.newTensor('f32', [1024], 'y'));
  return Graph.forward([ctx.setOutput(ctx.add(x, y)), ctx.setOutput(ctx.mul(x, y))]);
}

const graphFile = write('graph.json', JSON.stringify(graphToJson(smallGraph())));
const problemFile = write('problem.csv', FIVE_BUFFERS);

/** The minimum, 39 bytes, is above the live load because of the alignments; found by trying seeds. */
const ODD_CSV = ((): string => {
  let state = 47;
  const next = (below: number): number => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  const rows = Array.from({ length: 24 }, (_, id) => {
    const start = next(12);
    const [size, alignment] = [1 + next(9), 2 ** next(3)];
    return `${id},${start},${start + 1 + next(6)},${size},${alignment}\n`;
  });
  return `id,lower,upper,size,alignment\n${rows.join('')}`;
})();

async function planned(...args: string[]): Promise<string> {
  const { code, out, err } = await cli('plan', ...args);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
}

describe('plan', () => {
  it('prints the plan of a graph as JSON', async () => {
    const plan = JSON.parse(await planned(graphFile, '--alignment', '64')) as PlanJson;
    expect(plan).toEqual(JSON.parse(JSON.stringify(planGraph(smallGraph(), { alignment: 64 }))));
    expect(Object.keys(plan)).toEqual([
      'allocator',
      'runtime',
      'alignment',
      'bufferSize',
      'lowerBound',
      'optimal',
      'chunks',
      'tensors',
    ]);
    expect(Object.keys(plan.tensors[0])).toEqual(['id', 'name', 'chunk', 'offset', 'size', 'start', 'end']);
  });

  it('prints the plan of a problem as MiniMalloc does', async () => {
    const lines = (await planned(problemFile)).trimEnd().split('\n');
    expect(lines[0]).toBe('id,lower,upper,size,offset');
    expect(lines.slice(1).map((line) => line.replace(/,\d+$/, ''))).toEqual(
      FIVE_BUFFERS.trimEnd().split('\n').slice(1),
    );
  });

  it('writes to a file with -o, and says what', async () => {
    expect(await planned(problemFile, '-o', path('out.csv'))).toBe(`${path('out.csv')}: 12 bytes, optimal\n`);
    expect(readFileSync(path('out.csv'), 'utf8')).toBe(await planned(problemFile));
  });

  it('exits with 1 and writes nothing if the plan exceeds --capacity', async () => {
    const { code, out, err } = await cli('plan', problemFile, '--capacity', '11', '-o', path('never.csv'));
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(
      `error: ${problemFile}: does not fit: --capacity is 11 bytes, but no plan needs less than 12 bytes\n`,
    );
    expect(() => readFileSync(path('never.csv'))).toThrow('ENOENT');
    expect((await cli('plan', problemFile, '--capacity', '12')).code).toBe(0);
    expect((await cli('plan', graphFile, '--capacity', '8KiB')).code).toBe(1);
    expect((await cli('plan', graphFile, '--capacity', '12KiB')).code).toBe(0);
  });

  it('says if only a search proves that nothing fits', async () => {
    const { code, out, err } = await cli('plan', write('odd.csv', ODD_CSV), '--capacity', '38');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(
      /--capacity is 38 bytes, but no plan needs less than 39 bytes, though only 3\d bytes are live at once\n$/,
    );
  });

  it('needs JSON for a problem in several chunks', async () => {
    const { code, err } = await cli('plan', problemFile, '--max-chunk-size', '8');
    expect({ code, err }).toEqual({
      code: 2,
      err: `error: ${problemFile}: the plan has 2 chunks, which CSV cannot express; add --json\n`,
    });
    const plan = JSON.parse(await planned(problemFile, '--max-chunk-size', '8', '--json')) as PlanJson;
    expect(plan.tensors[1]).toMatchObject({ id: 1, name: 'B', size: 4, start: 1, end: 4 });
    const file = write('chunks.json', JSON.stringify(plan));
    expect(await cli('verify', problemFile, file, '--max-chunk-size', '8')).toMatchObject({ code: 0 });
    expect(await cli('verify', problemFile, file, '--max-chunk-size', '4')).toMatchObject({ code: 1 });
  });

  it('does not overwrite its input', async () => {
    const { code, err } = await cli('plan', graphFile, '-o', graphFile);
    expect({ code, err }).toEqual({ code: 2, err: `error: -o ${graphFile}: is the input itself\n` });
  });
});

describe('--runtime', () => {
  /** In mode `off`, and without the runtime, `y` lies over what the norm reads. */
  const graph = ((): Graph => {
    const ctx = Context.deferred();
    const weights = Context.virtual();
    const x = ctx.setInput(ctx.newTensor('f32', [8, 5], 'x'));
    const y = ctx.mul(ctx.rmsNorm(x, 1e-5), weights.newTensor('f32', [8], 'w'));
    return Graph.forward(ctx.getRows(y, weights.newTensor('i32', [8], 'rows')));
  })();
  const file = write('fused.json', JSON.stringify(graphToJson(graph)));
  const planFile = async (runtime: string): Promise<string> =>
    write(`${runtime}.json`, await planned(file, '--in-place', 'off', '--runtime', runtime));

  it('says what runs the graph, and is in the plan', async () => {
    const plans = await Promise.all(
      ['none', 'ggml-cpu'].map((runtime) => planned(file, '--in-place', 'off', '--runtime', runtime)),
    );
    const [none, cpu] = plans.map((text) => JSON.parse(text) as PlanJson);
    expect([none.runtime, cpu.runtime]).toEqual(['none', 'ggml-cpu']);
    expect([none.bufferSize, cpu.bufferSize]).toEqual([416, 480]);
    expect(JSON.parse(await planned(file, '--in-place', 'off'))).toEqual(cpu);
    const measured = await cli('measure', file, '--in-place', 'off', '--runtime', 'none', '--json');
    expect(JSON.parse(measured.out)).toMatchObject([{ bufferSize: 416 }]);
  });

  it('is taken from the plan by verify, unless it is given', async () => {
    expect(await cli('verify', file, await planFile('none'))).toMatchObject({ code: 0 });
    expect(await cli('verify', file, await planFile('ggml-cpu'), '--runtime', 'ggml-metal')).toMatchObject({ code: 0 });
    const { code, out } = await cli('verify', file, await planFile('none'), '--runtime', 'ggml-cpu');
    expect({ code, lines: out.trimEnd().split('\n').length }).toEqual({ code: 1, lines: 1 });
    expect(out).toContain('fused-overlap: x (');
    expect(out).toContain('but ggml-cpu may compute node_0 (');
  });

  it('is one that there is', async () => {
    const flag = await cli('plan', file, '--runtime', 'ggml');
    expect(flag).toMatchObject({ code: 2, out: '' });
    expect(flag.err).toContain('ggml-cpu, ggml-cuda, ggml-metal, ggml-vulkan, none');
    const plan = JSON.parse(await planned(file)) as PlanJson;
    const unknown = await cli('verify', file, write('unknown.json', JSON.stringify({ ...plan, runtime: 'mine' })));
    expect(unknown).toMatchObject({ code: 2, out: '' });
    expect(unknown.err).toContain('runtime is "mine", but must be one of ggml-cpu, ');
    const number = await cli('verify', file, write('number.json', JSON.stringify({ ...plan, runtime: 3 })));
    expect(number).toMatchObject({ code: 2, out: '' });
    expect(number.err).toContain('runtime is 3, but must be one of ');
  });
});

describe('verify', () => {
  it('accepts the plan of a graph', async () => {
    const file = write('plan.json', await planned(graphFile));
    const { code, out } = await cli('verify', graphFile, file);
    expect({ code, out }).toEqual({ code: 0, out: 'ok: 4 tensors in 12.00 KiB (12,288 bytes), no violation\n' });
  });

  it('prints one line per violation of a graph’s plan', async () => {
    const plan = JSON.parse(await planned(graphFile)) as { tensors: { offset: number }[] };
    for (const tensor of plan.tensors) tensor.offset = 0;
    const { code, out, err } = await cli('verify', graphFile, write('zero.json.gz', gzipSync(JSON.stringify(plan))));
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(out).toMatch(/^(overlap|output-overwritten): x \(\d\) and y \(\d\) share bytes \[0, 4096\)/);
    expect(
      out
        .trimEnd()
        .split('\n')
        .every((line) => line.includes(' share bytes ')),
    ).toBe(true);
  });

  it('says where it stopped, if there are more violations than it reports', async () => {
    const count = 150; // all in one place: 11,175 pairs
    const rows = Array.from({ length: count }, (_, id) => `${id},0,1,8`);
    const problem = write('many.csv', `id,lower,upper,size\n${rows.join('\n')}\n`);
    const plan = write('one-place.csv', `id,lower,upper,size,offset\n${rows.map((row) => `${row},0`).join('\n')}\n`);
    const { code, out } = await cli('verify', problem, plan);
    const lines = out.trimEnd().split('\n');
    expect([code, lines.length]).toEqual([1, 10_001]);
    expect(lines.at(-1)).toBe('There may be more: the check ends after 10,000 violations.');
  });

  it('builds the graph of a model with the same flags', async () => {
    const file = write('model.json', await planned(PHI3, '-ub', '64', '-np', '2'));
    expect(await cli('verify', PHI3, file, '-ub', '64', '-np', '2')).toMatchObject({ code: 0 });
    expect(await cli('verify', PHI3, file)).toMatchObject({ code: 1 });
  });

  it('accepts the plan of a problem, rows in any order', async () => {
    const [head, ...rows] = (await planned(problemFile)).trimEnd().split('\n');
    const file = write('turned.csv', [head, ...rows.reverse()].join('\n'));
    const { code, out } = await cli('verify', problemFile, file);
    expect({ code, out }).toEqual({ code: 0, out: 'ok: 5 buffers in 12 bytes, no violation\n' });
  });

  it.each([
    [
      'an overlap',
      'E,0,4,4,4',
      'E,0,4,4,2',
      /^overlap: \w with bytes \[\d, \d+\) in steps \[0, \d\) and \w with bytes/m,
    ],
    ['a changed size', 'E,0,4,4,', 'E,0,4,3,', /^buffer E has the size 3, but 4 in the problem$/m],
    ['a changed step', 'E,0,4,4,', 'E,0,3,4,', /^buffer E has the upper 3, but 4 in the problem$/m],
    ['a stranger', 'E,0,4,4,', 'Z,0,4,4,', /^buffer Z is not in the problem\nbuffer E has no offset$/m],
    ['a missing offset', /^A.*$/m, 'A,0,1,4,', /^buffer A has no offset$/m],
  ])('finds %s', async (_, found, replaced, line) => {
    const solution = 'id,lower,upper,size,offset\nA,0,1,4,8\nB,1,4,4,8\nC,0,3,4,0\nD,3,4,4,0\nE,0,4,4,4\n';
    expect(await cli('verify', problemFile, write('right.csv', solution))).toMatchObject({ code: 0 });
    const wrong = solution.replace(found, replaced);
    expect(wrong).not.toBe(solution);
    const { code, out, err } = await cli('verify', problemFile, write('wrong.csv', wrong));
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(out).toMatch(line);
  });

  it('finds misplaced, repeated and foreign rows of a JSON plan of a problem', async () => {
    const plan = JSON.parse(await planned(problemFile, '--json')) as { tensors: { id: number }[]; bufferSize: number };
    plan.tensors[1].id = 0;
    plan.tensors[2].id = 99;
    plan.bufferSize++;
    const { code, out } = await cli('verify', problemFile, write('ids.json', JSON.stringify(plan)));
    expect(code).toBe(1);
    expect(out).toBe(
      'buffer 0 is planned twice\nbuffer 99 is not in the problem\nbufferSize is 13, but the chunks add up to 12\n' +
        'buffer B has no offset\nbuffer C has no offset\n',
    );
  });

  it.each([
    ['[]', 'a plan is a JSON object'],
    ['{}', 'alignment is missing, but must be a power of two'],
    ['{"alignment":32,"bufferSize":-1}', 'bufferSize is -1, but must be a whole number of bytes'],
    ['{"alignment":32,"bufferSize":1,"chunks":[null]}', 'chunks[0] is null, but must be a whole number of bytes'],
    ['{"alignment":32,"bufferSize":1,"chunks":[],"tensors":{}}', 'tensors is an object, but must be an array'],
    [
      '{"alignment":32,"bufferSize":1,"chunks":[],"tensors":[{"id":"__proto__"}]}',
      'tensors[0].id is "__proto__", but must be a whole number',
    ],
  ])('rejects the plan %s', async (text, message) => {
    const file = write('bad.json', text);
    expect(await cli('verify', graphFile, file)).toEqual({ code: 2, out: '', err: `error: ${file}: ${message}\n` });
  });

  it('rejects what is nested too deeply to be printed', async () => {
    const file = write('deep.json', `{"alignment":${'['.repeat(50_000)}${']'.repeat(50_000)}}`);
    const err = `error: ${file}: alignment is an array, but must be a power of two\n`;
    expect(await cli('verify', graphFile, file)).toEqual({ code: 2, out: '', err });
  });
});

describe('plan, searching for longer', () => {
  const rows = cutUp(200, 1).map(({ size, start, end }, b) => `${b},${start},${end},${size}\n`);
  const hard = write('hard.csv', `id,lower,upper,size\n${rows.join('')}`);
  const peakOf = (csv: string): number => {
    const rows = csv.trim().split('\n').slice(1);
    return Math.max(...rows.map((row) => Number(row.split(',')[3]) + Number(row.split(',')[4])));
  };

  it('finds a smaller plan with --max-steps', async () => {
    const few = await cli('plan', hard, '--max-steps', '1');
    const many = await cli('plan', hard, '--max-steps', '60000');
    expect([few.code, many.code, many.err]).toEqual([0, 0, '']);
    expect(peakOf(many.out)).toBeLessThan(peakOf(few.out));
  });

  it('writes the best plan found when it is interrupted, and says so', async () => {
    const interrupted: Partial<Terminal> = { untilInterrupted: (work) => work(AbortSignal.abort()) };
    const { code, out, err } = await cliOn(interrupted, 'plan', hard, '--max-steps', '60000');
    expect(code).toBe(0);
    expect(out).toBe((await cli('plan', hard)).out);
    expect(err).toMatch(/^note: interrupted: this is the best plan found; none needs less than [\d,]+ bytes/);
    const undecided = await cliOn(interrupted, 'plan', hard, '--capacity', String(peakOf(out) - 1));
    expect(undecided).toMatchObject({ code: 1, out: '' });
    expect(undecided.err).toMatch(/undecided: .*; the search was interrupted\n$/);
  });
});

describeShared('plan, where a capacity is hard to decide', () => {
  const file = sharedPath('problems/minimalloc/D.1048576.csv');

  it('searches for it, and plans if something is found', async () => {
    expect((await planned(file, '--capacity', '1048576')).split('\n').length).toBeGreaterThan(100);
  });

  it.each([
    ['--max-steps', '100'],
    ['--time-limit', '0'],
  ])('says that it is undecided: %s %s', async (...limit) => {
    const { code, out, err } = await cli('plan', file, '--capacity', '1000000', ...limit);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(
      /: undecided: --capacity is .*, the best plan found needs .*; allow more --max-steps or --time-limit\n$/,
    );
  });
});
