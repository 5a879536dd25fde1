/** Misuse and bad input: one line on standard error that names file and field, exit code 2, nothing thrown. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context, Graph, graphToJson } from '../../src/index.js';
import { withFlags } from '../../src/cli/failure.js';
import { flagOf } from '../../src/cli/flag-names.js';
import { byteSize } from '../../src/cli/flag-values.js';
import { cli, FIVE_BUFFERS, scratchFolder } from '../support/cli.js';
import { metadataOf, writeGguf } from '../support/gguf-writer.js';
import { projectPath } from '../support/shared.js';

const { path, write } = scratchFolder();
const header = readFileSync(projectPath('examples/phi-3-mini-4k.gguf'));
const ctx = Context.deferred();
const graph = graphToJson(Graph.forward(ctx.relu(ctx.newTensor('f32', [4], 'x'))));
const graphText = JSON.stringify(graph);
const problemFile = write('problem.csv', FIVE_BUFFERS);
const graphFile = write('graph.json', graphText);
const modelFile = projectPath('examples/phi-3-mini-4k.gguf');

/** Expects failure with one line, and returns that line without `error: ` and the end. */
async function failure(...args: string[]): Promise<string> {
  const { code, out, err } = await cli(...args);
  expect({ code, out }, err).toEqual({ code: 2, out: '' });
  expect(err).toMatch(/^error: [^\n]+\n$/);
  return err.slice('error: '.length, -1);
}

describe('sizes', () => {
  it.each<[text: string, bytes: number]>([
    ['8Gi', 8 * 1024 ** 3],
    ['8gib', 8 * 1024 ** 3],
    ['8 GiB', 8 * 1024 ** 3],
    [' 8  GB ', 8e9],
    ['8e9', 8e9],
    ['1.5e3', 1500],
    ['1.5e3k', 1500 * 1024],
    ['.5g', 512 * 1024 ** 2],
    ['4.k', 4096],
    ['17b', 17],
  ])('"%s" is %d bytes', (text, bytes) => {
    expect(byteSize(text)).toBe(bytes);
  });

  it.each(['', '.', 'g', '8x', '8 i', '1e99', '-1', '0', '1.5', '8e', '8GiBs'])(
    '"%s" is none, and units are listed',
    (text) => {
      expect(() => byteSize(text)).toThrow(/units are k, m, g, t .*, GB, TB/);
    },
  );

  it('a wrong flag suggests the right one', async () => {
    expect(await failure('measure', modelFile, '--ctx', '4096')).toMatch(/^unknown option '--ctx'.*--ctx-size/);
    expect(await failure('measure', modelFile, '--ctx=4096')).toMatch(/--ctx-size/);
  });
});

describe('options in the errors of the library', () => {
  it('have the names of their flags', () => {
    const folders = ['models', 'device', 'solver', 'plan', 'gguf'].map((folder) => projectPath(`src/${folder}`));
    const files = folders.flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
    );
    const sentences = files
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/\b(?:message|remedy)(?::| =)\s*(['`].*['`])/g)])
      .map(([, text]) =>
        text
          .slice(1, -1)
          .replace(/\$\{[^}]*\}/g, '')
          .replaceAll('\\`', '`'),
      );
    expect(sentences.length).toBeGreaterThan(100);
    // A name in one word, such as `parallel`, may be a word of the sentence; `kvUnified` can only be the option.
    const names = sentences.flatMap((text) => withFlags(text).match(/\b[a-z]+[A-Z]\w*/g) ?? []);
    expect(names.filter((name) => flagOf(name) !== undefined)).toEqual([]);
  });
});

describe('files', () => {
  const text = (change: object): string => JSON.stringify({ ...graph, ...change });
  const tensor = (change: object): string => text({ tensors: [{ ...graph.tensors[0], ...change }, graph.tensors[1]] });

  it.each<[name: string, content: string | Uint8Array, message: RegExp]>([
    ['empty.json', '', /^the file is empty$/],
    ['empty.json.gz', '', /^the file is empty$/],
    ['nothing.json.gz', gzipSync(''), /^not valid JSON: /],
    ['empty.csv', '', /^the file is empty$/],
    ['empty.gguf', '', /^the file is empty$/],
    ['cut.json', graphText.slice(0, 50), /^not valid JSON: /],
    ['cut.json.gz', gzipSync(graphText).subarray(0, 60), /^cannot be decompressed, it is damaged or no gzip file: /],
    ['plain.json.gz', graphText, /^cannot be decompressed, .*incorrect header check$/],
    ['plain.csv.gz', FIVE_BUFFERS, /^cannot be decompressed, .*incorrect header check$/],
    ['null.json', 'null', /^The graph document is null, but must be an object/],
    ['list.json', '[]', /^The graph document is \[\], but must be an object/],
    ['format.json', text({ format: 'onnx' }), /^`format` is "onnx", but must be "tensor-graph"/],
    ['version.json', text({ version: 3 }), /^`version` is 3, but must be 1 or 2/],
    ['proto.json', '{"__proto__":{"format":"tensor-graph"}}', /^`format` is missing/],
    ['type.json', tensor({ type: '__proto__' }), /^tensors\[0\] \(x\)\.type names the element type "__proto__"/],
    ['shape.json', tensor({ shape: 'abc' }), /^tensors\[0\] \(x\)\.shape is "abc"/],
    ['binary.json', header, /^not valid JSON: /],
    ['cell.csv', 'id,lower,upper,size\na,0,x,4\n', /^Row 2, column "upper" is "x"/],
    ['column.csv', 'id,lower,upper,bytes\n', /^Row 1, column "bytes" is unknown/],
    ['text.gguf', 'no such thing', / is no GGUF file: it does not start as one does/],
    ['cut.gguf', header.subarray(0, 5000), / is cut off after 5000 bytes, before its header ends\./],
    ['a.txt', 'x', /^unknown kind of file, its name must end in one of \.gguf, \.onnx, \.tflite, \.json, /],
    ['json', graphText, /^unknown kind of file/],
  ])('are refused by name and field: %s', async (name, content, message) => {
    const file = write(name, content);
    for (const command of ['measure', 'plan']) {
      const line = await failure(command, file);
      expect(line.startsWith(file)).toBe(true);
      expect(line.slice(file.length).replace(/^: /, '')).toMatch(message);
    }
  });

  it.each(['json', 'json.gz', 'csv', 'csv.gz', 'gguf'])('may be missing, or a folder: .%s', async (ending) => {
    const missing = path(`missing.${ending}`);
    expect(await failure('measure', missing)).toBe(`${missing}: there is no such file or folder`);
    const folder = path(`folder.${ending}`);
    mkdirSync(folder);
    expect(await failure('measure', folder)).toMatch(/folder\.[a-z.]+(: is a directory| is not a regular file)/);
  });

  it.each([['fit', '--memory', '8g'], ['sweep'], ['sweep', '-c', '4k']])(
    'of other kinds are refused where only a model will do: %s %s %s',
    async (...args) => {
      const refused = (found: string): string =>
        `is ${found} by its name, but fit and sweep are for models (.gguf); ask measure`;
      expect(await failure(...args, graphFile)).toBe(`${graphFile}: ${refused('a graph')}`);
      expect(await failure(...args, problemFile)).toBe(`${problemFile}: ${refused('a placement problem')}`);
      expect(await failure(...args, path('missing.csv'))).toMatch(/missing\.csv: there is no such file or folder$/);
    },
  );

  it('may be missing, or a folder, whatever its name', async () => {
    expect(await failure('measure', path('missing'))).toBe(`${path('missing')}: there is no such file or folder`);
    mkdirSync(path('models'));
    expect(await failure('fit', path('models'), '--memory', '1GiB')).toMatch(
      /models: is a directory, but must be a file$/,
    );
    expect(await failure('measure', path('models'))).toBe(`${path('models')}: is a directory, but must be a file`);
  });

  it('are no pipes', async () => {
    for (const name of ['pipe', 'pipe.gguf']) {
      execFileSync('mkfifo', [path(name)]);
      for (const args of [['measure'], ['plan'], ['fit', '--memory', '8g'], ['sweep']]) {
        expect(await failure(...args, path(name))).toBe(
          `${path(name)}: is a pipe or a device, which are not read: write it to a file first`,
        );
      }
    }
  });

  it.each<[metadata: Record<string, string>, what: string]>([
    [{ 'general.architecture': 'clip' }, 'a multimodal projector'],
    [{ 'general.type': 'imatrix', 'general.architecture': 'llama' }, 'an importance matrix'],
  ])('that are no model are refused alike by every command: %j', async (metadata, what) => {
    const file = write('part.gguf', writeGguf({ metadata: metadataOf(metadata), tensors: [] }));
    for (const args of [['measure'], ['plan'], ['map'], ['fit', '--memory', '8GiB'], ['sweep']]) {
      expect(await failure(...args, file)).toContain(`part.gguf is no model, but ${what}`);
    }
  });

  it('name the file at fault in verify', async () => {
    expect(await failure('verify', graphFile, path('no.json'))).toBe(
      `${path('no.json')}: there is no such file or folder`,
    );
    expect(await failure('verify', path('no.json'), graphFile)).toBe(
      `${path('no.json')}: there is no such file or folder`,
    );
    expect(await failure('verify', problemFile, problemFile)).toBe(
      `${problemFile}: the column "offset" is missing or empty; a solution has it`,
    );
    expect(await failure('verify', graphFile, problemFile)).toMatch(/problem\.csv: no plan, but CSV, /);
    expect(await failure('verify', graphFile, graphFile)).toBe(
      `${graphFile}: no plan, but a graph: give what \`tensor-arena plan FILE -o plan.json\` has written`,
    );
    for (const file of [graphFile, problemFile]) {
      expect(await failure('verify', file, modelFile)).toMatch(/\.gguf: no plan, but a model: /);
    }
  });

  it('say that a plan stands where its input belongs', async () => {
    for (const [file, name] of [
      [graphFile, 'swapped.json'],
      [problemFile, 'swapped.problem.json'],
      [modelFile, 'swapped.model.json.gz'],
    ]) {
      expect((await cli('plan', file, '-o', path(name))).code).toBe(0);
      expect(await failure('verify', path(name), file)).toBe(
        `${path(name)}: is a plan, but must be what it was made for: verify takes FILE PLAN, in this order`,
      );
    }
    expect(await failure('measure', path('swapped.json'))).toMatch(/: is a plan, but must be what it was made for: /);
  });

  it('may hold names that mean something to JavaScript', async () => {
    const problem = write('proto.csv', 'id,lower,upper,size\n__proto__,0,3,4\nconstructor,1,4,8\n');
    const plan = path('proto.plan.csv');
    expect((await cli('plan', problem, '-o', plan)).code).toBe(0);
    expect((await cli('verify', problem, plan)).out).toBe('ok: 2 buffers in 12 bytes, no violation\n');
    const named = write('named.json', graphText.replaceAll('"x"', '"__proto__"'));
    expect((await cli('measure', named, '--json')).code).toBe(0);
  });

  it('may hold anything at all', async () => {
    const ending = fc.constantFrom('json', 'json.gz', 'csv', 'csv.gz', 'gguf');
    const cut = (data: Uint8Array): fc.Arbitrary<Uint8Array> =>
      fc
        .tuple(fc.nat(data.length), fc.nat(data.length - 1), fc.nat(255))
        .map(([end, at, byte]) =>
          Uint8Array.from(data.subarray(0, end), (value, index) => (index === at ? byte : value)),
        );
    const content = fc.oneof(
      fc.uint8Array(),
      cut(header),
      cut(Buffer.from(graphText)),
      cut(Buffer.from(FIVE_BUFFERS)),
      cut(gzipSync(graphText)),
    );
    await fc.assert(
      fc.asyncProperty(ending, content, async (suffix, bytes) => {
        const { code, out, err } = await cli('measure', write(`any.${suffix}`, bytes));
        if (code === 0) {
          expect(err).toBe('');
          return;
        }
        expect({ code, out }).toEqual({ code: 2, out: '' });
        expect(err).toMatch(/^error: [^\n]+\n$/);
        expect(err).not.toContain('unexpected: ');
      }),
      { numRuns: 200 },
    );
  });
});

describe('arguments', () => {
  it.each<[args: string[], message: string]>([
    [['measure'], "missing required argument 'FILE'; see tensor-arena measure --help"],
    [['verify', graphFile], "missing required argument 'PLAN'; see tensor-arena verify --help"],
    [
      ['plan', graphFile, graphFile],
      "too many arguments for 'plan'. Expected 1 argument but got 2; see tensor-arena plan --help",
    ],
    [['mesure'], "unknown command 'mesure' (Did you mean measure?); see tensor-arena --help"],
    [
      ['measure', '--ctx-siz', '4', modelFile],
      "unknown option '--ctx-siz' (Did you mean --ctx-size?); see tensor-arena measure --help",
    ],
    [['measure', modelFile, '-ub'], "option '--ubatch-size <N>' argument missing; see tensor-arena measure --help"],
    [
      ['verify', '--capacity', '4', graphFile, graphFile],
      "unknown option '--capacity'; see tensor-arena verify --help",
    ],
  ])('%j', async (args, message) => {
    expect(await failure(...args)).toBe(message);
  });

  it.each([
    ['-c', '-1', 'a whole number from 0 to 4294967295'],
    ['-c', '4q', 'a whole number from 0 to 4294967295'],
    ['-c', '5000000k', 'a whole number from 0 to 4294967295'],
    ['-b', '1e3', 'a whole number from 0 to 4294967295'],
    ['-ub', '', 'a whole number from 0 to 4294967295'],
    ['-np', '0', 'a whole number from 1 to 256'],
    ['-fa', 'yes', 'one of on, off, auto'],
    ['-ctk', 'q4_K', 'one of f32, f16, bf16, q8_0, q4_0, q4_1, iq4_nl, q5_0, q5_1'],
    ['--phase', 'prefill', 'one of pp, tg'],
    ['--allocator', 'constructor', 'one of auto, ggml, '],
    ['--in-place', 'on', 'one of full, ggml, off'],
    ['--alignment', '48', 'a power of two, such as 32'],
    ['--alignment', '0', 'a whole number of bytes from 1'],
    ['--max-chunk-size', '-5', 'a whole number of bytes from 1'],
    ['--max-chunk-size', '8XiB', 'a whole number of bytes from 1'],
    ['--max-chunk-size', '9007199254740992', 'a whole number of bytes from 1'],
  ])('%s %j must be %s', async (flag, value, limit) => {
    for (const file of [graphFile, modelFile]) {
      const line = await failure('measure', file, flag, value);
      expect(line).toContain(`argument '${value}' is invalid. It must be ${limit}`);
      expect(line).toContain(flag.startsWith('--') ? flag : '--');
    }
  });

  it('are called by their flags when a model refuses them', async () => {
    expect(await failure('measure', modelFile, '-ctv', 'q8_0', '-fa', 'off')).toBe(
      `${modelFile}: A quantised V cache needs flash attention: give --flash-attn on. Or give --cache-type-v an unquantised type, such as f16.`,
    );
    expect(await cli('measure', problemFile, '--max-chunk-size', '3')).toEqual({
      code: 1,
      out: '',
      err: `error: ${problemFile}: Buffer A (row 2) takes 4 bytes, but a chunk may have at most 3. Split it, or raise --max-chunk-size; from code, \`allowOversize\` gives it a chunk of its own size.\n`,
    });
  });

  it('cannot ask the allocator ggml for fixed offsets', async () => {
    const file = write('fixed.csv', 'id,lower,upper,size,offset\na,0,1,4,8\n');
    expect(await failure('measure', file, '--allocator', 'ggml')).toContain('the column "offset" fixes offsets');
    expect((await cli('measure', file)).code).toBe(0);
  });

  it('-o names the file that cannot be written', async () => {
    const nowhere = path('no/such/folder.json');
    expect(await failure('plan', graphFile, '-o', nowhere)).toBe(
      `-o ${nowhere}: cannot be written: there is no such file or folder`,
    );
  });
});
