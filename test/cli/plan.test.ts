/** `tensor-arena plan` and `verify`: what the one writes, the other accepts. */
import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Context, Graph, graphToJson, planGraph, type PlanJson } from '../../src/index.js';
import type { PlanRecord } from '../../src/cli/plan-record.js';
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
    const { input, options, ...rest } = plan as PlanJson & PlanRecord;
    expect(rest).toEqual(JSON.parse(JSON.stringify(planGraph(smallGraph(), { alignment: 64 }))));
    expect(input).toEqual({ file: 'graph.json', nodes: 2 });
    expect(options).toEqual({ inPlace: 'full' });
    expect(Object.keys(plan)).toEqual([
      'allocator',
      'runtime',
      'alignment',
      'bufferSize',
      'lowerBound',
      'optimal',
      'chunks',
      'input',
      'options',
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

  it('says what its bound takes for granted, and what may help', async () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [1024], 'x'));
    const graph = write('chain.json', JSON.stringify(graphToJson(Graph.forward(ctx.setOutput(ctx.relu(ctx.exp(x)))))));
    const refused = async (...args: string[]): Promise<string> => (await cli('plan', ...args)).err;
    const given = 'with this order and these in-place choices';
    expect(await refused(graph, '--in-place', 'off', '--capacity', '4096')).toMatch(
      new RegExp(`no plan needs less than 8.00 KiB \\(8,192 bytes\\) ${given}; --in-place full may need less\n$`),
    );
    expect(await refused(graph, '--in-place', 'off', '--allocator', 'ggml', '--capacity', '4096')).toMatch(
      new RegExp(`${given}; --allocator auto may need less\n$`),
    );
    expect(await refused(graph, '--capacity', '4095')).toMatch(new RegExp(`${given}\n$`));
    expect(await planned(graph, '-o', path('chain.plan.json'))).toMatch(new RegExp(`optimal ${given}\n$`));
    expect((await cli('measure', graph)).out).toContain(`optimal ${given}: equal to its lower bound.`);
    // The first gap is too small for C.
    const rows = 'A,0,2,4\nB,1,4,8\nC,2,4,8\n';
    const file = write('first-fit.csv', `id,lower,upper,size\n${rows}`);
    const misfit = await refused(file, '--allocator', 'ggml', '--capacity', '16', '--max-steps', '9');
    expect(misfit).toMatch(/found needs 20 bytes; --allocator auto may need less, and alone heeds --max-steps\n$/);
    expect((await cli('plan', file, '--capacity', '16')).code).toBe(0);
  });

  it('says that its bound holds with fixed offsets', async () => {
    const file = write('fixed.csv', 'id,lower,upper,size,offset\na,0,2,4,8\nb,0,2,4,0\n');
    expect(await planned(file, '-o', path('fixed.plan.csv'))).toMatch(/optimal with these fixed offsets\n$/);
    expect((await cli('measure', file)).out).toContain('optimal with these fixed offsets: equal to its lower bound.');
    expect((await cli('plan', file, '--capacity', '9')).err).toMatch(
      /no plan needs less than 12 bytes with these fixed offsets, though only 8 bytes are live at once\n$/,
    );
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
      err: `error: ${problemFile}: the plan has 2 chunks, which CSV cannot express; add --json, or -o a name that ends in .json\n`,
    });
    const plan = JSON.parse(await planned(problemFile, '--max-chunk-size', '8', '--json')) as PlanJson;
    expect(plan.tensors[1]).toMatchObject({ id: 1, name: 'B', size: 4, start: 1, end: 4 });
    const file = write('chunks.json', JSON.stringify(plan));
    expect(await cli('verify', problemFile, file, '--max-chunk-size', '8')).toMatchObject({ code: 0 });
    expect(await cli('verify', problemFile, file, '--max-chunk-size', '4')).toMatchObject({ code: 1 });
  });

  it('writes what the name of the output says', async () => {
    await planned(problemFile, '-o', path('named.json'));
    expect(readFileSync(path('named.json'), 'utf8')).toBe(await planned(problemFile, '--json'));
    const { code, err } = await cli('plan', graphFile, '-o', path('named.csv'));
    expect(code).toBe(2);
    expect(err).toMatch(/named\.csv: the plan of a graph is JSON; name it \.json\n$/);
  });

  it('compresses what it writes to a name that ends in .gz', async () => {
    for (const [input, name, flags] of [
      [problemFile, 'packed.csv.gz', []],
      [problemFile, 'packed.json.gz', ['--json']],
      [graphFile, 'packed.plan.JSON.GZ', []],
    ] as const) {
      await planned(input, '-o', path(name));
      expect(gunzipSync(readFileSync(path(name))).toString()).toBe(await planned(input, ...flags));
      expect(await cli('verify', input, path(name))).toMatchObject({ code: 0, err: '' });
    }
    expect((await cli('plan', graphFile, '-o', path('named.csv.gz'))).err).toMatch(/is JSON; name it \.json\n$/);
  });

  it('does not overwrite its input', async () => {
    const { code, err } = await cli('plan', graphFile, '-o', graphFile);
    expect({ code, err }).toEqual({ code: 2, err: `error: -o ${graphFile}: is the input itself\n` });
  });
});

describe('--runtime', () => {
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
  /** All but `x`, which only the norm reads, 32 bytes higher: `y` begins within `x`, which only nodes one by one allow. */
  const shiftedFile = async (): Promise<string> => {
    const plan = JSON.parse(await planned(file, '--in-place', 'off', '--runtime', 'none')) as PlanJson;
    const tensors = plan.tensors.map((entry) => ({ ...entry, offset: entry.offset + (entry.name === 'x' ? 0 : 32) }));
    const bufferSize = plan.bufferSize + 32;
    const shifted = { ...plan, tensors, bufferSize, chunks: [bufferSize], optimal: false };
    return write('shifted.json', JSON.stringify(shifted));
  };

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
    const shifted = await shiftedFile();
    expect(await cli('verify', file, shifted)).toMatchObject({ code: 0 });
    expect(await cli('verify', file, await planFile('ggml-cpu'), '--runtime', 'ggml-metal')).toMatchObject({ code: 0 });
    const { code, out } = await cli('verify', file, shifted, '--runtime', 'ggml-cpu');
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

  it('builds the graph of a model with the options of the plan, and says where flags disagree', async () => {
    const flags = ['-ub', '64', '-np', '2', '-c', '1k', '-fa', 'off', '-ctk', 'q8_0', '--phase', 'tg'];
    const file = write('model.json', await planned(PHI3, ...flags));
    expect(await cli('verify', PHI3, file, ...flags)).toMatchObject({ code: 0 });
    expect(await cli('verify', PHI3, file)).toMatchObject({ code: 0, err: '' });
    // What llama.cpp rounds to the same is the same.
    expect(await cli('verify', PHI3, file, '-c', '1000')).toMatchObject({ code: 0 });
    expect(await cli('verify', PHI3, file, '-ub', '65', '-c', '1024', '-fa', 'on')).toEqual({
      code: 1,
      err: '',
      out:
        'The plan was made with --ubatch-size 64, not 65: leave the flag out, or plan again.\n' +
        'The plan was made with --flash-attn off, not on: leave the flag out, or plan again.\n',
    });
  });

  it('says first if the plan does not say how it was made', async () => {
    const plan = JSON.parse(await planned(PHI3, '-c', '512')) as Record<string, unknown>;
    const file = write('bare.json', JSON.stringify({ ...plan, input: undefined, options: undefined }));
    const { code, out } = await cli('verify', PHI3, file);
    expect(code).toBe(1);
    expect(out).toMatch(/^The plan does not say how it was made: .* give the same ones here\.\n./);
    expect((await cli('verify', PHI3, file, '-c', '512')).out).toMatch(/^ok: .*\n$/);
  });

  it('says that a plan is of another model, or of another graph', async () => {
    const file = write('phi3.json', await planned(PHI3, '-c', '512'));
    const { code, out } = await cli('verify', projectPath('examples/llama-3.1-8b.gguf'), file);
    expect({ code, out }).toEqual({
      code: 1,
      out: 'The plan was made for "phi-3-mini-4k.gguf", a model of the architecture phi3; this one is of llama.\n',
    });
    const graphPlan = write('two.json', await planned(graphFile));
    const ctx = Context.deferred();
    const one = write('one.json', JSON.stringify(graphToJson(Graph.forward(ctx.sum(ctx.newTensor('f32', [4], 'x'))))));
    expect((await cli('verify', one, graphPlan)).out).toBe(
      'The plan was made for "graph.json", whose graph has 2 nodes; this one has 1.\n',
    );
  });

  it('takes limits from the plan of a problem', async () => {
    const flags = ['--alignment', '8', '--max-chunk-size', '24', '--json'];
    const file = write('aligned.json', await planned(problemFile, ...flags));
    const plan = JSON.parse(readFileSync(file, 'utf8')) as PlanJson & PlanRecord;
    expect(plan.options).toEqual({ alignment: 8, maxChunkSize: 24 });
    expect(await cli('verify', problemFile, file)).toMatchObject({ code: 0 });
    const tensors = plan.tensors.map((tensor) => ({ ...tensor, offset: tensor.offset + 28 }));
    const chunks = plan.chunks.map((size) => size + 28);
    const wrong = { ...plan, tensors, chunks, bufferSize: chunks.reduce((a, b) => a + b) };
    const { code, out } = await cli('verify', problemFile, write('wrong.json', JSON.stringify(wrong)));
    expect(code).toBe(1);
    expect(out).toMatch(/^misaligned: .*no multiple of 8$/m);
    expect(out).toMatch(/ 24/);
  });

  it.each([
    [{ options: { ctxSize: 'many' } }, 'The field "options.ctxSize" of the plan must be a number.'],
    [{ options: { colour: 1 } }, 'The plan was made with the option "colour", which this release does not know.'],
    [{ options: [] }, 'The field "options" of the plan must be an object.'],
    [{ input: 3 }, 'The field "input" of the plan must be an object.'],
    [{ input: { nodes: '3' } }, 'The field "input.nodes" of the plan must be a number.'],
  ])('rejects what %j says of how it was made', async (record, message) => {
    const plan = JSON.parse(await planned(graphFile)) as object;
    const file = write('record.json', JSON.stringify({ ...plan, ...record }));
    expect(await cli('verify', graphFile, file)).toEqual({ code: 2, out: '', err: `error: ${file}: ${message}\n` });
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

  it('finds misaligned rows of a CSV plan with its own column of alignments', async () => {
    const file = write('align.csv', 'id,lower,upper,size,alignment\na,0,2,4,8\n');
    const solution = write('align.plan.csv', 'id,lower,upper,size,alignment,offset\na,0,2,4,8,4\n');
    const { code, out, err } = await cli('verify', file, solution);
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(out).toMatch(/^misaligned: buffer a .*no multiple of 8$/m);
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
        'optimal is true, but bufferSize is 13 and lowerBound 12\n' +
        'buffer B has no offset\nbuffer C has no offset\n',
    );
  });

  it.each<[what: string, change: object, entry: object, line: string]>([
    ['another name', {}, { name: 'Z' }, 'buffer B has the name Z, but B in the problem'],
    ['a changed size', {}, { size: 3 }, 'buffer B has the size 3, but 4 in the problem'],
    ['a changed start', {}, { start: 2 }, 'buffer B has the lower 2, but 1 in the problem'],
    ['a changed end', {}, { end: 5 }, 'buffer B has the upper 5, but 4 in the problem'],
    ['a high bound', { lowerBound: 13, optimal: false }, {}, 'lowerBound is 13, above the bufferSize of 12'],
    ['a bound that is none', { lowerBound: '12' }, {}, 'lowerBound is "12", no number of bytes'],
    ['a false claim', { optimal: false }, {}, 'optimal is false, but bufferSize is 12 and lowerBound 12'],
  ])('finds %s in a JSON plan of a problem', async (_, change, entry, line) => {
    const plan = JSON.parse(await planned(problemFile, '--json')) as PlanJson;
    const tensors = plan.tensors.map((tensor) => (tensor.id === 1 ? { ...tensor, ...entry } : tensor));
    const file = write('changed.json', JSON.stringify({ ...plan, ...change, tensors }));
    expect(await cli('verify', problemFile, file)).toEqual({ code: 1, out: `${line}\n`, err: '' });
    const bare = plan.tensors.map(({ id, chunk, offset }) => ({ id, chunk, offset }));
    const least = { ...plan, lowerBound: undefined, tensors: bare };
    expect(await cli('verify', problemFile, write('bare.json', JSON.stringify(least)))).toMatchObject({ code: 0 });
  });

  it('finds that a JSON plan is of another problem', async () => {
    const other = write('other.csv', FIVE_BUFFERS.replaceAll(/^(?=[A-E],)/gm, 'b'));
    const plan = write('of-problem.json', await planned(problemFile, '--json'));
    const { code, out } = await cli('verify', other, plan);
    expect({
      code,
      lines: out.match(/^buffer b[A-E] has the name [A-E], but b[A-E] in the problem$/gm)?.length,
    }).toEqual({
      code: 1,
      lines: 5,
    });
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

describe('limits', () => {
  it.each(['measure', 'plan', 'map'])('%s says which chunk is larger than it may be', async (command) => {
    const limit = ['-c', '512', '--max-chunk-size', '16MiB'];
    const { code, out, err } = await cli(command, PHI3, ...limit);
    expect(code).toBe(1);
    expect(err).toMatch(/^error: .*: chunk \d has [\d.]+ MiB \([\d,]+ bytes\), but --max-chunk-size is 16\.00 MiB/);
    expect(out === '').toBe(command !== 'measure');
    // Plenty is no violation.
    expect((await cli(command, PHI3, '-c', '512', '--max-chunk-size', '1GiB')).code).toBe(0);
  });

  it('what plan writes under a limit, verify accepts under it, for every allocator', async () => {
    for (const allocator of ['auto', 'ggml', 'greedy-by-size']) {
      for (const limit of ['16MiB', '64MiB', '1GiB']) {
        const file = path('limited.json');
        const made = await cli('plan', PHI3, '--allocator', allocator, '--max-chunk-size', limit, '-o', file);
        expect([0, 1]).toContain(made.code);
        if (made.code === 1) expect(made.err).toMatch(/--max-chunk-size/);
        else expect(await cli('verify', PHI3, file, '--max-chunk-size', limit)).toMatchObject({ code: 0 });
      }
    }
  });

  it.each(['measure', 'plan', 'map'])('%s says which row is aligned to less than was asked for', async (command) => {
    const rows = 'id,lower,upper,size,alignment\na,0,2,8,8\nb,0,2,8,8\n';
    const { code, err } = await cli(command, write('rows.csv', rows), '--alignment', '64');
    expect(code).toBe(1);
    expect(err).toMatch(/: buffer [ab] is at offset 8, no multiple of --alignment 64; its own row asks for 8 only\n$/);
  });
});

describe('plan of a problem', () => {
  it('is a problem again, with alignments and gaps', async () => {
    const rows = 'id,lower,upper,size,alignment,gaps\na,0,9,8,8,2-4\nb,2,4,5,1,\nc,1,7,3,4,2-3@0:1\n';
    const first = path('first.csv');
    await planned(write('gaps.csv', rows), '-o', first);
    expect(readFileSync(first, 'utf8')).toMatch(/^id,lower,upper,size,alignment,gaps,offset\na,0,9,8,8,2-4,\d+\n/);
    expect(await planned(first)).toBe(readFileSync(first, 'utf8'));
    expect(await cli('verify', first, first)).toMatchObject({ code: 0 });
  });

  it('states its bound where it is not proven', async () => {
    const rows = cutUp(200, 1).map(({ size, start, end }, b) => `${b},${start},${end},${size}\n`);
    const file = write('open.csv', `id,lower,upper,size\n${rows.join('')}`);
    const { out, err } = await cli('plan', file);
    expect(err).toMatch(/^note: the plan takes .*, not proven optimal: no plan needs less than [\d.,]+ /);
    expect(out).toMatch(/^id,lower/);
    const written = await cli('plan', file, '-o', path('open.plan.csv'));
    expect(written).toMatchObject({ code: 0, err: '' });
    expect(written.out).toMatch(/, not proven optimal: no plan needs less than .*\n$/);
  });

  it('says how it reads ends that are last steps', async () => {
    const file = write('end.csv', 'buffer,start,end,size\na,0,0,4\nb,1,1,4\n');
    const { code, out, err } = await cli('plan', file);
    expect({ code, out }).toEqual({ code: 0, out: 'id,lower,upper,size,offset\na,0,1,4,0\nb,1,2,4,0\n' });
    expect(err).toMatch(/^note: .*end\.csv: the column "end" is read as the last step of a life, as MiniMalloc/);
  });

  it('is searched for only if something is open, so that Ctrl-C is not caught for nothing', async () => {
    let searches = 0;
    const watching: Partial<Terminal> = {
      untilInterrupted: (work) => (searches++, work(new AbortController().signal)),
    };
    await cliOn(watching, 'plan', problemFile, '--max-steps', '100');
    await cliOn(watching, 'plan', problemFile, '--allocator', 'ggml');
    expect(searches).toBe(0);
    await cliOn(watching, 'plan', write('odd.csv', ODD_CSV), '--capacity', '39', '--max-steps', '1');
    expect(searches).toBeLessThanOrEqual(1);
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
    expect([few.code, many.code]).toEqual([0, 0]);
    expect(peakOf(many.out)).toBeLessThan(peakOf(few.out));
    expect(await cli('plan', hard, '--max-effort', '60000')).toEqual(many);
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
    expect((await cli('plan', file, '--capacity', '1048576')).out.split('\n').length).toBeGreaterThan(100);
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

describeShared('plan of a model with snapshots of its state', () => {
  it('records them, for verify', async () => {
    const file = sharedPath('archs', 'lfm2.gguf');
    const flags = ['-c', '512', '-np', '1'];
    const plan = write('snapshots.json', (await cli('plan', file, ...flags, '--spec-type', 'draft-mtp', '--json')).out);
    const none = write('none.json', (await cli('plan', file, ...flags, '--json')).out);
    const own = write('own.json', (await cli('plan', file, ...flags, '--state-snapshots', '3', '--json')).out);
    const recorded = [plan, none, own].map((each) => {
      const { options, input } = JSON.parse(readFileSync(each, 'utf8')) as PlanRecord;
      return [options.stateSnapshots, input.nodes];
    });
    expect(recorded).toEqual([
      [3, 88],
      [undefined, 79],
      [3, 88],
    ]);
    expect((await cli('verify', file, own)).code).toBe(0);
    const { code, out } = await cli('verify', file, own, '--state-snapshots', '2');
    expect(code).not.toBe(0);
    expect(out).toContain('--state-snapshots 3, not 2');
  });
});
