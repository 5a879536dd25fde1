/** `tensor-arena measure`: numbers, tables, reports. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Context, Graph, graphToJson, measureGraph } from '../../src/index.js';
import { cli, FIVE_BUFFERS, scratchFolder } from '../support/cli.js';
import { describeShared, listGraphs, projectPath, readGraph, sharedPath } from '../support/shared.js';

const { write } = scratchFolder();
const PHI3 = projectPath('examples/phi-3-mini-4k.gguf');

interface Row {
  file: string;
  bufferSize: number;
  chunks: number[];
  lowerBound: number;
  optimal: boolean;
  allocator: string;
  nodes?: number;
  weights?: number;
  context?: number;
  compute?: number;
  total?: number;
}

interface Named {
  writer: string;
  other: string;
  tensor: string;
  otherRunsFirst: boolean;
}

async function rows(...args: string[]): Promise<Row[]> {
  const { code, out, err } = await cli('measure', '--json', ...args);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out) as Row[];
}

function smallGraph(): Graph {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [1024, 4], 'x'));
  const w = Context.virtual().newTensor('f32', [1024, 64], 'w');
  return Graph.forward(ctx.setOutput(ctx.relu(ctx.mulMat(w, x))));
}

const graphText = JSON.stringify(graphToJson(smallGraph()));

describe('measure --json', () => {
  it('prints one object per file, of any kind, in order', async () => {
    const graph = write('graph.json', graphText);
    const packed = write('graph.json.gz', gzipSync(graphText));
    const problem = write('problem.csv', FIVE_BUFFERS);
    const packedProblem = write('problem.csv.gz', gzipSync(FIVE_BUFFERS));
    const [a, b, c, d, e] = await rows(graph, packed, problem, packedProblem, PHI3);
    const { bufferSize, chunks, lowerBound, isOptimal: optimal } = measureGraph(smallGraph());
    expect(a).toMatchObject({ file: graph, nodes: 2, bufferSize, chunks, lowerBound, optimal, allocator: 'auto' });
    expect({ ...b, file: graph }).toEqual(a);
    expect(c).toEqual({
      file: problem,
      buffers: 5,
      bufferSize: 12,
      chunks: [12],
      lowerBound: 12,
      optimal: true,
      allocator: 'auto',
    });
    expect({ ...d, file: problem }).toEqual(c);
    expect(e).toMatchObject({ file: PHI3, allocator: 'ggml', architecture: 'phi3', phase: 'pp', llamaCppBuild: 10573 });
    expect(e).toMatchObject({ program: 'server', outputs: 4, llamaCppCommit: 'd775b8967' });
    expect(e.total).toBe(e.weights! + e.context! + e.compute!);
  });

  it('passes planning flags on', async () => {
    const file = write('flags.json', graphText);
    const options = { allocator: 'greedy-by-size', reuse: 'off', alignment: 256 } as const;
    const flags = ['--allocator', 'greedy-by-size', '--in-place', 'off', '--alignment', '256'];
    const [row] = await rows(file, ...flags, '--max-chunk-size', '16KiB');
    const { bufferSize, chunks } = measureGraph(smallGraph(), { ...options, maxChunkSize: 16384 });
    const { reuse, ...rest } = options;
    expect(row).toMatchObject({ ...rest, inPlace: reuse, bufferSize, chunks });
    expect(row.chunks.length).toBeGreaterThan(1);
  });

  it.each([
    ['--program', '--program', 'library'],
    ['--outputs', '--outputs', '100'],
    ['-c', '--ctx-size', '8192'],
    ['-b', '--batch-size', '256'],
    ['-ub', '--ubatch-size', '128'],
    ['-np', '--parallel', '4'],
    ['-fa', '--flash-attn', 'off'],
    ['-ctk', '--cache-type-k', 'q8_0'],
    ['-ctv', '--cache-type-v', 'q8_0'],
  ])('has %s for %s, which changes the answer', async (short, long, value) => {
    const [plain] = await rows(PHI3);
    const [byShort] = await rows(PHI3, short, value);
    const [byLong] = await rows(PHI3, `${long}=${value}`);
    expect(byShort).toEqual(byLong);
    expect(byShort).not.toEqual(plain);
  });

  it('has -kvu for --kv-unified', async () => {
    const [apart] = await rows(PHI3, '-np', '2', '-c', '8192');
    const [unified] = await rows(PHI3, '-np', '2', '-c', '8192', '-kvu');
    expect(await rows(PHI3, '-np', '2', '-c', '8192', '--kv-unified')).toEqual([unified]);
    expect(unified).not.toEqual(apart);
  });

  it('measures the other phase with --phase, and the compute buffer of a prompt all the same', async () => {
    const [pp] = await rows(PHI3);
    const [tg] = await rows(PHI3, '--phase', 'tg');
    expect(tg.bufferSize).toBeLessThan(pp.bufferSize);
    expect(tg.compute).toBe(pp.compute);
    expect(pp.compute).toBe(pp.bufferSize);
  });

  it('measures what it can, and names what it cannot', async () => {
    const good = write('good.csv', FIVE_BUFFERS);
    const other = write('other.txt', 'x');
    const { code, out, err } = await cli('measure', '--json', 'missing.json', good, other);
    expect(code).toBe(2);
    expect((JSON.parse(out) as Row[]).map(({ file }) => file)).toEqual([good]);
    expect(err).toBe(
      'error: missing.json: there is no such file or folder\n' +
        `error: ${other}: unknown kind of file, its name must end in one of .gguf, .onnx, .tflite, .json, .json.gz, .csv, .csv.gz\n`,
    );
  });
});

describe('measure for people', () => {
  it('says below a table what models take for granted, each sentence once', async () => {
    const problem = write('beside.csv', FIVE_BUFFERS);
    const notes = async (...args: string[]): Promise<string[]> => {
      const { out } = await cli('measure', ...args);
      return out.split('\n').filter((line) => line.startsWith('For '));
    };
    expect(await notes(PHI3, projectPath('examples/llama-3.1-8b.gguf'), problem)).toEqual([
      'For llama-server, which wants logits of 4 tokens of a batch, one per sequence.',
    ]);
    expect(await notes(PHI3, problem, '--outputs', '7')).toEqual([
      'For llama-server, with logits of up to 7 tokens of a batch, as asked for.',
    ]);
    expect(await notes(problem, problem)).toEqual([]);
  });

  it('prints a table of several files, columns aligned', async () => {
    const a = write('a.csv', FIVE_BUFFERS);
    const b = write('b.csv', 'id,lower,upper,size\nx,0,1,1048576\n');
    const { code, out } = await cli('measure', a, b);
    expect(code).toBe(0);
    const pad = ' '.repeat(a.length - 4);
    expect(out).toBe(
      `file${pad}  buffers    buffer      bytes  lower bound      gap  allocator\n` +
        `${a}        5      12 B         12           12  optimal  auto\n` +
        `${b}        1  1.00 MiB  1,048,576    1,048,576  optimal  auto\n`,
    );
  });

  it('prints weights, cache, compute buffer and the largest tensors of a model', async () => {
    const { code, out, err } = await cli('measure', PHI3, '-fa', 'off');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [{ weights, context, compute, total }] = await rows(PHI3, '-fa', 'off');
    const grouped = (bytes?: number): string => bytes!.toLocaleString('en-GB');
    for (const [label, bytes] of [
      ['weights', weights],
      ['KV cache', context],
      ['compute buffer', compute],
      ['total', total],
    ] as const) {
      expect(out).toMatch(new RegExp(`^${label} +[\\d.]+ [MG]iB +${grouped(bytes)}$`, 'm'));
    }
    expect(out).toContain('phi3, context 4096, ubatch 512, 4 sequences, flash attention off');
    const taken = 'For llama-server, which wants logits of 4 tokens of a batch, one per sequence.';
    expect(out).toContain(`\n${taken} The KV cache is unified: all sequences share it.\n`);
    const split = (await cli('measure', PHI3, '-np', '2')).out;
    expect(split).toContain('one per sequence. The KV cache is split: each sequence has an equal part.\n');
    expect((await cli('measure', PHI3, '-np', '2', '-kvu')).out).toContain('The KV cache is unified');
    expect((await cli('measure', PHI3, '-np', '1')).out).not.toContain('The KV cache is');
    expect(out).toMatch(/^kq-0 +MUL_MAT +f32 +4096 x 512 x 32 +268,435,456 +256\.00 MiB .*\[22, 23\)$/m);
    expect(out).toContain('Sizes are those of llama.cpp’s CPU backend; on a GPU they differ.');
    // Every model of llama.cpp has them; only who executes a graph wants to know.
    expect(out).not.toContain('touch the same bytes');
  });

  it('lists hazards if it is asked to, in the report and in JSON', async () => {
    const { out } = await cli('measure', PHI3, '-fa', 'off', '--hazards');
    const lines = out.trimEnd().split('\n');
    const title = lines.findIndex((line) => line.startsWith('64 pairs of nodes touch the same bytes'));
    expect(lines.slice(title + 1)).toHaveLength(65);
    const [{ hazards }] = (await rows(PHI3, '-fa', 'off', '--hazards')) as unknown as { hazards: Named[] }[];
    expect(hazards).toHaveLength(64);
    for (const [index, { writer, other, otherRunsFirst, tensor }] of hazards.entries()) {
      const pair = otherRunsFirst ? [other, writer] : [writer, other];
      expect(lines[title + 2 + index].split(/ {2,}/)).toEqual([...pair, tensor]);
    }
    expect((await rows(PHI3))[0]).not.toHaveProperty('hazards');
    const small = write('calm.json', graphText);
    expect((await cli('measure', small, '--hazards')).out).toContain('\nNo two nodes touch the same bytes');
    expect((await rows(small, '--hazards'))[0]).toHaveProperty('hazards', []);
    expect((await cli('measure', small, small, '--hazards')).err).toMatch(/^note: --hazards has no effect: /);
  });

  it('lists a hundred hazards at most', async () => {
    const ctx = Context.deferred();
    const weights = Context.virtual();
    const reads = Array.from({ length: 120 }, (_, i) => {
      const cache = weights.newTensor('f32', [8], `cache${i}`);
      return [ctx.relu(cache), ctx.cpy(ctx.newTensor('f32', [8]), cache)];
    });
    const file = write('many-hazards.json', JSON.stringify(graphToJson(Graph.forward(reads.flat()))));
    const { out } = await cli('measure', file, '--hazards');
    expect(out).toContain('\n120 pairs of nodes touch');
    expect(out.trimEnd().split('\n').at(-1)).toBe('20 more; --json lists all.');
  });

  it('names the ten largest of many tensors at the peak', async () => {
    const ctx = Context.deferred();
    const inputs = Array.from({ length: 12 }, (_, i) => ctx.setInput(ctx.newTensor('f32', [64 * (i + 1)], `in${i}`)));
    const outputs = inputs.map((input) => ctx.setOutput(ctx.sum(input)));
    const { out } = await cli('measure', write('many.json', JSON.stringify(graphToJson(Graph.forward(outputs)))));
    expect(out).toContain('The 10 largest of 13 tensors in the compute buffer at its peak (step 0 of 12');
    expect(out.match(/^in\d+ /gm)).toEqual(Array.from({ length: 10 }, (_, i) => `in${11 - i} `));
  });

  it('prints a problem in the steps and names of its file', async () => {
    const rows = ['a,1000,5000,4096', 'b,3000,9000,8192', 'c,9000,9001,1024'];
    const file = write('steps.csv', `id,lower,upper,size\n${rows.join('\n')}\n`);
    const { code, out } = await cli('measure', file, '--timeline');
    expect(code).toBe(0);
    expect(out.split('\n').slice(1, 12)).toEqual([
      '',
      'memory       size   bytes',
      'buffer  12.00 KiB  12,288',
      '',
      '3 buffers, allocator auto.',
      '12.00 KiB (12,288 bytes), optimal: equal to its lower bound.',
      '',
      '2 buffers in memory at the peak (step 3000: 12.00 KiB (12,288 bytes) live):',
      'name  bytes      size  offset    live range',
      'b     8,192  8.00 KiB       0  [3000, 9000)',
      'a     4,096  4.00 KiB   8,192  [1000, 5000)',
    ]);
    expect(out).toContain('the most at step 3,000:');
    expect(out).toMatch(/^ +1,000 +9,000$/m);
    const none = await cli('measure', write('none.csv', 'id,lower,upper,size\n'), '--timeline');
    expect(none.out).toContain('There is no buffer.');
    const gaps = 'id,lower,upper,size,gaps\na,0,9,100,2-5\nb,2,5,150,2-3@0:20\nc,3,4,7,\n';
    const parts = await cli('measure', write('gaps.csv', gaps));
    expect(parts.out).toContain('2 buffers in memory at the peak (step 3: 157 bytes live):');
  });

  it('prints a graph without tensors', async () => {
    const { code, out } = await cli('measure', write('none.json', JSON.stringify(graphToJson(new Graph()))));
    expect(code).toBe(0);
    expect(out).toContain('No tensor needs the compute buffer.');
  });

  it('keeps control characters in names away from the terminal', async () => {
    const ctx = Context.deferred();
    const evil = ctx.setInput(ctx.newTensor('f32', [4], 'evil\u001b[2Jname'));
    const { out } = await cli('measure', write('evil.json', JSON.stringify(graphToJson(Graph.forward(ctx.sum(evil))))));
    expect(out).toContain('evil\\u001b[2Jname');
    expect(out).not.toContain('\u001b');
  });

  it('says when a flag makes no difference', async () => {
    const graph = write('note.json', graphText);
    expect((await cli('plan', graph, '--max-steps', '9')).err).toBe(
      'note: --max-steps has no effect: it is for .csv files only\n',
    );
    const file = write('note.csv', FIVE_BUFFERS);
    const { code, err } = await cli('measure', file, '-ub', '64', '--in-place', 'off');
    expect(code).toBe(0);
    expect(err).toBe(
      'note: --ubatch-size has no effect: it is for .gguf files only\n' +
        'note: --in-place has no effect: it is for .json and .gguf files only\n',
    );
  });
});

describeShared('measure on real graphs', () => {
  it('gives what ggml computed, in one table', async () => {
    const names = listGraphs().slice(0, 8);
    const found = await rows('--allocator', 'ggml', ...names.map((name) => sharedPath('graphs', `${name}.json.gz`)));
    const expected = names.map(
      (name) => (readGraph(name) as { expected: { gallocr: { bufferSize: number } } }).expected,
    );
    expect(found.map(({ bufferSize }) => bufferSize)).toEqual(expected.map(({ gallocr }) => gallocr.bufferSize));
  });
});

describeShared('a recurrent model', () => {
  it('calls what a recurrent model remembers a state', async () => {
    const { out } = await cli('measure', sharedPath('gguf/mamba-130m.gguf'));
    expect(out).not.toMatch(/flash attention|cache (f16|is)/);
    const tight = (await cli('fit', sharedPath('gguf/mamba-130m.gguf'), '--memory', '260MiB')).out;
    expect(tight).toContain('do not fit in 260.00 MiB');
    expect(tight).not.toMatch(/cache type|keys|values|flash attention|unified|-ctk/);
    expect(out).toMatch(/^recurrent state +/m);
    expect(out).not.toContain('KV cache');
  });

  it('and so does every table; one of both kinds says so', async () => {
    const mamba = sharedPath('gguf/mamba-130m.gguf');
    const tables = [
      ['measure', mamba, mamba],
      ['fit', mamba, '--memory', '1GiB'],
      ['sweep', mamba, '-c', '512,1024'],
    ];
    for (const args of tables) {
      const { out } = await cli(...args);
      expect(out).toContain('  recurrent state  ');
      expect(out).not.toContain('KV cache');
    }
    for (const command of ['measure', 'sweep']) {
      const { out } = await cli(command, mamba, PHI3);
      expect(out.split('\n')[0]).toContain('  cache or state  ');
    }
    expect((await cli('sweep', PHI3, '-c', '512')).out).toContain('  KV cache  ');
  });
});
