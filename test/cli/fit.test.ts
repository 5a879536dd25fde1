/** `tensor-arena fit` and `tensor-arena sweep`. */
import { describe, expect, it } from 'vitest';
import { fitContext, measureModel } from '../../src/models/index.js';
import { readGguf } from '../../src/gguf/gguf.js';
import { cli, cliOn, scratchFolder } from '../support/cli.js';
import { metadataOf, writeGguf } from '../support/gguf-writer.js';
import { projectPath } from '../support/shared.js';

const { write } = scratchFolder();
const PHI3 = projectPath('examples/phi-3-mini-4k.gguf');
const phi3 = await readGguf(PHI3);
const unknown = write(
  'unknown.gguf',
  writeGguf({
    metadata: metadataOf({ 'general.architecture': 'hal\u001b9000' }),
    tensors: [{ name: 'token_embd.weight', type: 'f16', ne: [64, 100] }],
  }),
);

const grouped = (count: number): string => count.toLocaleString('en-GB');

interface Row {
  file: string;
  contextSize: number;
  ubatchSize: number;
  flashAttention: boolean;
  cacheTypeK: string;
  total: number | null;
  refusal: string | null;
  fits?: boolean;
}

describe('fit', () => {
  it('says why any context fits', async () => {
    const { out } = await cli('fit', PHI3, '--memory', '4096TiB');
    expect(out).toMatch(/^Any context fits in .*, up to the longest that can be asked for\.$/m);
  });

  it('says that the wanted context does not fit, what would help, and what each takes, as text and as JSON', async () => {
    const { code, out, err } = await cli('fit', PHI3, '--memory', '3GiB');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const fit = fitContext(phi3, 3 * 1024 ** 3);
    const { contextSize } = fit.largest!.run;
    const [q8, q4] = fit.largestByCache.map(({ run }) => run.contextSize);
    // What fits all of the wanted context was said before.
    expect(out.split('\n').slice(0, 5)).toEqual([
      `4,096 tokens of context do not fit in 3.00 GiB (3,221,225,472 bytes); with the other options as given, the longest context that fits is ${grouped(contextSize)}.`,
      'No ubatch is small enough for 4,096 tokens to fit.',
      'With -ctk q5_1 -ctv q5_1, up to 4,096 tokens fit.',
      `With -ctk q8_0 -ctv q8_0, up to ${grouped(q8)} tokens fit.`,
      'For llama-server, which wants logits of 4 tokens of a batch, one per sequence.',
    ]);
    expect(q8).toBeGreaterThan(1.7 * contextSize);
    expect(q4).toBe(4096);
    expect(out).toContain('; on a GPU they differ.');

    const json = JSON.parse((await cli('fit', PHI3, '--memory', '3GiB', '--json')).out) as Record<string, unknown>;
    expect(json).toMatchObject({ file: PHI3, fits: true, proven: true, contextSize, budget: 3 * 1024 ** 3 });
    expect(json).toMatchObject({ backend: 'cpu', memory: 3 * 1024 ** 3, reserve: 0 });
    expect(json.largest).toMatchObject({ total: fit.largest!.total, contextSize, cacheTypeK: 'f16', fits: true });
    expect(json.largestUbatch).toBeNull();
    expect(json.largestByCache).toMatchObject([{ cacheTypeK: 'q8_0' }, { cacheTypeK: 'q4_0' }]);
    expect(json.tried).toHaveLength(fit.tried.length);
  });

  it('prints only rows that help: the wanted context first, each once', async () => {
    const fit = fitContext(phi3, 4 * 1024 ** 3);
    const { out } = await cli('fit', PHI3, '--memory', '4GiB');
    const rows = out.split('\n').filter((line) => / (yes|no)$/.test(line));
    expect(rows.map((row) => /^ *[\d,]+ +([\d,]+) +([\d,]+)/.exec(row)!.slice(1))).toEqual([
      ['4,096', '512'],
      ['4,608', '512'],
      ['4,096', '2,048'],
    ]);
    expect(out).toContain(`\n${grouped(fit.tried.length - 3)} more configurations were tried; --json lists all.\n`);
    expect(out).toMatch(
      /^4,096 tokens of context fit in 4\.00 GiB .* to spare\. The longest context that fits is 4,608; /,
    );
    expect(out).toContain('; the model was trained on 4,096.\nWith 4,096 tokens, the ubatch may be up to 2,048.\n');
  });

  it('keeps a reserve free, as if there were less memory', async () => {
    const json = async (...args: string[]): Promise<Record<string, unknown>> =>
      JSON.parse((await cli('fit', PHI3, '--json', ...args)).out) as Record<string, unknown>;
    const less = await json('--memory', '3GiB');
    const reserved = await json('--memory', '4GiB', '--reserve', '1GiB');
    expect(reserved).toEqual({ ...less, memory: 4 * 1024 ** 3, reserve: 1024 ** 3 });
    const { out } = await cli('fit', PHI3, '--memory', '4GiB', '--reserve', '1GiB');
    expect(out).toContain(
      'do not fit in 4.00 GiB (4,294,967,296 bytes) less 1.00 GiB (1,073,741,824 bytes) in reserve;',
    );
  });

  it.each([
    ['fit', PHI3, '--memory', '4GiB'],
    ['sweep', PHI3, '-c', '4096,8192', '-fa', 'on,off', '-ctk', 'f16,q8_0'],
  ])('keeps to the width of the terminal: %s', async (...args) => {
    const { out } = await cliOn({ columns: 80 }, ...args);
    const table = out.slice(out.search(/^ *context/m)).split('\n');
    expect(Math.max(...table.map((line) => line.length))).toBeLessThanOrEqual(80);
    // What differs between rows stays.
    for (const title of args[0] === 'fit' ? ['ubatch', 'fits'] : ['flash attention', 'keys']) {
      expect(table[0]).toContain(title);
    }
    expect(table[0]).toContain('total');
    expect((await cliOn({ columns: 200 }, ...args)).out).toMatch(/values .* bytes/);
  });

  it('says how far beyond its training a model would fit', async () => {
    const { out } = await cli('fit', PHI3, '--memory', '8GiB', '-ub', '256', '-fa', 'off');
    const { beyondTraining } = fitContext(phi3, 8 * 1024 ** 3, { ubatchSize: 256, flashAttention: false });
    expect(out).toMatch(/^4,096 tokens of context fit/);
    expect(out).toContain(
      `The longest context that fits is ${grouped(beyondTraining!.run.contextSize)}; the model was trained on 4,096.`,
    );
  });

  it('answers for the wanted context if one was given, else for any', async () => {
    const answer = async (...args: string[]): Promise<object> => {
      const { code, out } = await cli('fit', PHI3, '--memory', '3GiB', '--json', ...args);
      return { code, fits: (JSON.parse(out) as { fits: boolean }).fits };
    };
    expect(await answer()).toEqual({ code: 0, fits: true });
    expect(await answer('-c', '4096')).toEqual({ code: 1, fits: false });
    expect(await answer('-c', '1024')).toEqual({ code: 0, fits: true });
    expect((await cli('fit', PHI3, '--memory', '1GiB', '-c', '1024', '--json')).code).toBe(1);
  });

  it('exits with 1 if nothing fits', async () => {
    const { code, out, err } = await cli('fit', PHI3, '--memory', '1GiB');
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(out).toMatch(/^The model does not fit in 1\.00 GiB .*: its weights alone take 2\.22 GiB \(.*\)\.\n$/);
    expect(JSON.parse((await cli('fit', PHI3, '--memory', '1GiB', '--json')).out)).toMatchObject({
      fits: false,
      contextSize: null,
      largest: null,
    });
  });

  it.each([
    [['fit', PHI3], 'there is no memory to fit'],
    [['fit', PHI3, '--memory', 'much'], 'whole number of bytes'],
    [['fit', 'missing.gguf', '--memory', '1GiB'], 'missing.gguf: there is no such file'],
    [['fit', PHI3, '--memory', '8GiB', '-b', '0'], '--batch-size is 0'],
    [['fit', PHI3, '--memory', '8'], 'It has no unit: write 8GiB, or 8B if you mean 8 bytes'],
    [['fit', PHI3, '--memory', '8192'], 'It has no unit: write 8192MiB, or 8192B if you mean 8192 bytes'],
    [['fit', PHI3, '--memory', '1023'], 'write 1023GiB'],
    [['fit', PHI3, '--memory', '1GiB', '--reserve', '1GiB'], 'leaves nothing of --memory 1.00 GiB'],
    [['sweep', PHI3, '--reserve', '1GiB'], '--reserve is a part of --memory'],
  ])('%j is misuse', async (args, message) => {
    const { code, out, err } = await cli(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('sweep', () => {
  const rowsOf = (text: string): Row[] => JSON.parse(text) as Row[];

  it('prints a row for each combination of lists and ranges', async () => {
    const { code, out, err } = await cli('sweep', PHI3, '-c', '1024..3072:1024,8192', '-ub', '128,512', '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const rows = rowsOf(out);
    expect(rows.map(({ contextSize, ubatchSize }) => [contextSize, ubatchSize])).toEqual(
      [1024, 2048, 3072, 8192].flatMap((context) => [128, 512].map((ubatch) => [context, ubatch])),
    );
    for (const { contextSize, ubatchSize, total } of rows) {
      expect(total).toBe(measureModel(phi3, { ctxSize: contextSize, ubatchSize }).total);
    }
  });

  it('says below its table what the rows take for granted', async () => {
    const below = async (...args: string[]): Promise<string[]> => {
      const lines = (await cli('sweep', PHI3, '-c', '512,1024', ...args)).out.trimEnd().split('\n');
      return lines.slice(lines.findIndex((line) => / configurations/.test(line)) + 1, -1);
    };
    const serving = (tokens: string): string =>
      `For llama-server, which wants logits of ${tokens} of a batch, one per sequence.`;
    expect(await below()).toEqual([serving('4 tokens')]);
    expect(await below('-np', '1,2')).toEqual([serving('1 token'), serving('2 tokens')]);
    expect(await below('-np', '1..4:1')).toEqual([
      'The rows differ in how many tokens of a batch have logits; --json says it as "outputs".',
    ]);
    expect((await cli('sweep', PHI3, '--csv')).out).not.toContain('logits');
  });

  it('prints the same as CSV and as a table, and says what llama.cpp would refuse', async () => {
    const args = ['sweep', PHI3, '-fa', 'on,off', '-ctv', 'f16,q8_0'];
    const rows = rowsOf((await cli(...args, '--json')).out);
    expect(rows.map(({ refusal }) => refusal)).toEqual([
      null,
      null,
      null,
      '--cache-type-v must be unquantised, unless --flash-attn is on',
    ]);
    const csv = (await cli(...args, '--csv')).out.trimEnd().split('\n');
    expect(csv[0]).toBe(
      'file,program,outputs,ctx_size,batch_size,ubatch_size,parallel,kv_unified,flash_attn,cache_type_k,cache_type_v,swa_full,weights,context,compute,total,refusal',
    );
    expect(csv.slice(1).map((line) => line.split(',')[15])).toEqual(rows.map(({ total }) => String(total ?? '')));
    expect(csv[4]).toContain('"--cache-type-v must be unquantised, unless --flash-attn is on"');
    const table = (await cli(...args)).out;
    for (const { total } of rows.slice(0, 3)) expect(table).toContain(total!.toLocaleString('en-GB'));
    expect(table).toMatch(/^4 configurations, 1 refused$/m);
  });

  it('takes several files; one that cannot be measured is named', async () => {
    const { code, out, err } = await cli('sweep', PHI3, unknown, PHI3, '-c', '512', '--json');
    expect(code).toBe(3);
    expect(rowsOf(out).map(({ file }) => file)).toEqual([PHI3, PHI3]);
    expect(err).toMatch(/^error: .*unknown\.gguf: `general\.architecture` is .*\n$/);
  });

  it('prints each row as it comes, in every format', async () => {
    for (const format of [[], ['--csv'], ['--json']]) {
      const writes: string[] = [];
      const all = await cliOn({ write: (text) => void writes.push(text) }, 'sweep', PHI3, '-c', '1k..4k:1k', ...format);
      expect(all.code).toBe(0);
      expect(writes.length).toBeGreaterThanOrEqual(4);
      expect(writes.join('')).toBe((await cli('sweep', PHI3, '-c', '1k..4k:1k', ...format)).out);
    }
  });

  it('says with --memory what fits, and exits with 1 if nothing does', async () => {
    const args = ['sweep', PHI3, '-c', '2k,4k', '--memory', '3GiB'];
    const rows = rowsOf((await cli(...args, '--json')).out);
    expect(rows.map(({ fits, total }) => [fits, total! <= 3 * 1024 ** 3])).toEqual([
      [false, false],
      [false, false],
    ]);
    expect((await cli(...args)).code).toBe(1);
    const { code, out } = await cli('sweep', PHI3, '-c', '1k,4k', '--memory', '4GiB', '--reserve', '1GiB');
    expect(code).toBe(0);
    expect(out.match(/ (yes|no)$/gm)).toEqual([' yes', ' no']);
    const csv = (await cli(...args, '--csv')).out.split('\n');
    expect(csv[0]).toMatch(/,refusal,fits$/);
    expect(csv[1]).toMatch(/,,false$/);
  });

  it.each([
    [['-c', '1,x'], 'whole number'],
    [['-c', '9..1:1'], 'FROM up to TO'],
    [['-c', '1..9:0'], 'FROM up to TO'],
    [['-c', '0..4000000000:1'], 'up to 10000 values'],
    [['-ctk', 'f16,f17'], 'must be one of'],
    [['-c', '1..9999:1', '-ub', '1..9999:1'], 'more than 1,000,000'],
    [['--csv', '--json'], 'exclude each other'],
  ])('%j is misuse', async (args, message) => {
    const { code, out, err } = await cli('sweep', PHI3, ...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
  });

  it('both have help with exit codes and flags, within 80 columns', async () => {
    for (const command of ['fit', 'sweep']) {
      const { code, out } = await cli(command, '--help');
      expect(code).toBe(0);
      expect(out).toContain('Exit code: 0 done');
      expect(out).toMatch(/^ {2}-ctk, --cache-type-k/m);
      expect(out).not.toContain('--phase');
    }
  });
});

describe('a model of an unknown architecture', () => {
  it.each(['measure', 'plan', 'map', 'sweep', 'verify'])('has an exit code of its own in %s', async (command) => {
    const plan = write('any.json', '{"alignment":1,"bufferSize":0,"chunks":[],"tensors":[]}');
    expect((await cli(command, unknown, ...(command === 'verify' ? [plan] : []))).code).toBe(3);
  });

  it('fits for sure in no budget below its weights, which are all that fit knows', async () => {
    const maybe = await cli('fit', unknown, '--memory', '8GiB');
    expect(maybe.code).toBe(3);
    expect(maybe.err).toMatch(/^note: .*the architecture "hal\\u001b9000" is unknown/);
    expect(maybe.out).toMatch(/^The weights take 12\.50 KiB \(12,800 bytes\) in 8\.00 GiB .* is not known\.\n$/);
    const no = await cli('fit', unknown, '--memory', '12kB');
    expect([no.code, no.out]).toEqual([
      1,
      'The model does not fit in 11.72 KiB (12,000 bytes): its weights alone take 12.50 KiB (12,800 bytes).\n',
    ]);
    expect(JSON.parse((await cli('fit', unknown, '--memory', '12kB', '--json')).out)).toMatchObject({ fits: false });
  });
});

describe('measure', () => {
  it('shows what our placement would need, in the report, the table and --json', async () => {
    const { compute, computeWithAuto } = measureModel(phi3, { flashAttention: false });
    expect(computeWithAuto).toBeLessThanOrEqual(compute);
    const [row] = JSON.parse((await cli('measure', PHI3, '-fa', 'off', '--json')).out) as object[];
    expect(row).toMatchObject({ compute, computeWithAuto });
    const report = (await cli('measure', PHI3, '-fa', 'off')).out;
    expect(report).toContain('With the allocator auto and in-place full the compute buffer is ');
    expect(report).toContain(`(${computeWithAuto.toLocaleString('en-GB')} bytes)`);
    expect((await cli('measure', PHI3, PHI3)).out.split('\n')[0]).toMatch(/total {2}compute with auto$/);
  });

  it('knows the weights of an unknown architecture, and says that the rest is unknown', async () => {
    const { code, out, err } = await cli('measure', unknown);
    expect(code).toBe(3);
    expect(err).toBe(
      `note: ${unknown}: the architecture "hal\\u001b9000" is unknown, so only the weights could be measured\n`,
    );
    expect(out).toContain('12.50 KiB');
    expect(out).toContain(', an unknown architecture: only its weights could be measured\n');
    expect(out.match(/^(KV cache|compute buffer|total) +unknown$/gm)).toHaveLength(3);
    const json = await cli('measure', unknown, PHI3, '--json');
    expect(json.code).toBe(3);
    const [first, second] = JSON.parse(json.out) as object[];
    expect(first).toMatchObject({ weights: 12800, bufferSize: null, context: null, compute: null, total: null });
    expect(second).toMatchObject({ architecture: 'phi3' });
    expect((await cli('measure', unknown, '--timeline')).code).toBe(3);
  });
});
