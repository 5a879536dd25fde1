/** GGUF headers: every kind of source, and every way a file can be broken. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PlannerError } from '../../src/errors.js';
import { readGguf, type GgufSource } from '../../src/gguf/index.js';
import { metadataOf, writeGguf, type WrittenHeader } from '../support/gguf-writer.js';
import { projectPath } from '../support/shared.js';
import { withinUnits } from '../support/effort.js';

const SMALL: WrittenHeader = {
  metadata: metadataOf({ 'general.architecture': 'llama', 'llama.block_count': 2, 'llama.scale': 0.5 }),
  tensors: [
    { name: 'a', type: 'q4_0', ne: [64, 3] },
    { name: 'b', type: 'f32', ne: [5] },
  ],
};

async function errorOf(source: GgufSource): Promise<PlannerError> {
  const error: unknown = await readGguf(source).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PlannerError);
  return error as PlannerError;
}

describe('readGguf', () => {
  it('gives metadata and tensors as plain data with exact sizes', async () => {
    const { metadata, tensors } = await readGguf(writeGguf(SMALL));
    expect(metadata).toEqual({ 'general.architecture': 'llama', 'llama.block_count': 2, 'llama.scale': 0.5 });
    expect(tensors.map(({ name, type, ne, bytes }) => ({ name, type: type.name, ne, bytes }))).toEqual([
      { name: 'a', type: 'q4_0', ne: [64, 3, 1, 1], bytes: 108 },
      { name: 'b', type: 'f32', ne: [5, 1, 1, 1], bytes: 20 },
    ]);
  });

  it('reads names as long as those that stable-diffusion.cpp writes', async () => {
    const name = `${'ä'.repeat(79)}w`;
    const { tensors } = await readGguf(writeGguf({ tensors: [{ name, type: 'f32', ne: [8] }] }));
    expect(tensors[0].name).toBe(name);
  });

  it('turns 64-bit integers into numbers where they are exact', async () => {
    const { metadata } = await readGguf(
      writeGguf({
        metadata: {
          small: { type: 'u64', value: 2n ** 53n - 1n },
          large: { type: 'u64', value: 2n ** 60n },
          list: { type: 'array', of: 'u64', values: [1, 2] },
        },
      }),
    );
    expect(metadata).toEqual({ small: 2 ** 53 - 1, large: 2n ** 60n, list: [1, 2] });
  });

  it('keeps a key that JavaScript gives a meaning to', async () => {
    const { metadata } = await readGguf(writeGguf({ metadata: metadataOf({ constructor: 'x', 'a.b': 1 }) }));
    expect(Object.keys(metadata)).toEqual(['constructor', 'a.b']);
  });

  it('reads bytes, buffers, blobs and files alike', async () => {
    const bytes = writeGguf(SMALL);
    expect((await readGguf(bytes.slice().buffer)).tensors).toHaveLength(2);
    expect((await readGguf(new Blob([bytes.slice()]))).tensors).toHaveLength(2);
    expect((await readGguf(new File([bytes.slice()], 'small.gguf'))).name).toBe('small.gguf');
  });

  it('reads local paths and file URLs', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gguf-'));
    const path = join(folder, 'small.gguf');
    try {
      await writeFile(path, writeGguf(SMALL));
      expect((await readGguf(path)).tensors).toHaveLength(2);
      expect((await readGguf(pathToFileURL(path))).name).toBe('small.gguf');
      expect((await errorOf(folder)).value).toBe('not a regular file');
      const missing = await errorOf(`${path}.missing`);
      expect(missing).toMatchObject({ code: 'BAD_GGUF', culprit: 'small.gguf.missing' });
      expect(missing.message).toContain('`small.gguf.missing` cannot be read: there is no such file.');
      expect((await errorOf(`${path}/x`)).message).toContain('cannot be read: a part of the path is not a folder.');
      expect((await errorOf(projectPath('package.json'))).code).toBe('BAD_GGUF');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a model in several parts', () => {
  const part = (index: number, count: number, name: string): Uint8Array =>
    writeGguf({
      metadata: { ...metadataOf({ 'split.no': index, 'split.count': count }), ...(index === 0 ? SMALL.metadata : {}) },
      tensors: [{ name, type: 'f32', ne: [8] }],
    });

  it('is one model, in whatever order its parts come', async () => {
    const { metadata, tensors } = await readGguf([part(1, 3, 'b'), part(2, 3, 'c'), part(0, 3, 'a')]);
    expect(tensors.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(tensors.map(({ part: number = 0 }) => number)).toEqual([0, 1, 2]);
    expect(metadata['general.architecture']).toBe('llama');
  });

  it('is found by the name of any part', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gguf-'));
    const path = (index: number): string => join(folder, `model-0000${index}-of-00002.gguf`);
    try {
      await writeFile(path(1), part(0, 2, 'a'));
      expect((await errorOf(path(1))).culprit).toBe('model-00002-of-00002.gguf');
      await writeFile(path(2), part(1, 2, 'b'));
      expect((await readGguf(path(2))).tensors).toHaveLength(2);
      expect((await readGguf(pathToFileURL(path(1)))).name).toBe('model-00001-of-00002.gguf');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('must be complete, without doubles', async () => {
    const incomplete: unknown = await readGguf([part(0, 3, 'a'), part(1, 3, 'b')]).catch((error: unknown) => error);
    expect(incomplete).toMatchObject({ code: 'BAD_GGUF', value: '3, with parts 1, 2' });
    expect((await errorOf(part(0, 2, 'a'))).culprit).toBe('GGUF data: split.count');
    const twice: unknown = await readGguf([part(0, 2, 'a'), part(0, 2, 'b')]).catch((error: unknown) => error);
    expect(twice).toMatchObject({ code: 'BAD_GGUF', value: '2, with parts 1, 1' });
    const same: unknown = await readGguf([part(0, 2, 'a'), part(1, 2, 'a')]).catch((error: unknown) => error);
    expect(same).toMatchObject({ code: 'BAD_GGUF', culprit: 'a' });
    await expect(readGguf([])).rejects.toMatchObject({ culprit: 'list of parts' });
    for (const name of ['x-00000-of-00000.gguf', 'x-00003-of-00002.gguf']) {
      expect((await errorOf(name)).culprit).toBe(name); // no part of anything, so read by its own name
    }
  });
});

describe('readGguf over HTTP', () => {
  const bytes = writeGguf(SMALL);
  let server: Server;
  let base: string;

  beforeAll(async () => {
    server = createServer((request, response) => {
      const [, start, end] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
      if (request.url === '/missing.gguf') {
        response.writeHead(404).end('not here');
      } else if (request.url === '/whole.gguf') {
        response.writeHead(200).end(bytes);
      } else if (request.url === '/cut.gguf') {
        response.writeHead(206, { 'content-length': bytes.byteLength });
        response.write(bytes.subarray(0, 16), () => response.destroy());
      } else if (request.url === '/endless.gguf') {
        response.writeHead(200).write(bytes);
        const timer = setInterval(() => response.write(Buffer.alloc(1 << 16)), 0);
        response.on('close', () => {
          clearInterval(timer);
        });
      } else {
        const part = bytes.subarray(Number(start), Number(end) + 1);
        response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${bytes.byteLength}` }).end(part);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it('reads ranges', async () => {
    expect((await readGguf(`${base}/small.gguf`)).tensors).toHaveLength(2);
    expect((await readGguf(new URL(`${base}/small.gguf?download=true`))).name).toBe('small.gguf');
  });

  it('reads no more than it needs from a server that ignores ranges', async () => {
    expect((await readGguf(`${base}/whole.gguf`)).tensors).toHaveLength(2);
    expect((await readGguf(`${base}/endless.gguf`)).tensors).toHaveLength(2);
  });

  it('says why there is no answer, or no whole one', async () => {
    for (const address of [
      'http://127.0.0.1:1/a.gguf',
      'http://[bad/a.gguf',
      'file://[bad/a.gguf',
      `${base}/cut.gguf`,
    ]) {
      const { code, value } = await errorOf(address);
      expect([code, value], address).toEqual([
        'BAD_GGUF',
        expect.stringMatching(/REFUSED|bad port|Invalid URL|closed/),
      ]);
    }
  });

  it('says what the server said', async () => {
    const { code, culprit, value } = await errorOf(`${base}/missing.gguf`);
    expect({ code, culprit, value }).toEqual({ code: 'BAD_GGUF', culprit: 'missing.gguf', value: 'HTTP status 404' });
  });
});

describe('a broken header', () => {
  it('is rejected wherever it is cut off', async () => {
    const whole = writeGguf(SMALL);
    for (let length = 0; length < whole.byteLength; length++) {
      expect((await errorOf(whole.subarray(0, length))).code, `${length} bytes`).toBe('BAD_GGUF');
    }
  });

  it.each<[string, WrittenHeader, string, string]>([
    ['tensor count', { tensorCount: 2n ** 60n }, 'BAD_GGUF', 'GGUF data: number of tensors'],
    ['more tensors than listed', { ...SMALL, tensorCount: 400_000n }, 'BAD_GGUF', 'GGUF data'],
    ['more tensors than there is room for', { tensorCount: 9_000_000n }, 'BAD_GGUF', 'GGUF data: number of tensors'],
    ['key count', { keyCount: 2n ** 63n }, 'BAD_GGUF', 'GGUF data: number of keys'],
    ['version', { version: 77 }, 'BAD_GGUF', 'GGUF data'],
    ['version 1', { version: 1 }, 'BAD_GGUF', 'GGUF data'],
    ['the other byte order', { version: 0x03000000 }, 'BAD_GGUF', 'GGUF data'],
    ['a key without a name', { metadata: metadataOf({ '': 1 }) }, 'BAD_GGUF', 'GGUF data: key 1'],
    ['unknown type', { tensors: [{ name: 'w', type: 4, ne: [32] }] }, 'UNKNOWN_TYPE', 'w'],
    ['half a block', { tensors: [{ name: 'w', type: 'q4_0', ne: [33] }] }, 'BAD_SHAPE', 'w'],
    ['five dimensions', { tensors: [{ name: 'w', type: 'f32', ne: [1, 1, 1, 1, 2] }] }, 'BAD_GGUF', 'w'],
    ['length', { tensors: [{ name: 'w', type: 'f32', ne: [2n ** 60n] }] }, 'BAD_GGUF', 'GGUF data'],
    ['a length below zero', { tensors: [{ name: 'w', type: 'f32', ne: [2n ** 64n - 32n] }] }, 'BAD_GGUF', 'GGUF data'],
    ['bytes', { tensors: [{ name: 'w', type: 'f32', ne: [2 ** 32, 2 ** 30] }] }, 'BYTES_TOO_LARGE', 'w'],
    ['offset', { tensors: [{ name: 'w', type: 'f32', ne: [8], offset: 64 }] }, 'BAD_GGUF', 'w'],
    ['a name of 160 bytes', { tensors: [{ name: 'ä'.repeat(80), type: 'f32', ne: [8] }] }, 'BAD_GGUF', 'ä'.repeat(80)],
    ['no name', { tensors: [{ name: '', type: 'f32', ne: [8] }] }, 'BAD_GGUF', 'tensor list'],
    [
      'one name twice',
      {
        tensors: [
          { name: 'w', type: 'f32', ne: [8] },
          { name: 'w', type: 'f32', ne: [8] },
        ],
      },
      'BAD_GGUF',
      'w',
    ],
    [
      'alignment',
      { metadata: { 'general.alignment': { type: 'u32', value: 48 } } },
      'BAD_ALIGNMENT',
      'general.alignment',
    ],
    ['an alignment in words', { metadata: metadataOf({ 'general.alignment': '32' }) }, 'BAD_GGUF', 'general.alignment'],
    ['parts in words', { metadata: metadataOf({ 'split.count': 'one' }) }, 'BAD_GGUF', 'split.count'],
    ['half a part', { metadata: metadataOf({ 'split.no': 0.5 }) }, 'BAD_GGUF', 'split.no'],
  ])('is rejected: %s', async (_what, header, code, culprit) => {
    expect(await errorOf(writeGguf(header))).toMatchObject({ code, culprit });
  });

  it('is rejected: one key twice', async () => {
    const bytes = writeGguf({ metadata: metadataOf({ 'general.x': 1, 'general.y': 2 }) });
    bytes[Buffer.from(bytes).lastIndexOf('general.y') + 8] = 'x'.charCodeAt(0);
    expect(await errorOf(bytes)).toMatchObject({
      code: 'BAD_GGUF',
      culprit: 'general.x',
      value: 'there twice',
    });
  });

  it('is not suspected for keys of its own that mean something elsewhere', async () => {
    const keys = ['version', 'tensor_count', 'kv_count', '__proto__'];
    const values = Object.fromEntries(keys.map((key) => [key, { type: 'u32', value: 1 } as const]));
    Object.defineProperty(values, '__proto__', { value: { type: 'u32', value: 1 }, enumerable: true });
    const { metadata } = await readGguf(writeGguf({ metadata: values }));
    // The library drops the last one.
    expect(Object.keys(metadata)).toEqual(keys.slice(0, 3));
  });

  it('has no text that the library would cut off', async () => {
    const header = (length: number) => writeGguf({ metadata: metadataOf({ text: 'x'.repeat(length), next: 1 }) });
    const { metadata } = await readGguf(header(500_000));
    expect([(metadata['text'] as string).length, metadata['next']]).toEqual([500_000, 1]);
    expect(await errorOf(header(500_001))).toMatchObject({ culprit: 'length of a text of text', value: 500_001 });
  });

  it.each<[string, number, number, string]>([
    ['lists of lists', 9, 4_000_000, 'list'],
    ['five million empty texts', 8, 5_000_000, 'number of elements of list'],
    ['as many empty texts as are allowed, and no end', 8, 1_000_000, 'GGUF data'],
  ])('takes bounded time and memory: %s', async (_what, elementType, count, culprit) => {
    const start = writeGguf({ metadata: { list: { type: 'array', of: 'string', values: [] } }, tensorCount: 1n });
    const bytes = new Uint8Array(start.byteLength + 8 * count);
    bytes.set(start);
    const view = new DataView(bytes.buffer);
    view.setUint32(start.byteLength - 12, elementType, true);
    view.setBigUint64(start.byteLength - 8, BigInt(count), true);
    if (elementType === 9) for (let at = start.byteLength; at < bytes.byteLength; at += 12) view.setUint32(at, 9, true);
    const memory = process.memoryUsage().rss;
    const error = await withinUnits(4000, () => errorOf(bytes));
    expect(error).toMatchObject({ code: 'BAD_GGUF', culprit });
    expect(process.memoryUsage().rss - memory).toBeLessThan(400_000_000);
  });

  it('is rejected: longer than can be read', async () => {
    const text = 'x'.repeat(400_000);
    const keys = Array.from({ length: 130 }, (_, index) => [`key ${index}`, text] as const);
    const source = writeGguf({ metadata: metadataOf(Object.fromEntries(keys)) });
    expect(await errorOf(source)).toMatchObject({ value: 'longer than 32000000 bytes' });
  });

  it('never ends in anything but a result or a PlannerError', async () => {
    const whole = writeGguf(SMALL);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        async (edits) => {
          const bytes = whole.slice();
          for (const [at, value] of edits) bytes[at] = value;
          await readGguf(bytes).catch((error: unknown) => {
            expect(error).toBeInstanceOf(PlannerError);
          });
        },
      ),
      { numRuns: 100 },
    );
  });
});
