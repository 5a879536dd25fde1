/** `tensor-arena fit` and `tensor-arena sweep`. */
import { describe, expect, it } from 'vitest';
import { fitContext, measureModel } from '../../src/index.js';
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
    expect(out).toMatch(/^any context fits in .*, up to the longest that can be asked for\.$/m);
  });

  it('prints the largest context, alternatives and all that was tried, as text and as JSON', async () => {
    const { code, out, err } = await cli('fit', PHI3, '--memory', '3GiB');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const fit = fitContext(phi3, 3 * 1024 ** 3);
    const { contextSize } = fit.largest!.run;
    expect(out).toMatch(new RegExp(`^${contextSize.toLocaleString('en-GB')} tokens of context fit in 3\\.00 GiB`));
    expect(out).toContain('The wanted 4,096 do not.');
    expect(out).toContain('4,096 tokens fit with no ubatch.\n');
    expect(out).toMatch(/^4,096 tokens fit with cached keys as q8_0 and values as q5_1 \(/m);
    expect(out.slice(out.indexOf('Tried:')).trimEnd().split('\n')).toHaveLength(2 + fit.tried.length);

    const json = JSON.parse((await cli('fit', PHI3, '--memory', '3GiB', '--json')).out) as Record<string, unknown>;
    expect(json).toMatchObject({ file: PHI3, fits: true, proven: true, contextSize, budget: 3 * 1024 ** 3 });
    expect(json.largest).toMatchObject({ total: fit.largest!.total, contextSize, cacheTypeK: 'f16', fits: true });
    expect(json.largestUbatch).toBeNull();
    expect(json.tried).toHaveLength(fit.tried.length);
  });

  it('leaves the middle of a long run of neighbours out of the table, not out of the data', async () => {
    const fit = fitContext(phi3, 4 * 1024 ** 3, { program: 'library' });
    const { out } = await cli('fit', PHI3, '--memory', '4GiB', '--program', 'library');
    const rows = out.slice(out.indexOf('Tried:')).trimEnd().split('\n').slice(2);
    const hidden = Number(/^([\d,]+) more sizes between neighbours that do not fit/.exec(rows.pop()!)![1]);
    expect(hidden).toBeGreaterThan(100);
    expect(rows.length + hidden).toBe(fit.tried.length);
    expect(rows.at(-1)).toMatch(/ 1,623 .* yes$/);
    expect(rows.at(-2)).toMatch(/ 1,624 .* no$/);
    const { tried } = JSON.parse(
      (await cli('fit', PHI3, '--memory', '4GiB', '--program', 'library', '--json')).out,
    ) as { tried: Row[] };
    expect(tried).toHaveLength(fit.tried.length);
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
    const { largest } = fitContext(phi3, 8 * 1024 ** 3, { ubatchSize: 256, flashAttention: 'off' });
    expect(out.startsWith(`${largest!.run.contextSize.toLocaleString('en-GB')} tokens`)).toBe(true);
    expect(out).toMatch(/There is room for [\d,]+, but the model was trained on 4,096\./);
  });

  it('exits with 1 if nothing fits', async () => {
    const { code, out, err } = await cli('fit', PHI3, '--memory', '1GiB');
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(out).toContain('does not fit');
    expect(out).toContain('The weights alone take 2.22 GiB');
    expect(JSON.parse((await cli('fit', PHI3, '--memory', '1GiB', '--json')).out)).toMatchObject({
      fits: false,
      contextSize: null,
      largest: null,
    });
  });

  it.each([
    [['fit', PHI3], "required option '--memory <SIZE>' not specified"],
    [['fit', PHI3, '--memory', 'much'], 'whole number of bytes'],
    [['fit', 'missing.gguf', '--memory', '1GiB'], 'missing.gguf: no such file'],
    [['fit', PHI3, '--memory', '8GiB', '-b', '0'], '--batch-size is 0'],
    [['fit', unknown, '--memory', '8GiB'], '`general.architecture` is "hal\\u001b9000"'],
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

  it('prints the same as CSV and as a table, and says what llama.cpp would refuse', async () => {
    const args = ['sweep', PHI3, '-fa', 'on,off', '-ctv', 'f16,q8_0'];
    const rows = rowsOf((await cli(...args, '--json')).out);
    expect(rows.map(({ refusal }) => refusal)).toEqual([
      null,
      null,
      null,
      '--cache-type-v must be unquantised, or --flash-attn on',
    ]);
    const csv = (await cli(...args, '--csv')).out.trimEnd().split('\n');
    expect(csv[0]).toBe(
      'file,program,outputs,ctx_size,batch_size,ubatch_size,parallel,kv_unified,flash_attn,cache_type_k,cache_type_v,swa_full,weights,context,compute,total,refusal',
    );
    expect(csv.slice(1).map((line) => line.split(',')[15])).toEqual(rows.map(({ total }) => String(total ?? '')));
    expect(csv[4]).toContain('"--cache-type-v must be unquantised, or --flash-attn on"');
    const table = (await cli(...args)).out;
    for (const { total } of rows.slice(0, 3)) expect(table).toContain(total!.toLocaleString('en-GB'));
    expect(table).toMatch(/^4 configurations, 1 refused$/m);
  });

  it('takes several files; one that cannot be measured is named', async () => {
    const { code, out, err } = await cli('sweep', PHI3, unknown, PHI3, '-c', '512', '--json');
    expect(code).toBe(2);
    expect(rowsOf(out).map(({ file }) => file)).toEqual([PHI3, PHI3]);
    expect(err).toMatch(/^error: .*unknown\.gguf: `general\.architecture` is .*\n$/);
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

describe('measure', () => {
  it('shows what our placement would need, in the report, the table and --json', async () => {
    const { compute, computeWithAuto } = measureModel(phi3, { flashAttention: 'off' });
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
    expect(code).toBe(0);
    expect(err).toBe(
      `note: ${unknown}: the architecture "hal\\u001b9000" is unknown, so only the weights could be measured\n`,
    );
    expect(out).toContain('12.50 KiB');
    expect(out).toContain(', an unknown architecture: only its weights could be measured\n');
    expect(out.match(/^(KV cache|compute buffer|total) +unknown$/gm)).toHaveLength(3);
    const json = await cli('measure', unknown, PHI3, '--json');
    expect(json.code).toBe(0);
    const [first, second] = JSON.parse(json.out) as object[];
    expect(first).toMatchObject({ weights: 12800, bufferSize: null, context: null, compute: null, total: null });
    expect(second).toMatchObject({ architecture: 'phi3' });
    expect((await cli('measure', unknown, '--timeline')).code).toBe(0);
  });
});
