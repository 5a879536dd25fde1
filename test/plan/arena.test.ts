/** Arenas: real bytes where the plan says, and no reading of what is gone. */
import { describe, expect, expectTypeOf, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { measureGraph } from '../../src/plan/measure.js';
import type { PlanOptions } from '../../src/plan/options.js';
import { planGraph } from '../../src/plan/plan.js';
import { expectError } from '../support/expect-error.js';

/** x, y = x², z = y · y, out = exp(z) as an output; nothing in place. */
function example(options: PlanOptions = {}) {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [4, 4], 'x'));
  const y = ctx.setName(ctx.sqr(x), 'y');
  const z = ctx.setName(ctx.mulMat(y, y), 'z');
  const out = ctx.setOutput(ctx.setName(ctx.exp(z), 'out'));
  const graph = Graph.forward(out);
  return { ctx, graph, plan: planGraph(graph, { reuse: 'off', ...options }), x, y, z, out };
}

describe.each([
  ['ArrayBuffer', {}, ArrayBuffer],
  ['SharedArrayBuffer', { shared: true }, SharedArrayBuffer],
])('an arena of its own: %s', (_, memory, BufferType) => {
  it('has a piece per chunk and arrays over its tensors', () => {
    const { plan, x, out } = example({ maxChunkSize: 64 });
    expect(plan.chunks).toEqual([64, 64]);
    const arena = plan.allocate(memory);
    const { chunk, offset } = plan.locate(out);
    arena.data(out, 'f32')[5] = 7;
    expect(arena.chunk(chunk).buffer).toBeInstanceOf(BufferType);
    expect(new Float32Array(arena.chunk(chunk).buffer, offset)[5]).toBe(7);
    expect(arena.result(out)[5]).toBe(7);
    expect(arena.data(x)).toHaveLength(16);
  });
});

describe('an arena in given memory', () => {
  it('lies in the range of a WebAssembly.Memory, and nowhere else', () => {
    const { plan, out } = example();
    const { buffer } = new WebAssembly.Memory({ initial: 1 });
    const arena = plan.allocate({ buffer, byteOffset: 4096 });
    expect(arena.data(out).buffer).toBe(buffer);
    expect(arena.data(out).byteOffset).toBe(4096 + plan.locate(out).offset);
    arena.chunk(0).fill(255);
    const touched = new Uint8Array(buffer).reduce((count, byte) => count + (byte === 255 ? 1 : 0), 0);
    expect(touched).toBe(plan.bufferSize);
  });

  it('fits to the byte, and not with one byte less', () => {
    const { plan } = example();
    const buffer = new ArrayBuffer(32 + plan.bufferSize);
    expect(plan.allocate({ buffer, byteOffset: 32 }).chunk(0)).toHaveLength(plan.bufferSize);
    const short = new ArrayBuffer(31 + plan.bufferSize);
    expectError('OUT_OF_MEMORY', 'bytes of the arena', () => plan.allocate({ buffer: short, byteOffset: 32 }));
  });

  it.each([-32, 16, 0.5, NaN, 2 ** 53])('refuses the byte offset %d', (byteOffset) => {
    const buffer = new ArrayBuffer(4096);
    expectError('BAD_ARGUMENT', 'byteOffset', () => example().plan.allocate({ buffer, byteOffset }));
  });

  it('takes one chunk only', () => {
    const buffer = new ArrayBuffer(4096);
    expectError('BAD_ARGUMENT', 'chunks of the plan', () => example({ maxChunkSize: 64 }).plan.allocate({ buffer }));
  });

  it('says so when the memory has grown away', () => {
    const { plan, out } = example();
    const memory = new WebAssembly.Memory({ initial: 1 });
    const arena = plan.allocate({ buffer: memory.buffer });
    memory.grow(1);
    expectError('NOT_READABLE', 'bytes of out', () => arena.data(out));
  });
});

describe('an arena in a memory that grows', () => {
  it('has all chunks one after another, and as many pages as they need', () => {
    const { plan } = example({ maxChunkSize: 64 });
    const memory = new WebAssembly.Memory({ initial: 0 });
    const arena = plan.allocate({ memory, at: 65536 });
    expect(memory.buffer.byteLength).toBe(2 * 65536);
    let at = 65536;
    plan.chunks.forEach((size, chunk) => {
      const { buffer, byteOffset, byteLength } = arena.chunk(chunk);
      expect([buffer, byteOffset, byteLength]).toEqual([memory.buffer, at, size]);
      at = Math.ceil((at + size) / 32) * 32;
    });
  });

  it('leaves a memory that is large enough as it is, to the byte', () => {
    const { plan } = example();
    const memory = new WebAssembly.Memory({ initial: 1 });
    const before = memory.buffer;
    plan.allocate({ memory, at: 65536 - plan.bufferSize });
    expect(memory.buffer).toBe(before);
    plan.allocate({ memory, at: 65536 - plan.bufferSize + 32 });
    expect(memory.buffer.byteLength).toBe(2 * 65536);
  });

  it('finds its bytes again when the memory has grown, also in the arena of another plan', () => {
    const { plan, out } = example();
    const memory = new WebAssembly.Memory({ initial: 1 });
    const arena = plan.allocate({ memory, at: 32 });
    const other = plan.allocate(arena.memory);
    arena.data(out, 'f32').fill(7);
    memory.grow(1);
    expect(arena.data(out, 'f32')[0]).toBe(7);
    expect(other.data(out, 'f32')[0]).toBe(7);
    expect(other.data(out).byteOffset).toBe(32 + plan.locate(out).offset);
  });

  it('grows memories of 64-bit addresses by a bigint', () => {
    let pages: unknown = 0;
    const memory = {
      buffer: new ArrayBuffer(0),
      grow(count: unknown): bigint {
        if (typeof count !== 'bigint') throw new TypeError('Cannot convert a number to a BigInt');
        pages = count;
        this.buffer = new ArrayBuffer(65536 * Number(count));
        return 0n;
      },
    };
    example().plan.allocate({ memory });
    expect(pages).toBe(1n);
  });

  it('says so when the memory cannot grow, or the place is none', () => {
    const { plan } = example();
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    expect(expectError('OUT_OF_MEMORY', 'bytes of the arena', () => plan.allocate({ memory, at: 65536 })).remedy).toBe(
      'Make the memory with a larger maximum.',
    );
    for (const at of [-32, 16, 0.5, NaN]) expectError('BAD_ARGUMENT', 'at', () => plan.allocate({ memory, at }));
    expectError('BAD_ARGUMENT', 'at', () => plan.allocate({ at: 32 }));
    expectError('BAD_ARGUMENT', 'memory', () => plan.allocate({ memory, buffer: memory.buffer }));
    expectError('BAD_ARGUMENT', 'memory', () => plan.allocate({ memory: { buffer: memory.buffer } as typeof memory }));
  });
});

describe('reading', () => {
  it('ends with the graph for all but outputs, results and immediate tensors', () => {
    const { plan, x, y, out } = example();
    const arena = plan.allocate();
    expect(arena.result(out)).toHaveLength(16);
    for (const gone of [x, y]) expectError('NOT_READABLE', gone.name, () => arena.result(gone));
    expect(arena.data(y)).toHaveLength(16);
    const immediate = Context.immediate();
    const weight = immediate.write(immediate.newTensor('f32', [2], 'w'), [1, 2]);
    expect([...arena.result(weight)]).toEqual([1, 2]);
  });

  it('is not allowed by a mark that comes after the plan', () => {
    const { ctx, plan, y } = example();
    const arena = plan.allocate();
    ctx.setOutput(y);
    expectError('NOT_READABLE', 'y', () => arena.result(y));
  });

  it('needs bytes in this plan, one after another, and of the expected type', () => {
    const { ctx, plan, y, out } = example();
    const arena = plan.allocate();
    expectError('NOT_READABLE', 'w', () => arena.data(Context.virtual().newTensor('f32', [2], 'w')));
    expectError('NOT_READABLE', 'stranger', () => arena.data(ctx.newTensor('f32', [2], 'stranger')));
    expectError('NOT_READABLE', 'y (transposed)', () => arena.data(ctx.transpose(y)));
    expectError('NOT_READABLE', /out/, () => arena.data(out, 'f16'));
  });

  it('needs an offset that the element type allows', () => {
    const ctx = Context.deferred();
    const bytes = ctx.newTensor('i8', [3], 'bytes');
    const wide = ctx.newTensor('f64', [2], 'wide');
    const graph = Graph.forward([bytes, wide]);
    const arena = planGraph(graph, { alignment: 1, allocator: 'ggml' }).allocate();
    expectError('NOT_READABLE', 'byte offset of wide', () => arena.data(wide));
  });

  it('yields nothing of an empty tensor, even in an empty plan', () => {
    const ctx = Context.deferred();
    const empty = ctx.newTensor('f32', [0], 'empty');
    const plan = planGraph(Graph.forward(empty));
    expect(plan.bufferSize).toBe(0);
    expect(plan.allocate().result(empty)).toHaveLength(0);
  });

  it('refuses chunks that the plan does not have', () => {
    const arena = example().plan.allocate();
    for (const index of [1, -1, 0.5, NaN]) expectError('BAD_ARGUMENT', 'chunk', () => arena.chunk(index));
  });

  it('says so when no engine could allocate the plan', () => {
    const ctx = Context.deferred();
    const plan = planGraph(Graph.forward(ctx.newTensor('i8', [2 ** 50])));
    expectError('OUT_OF_MEMORY', 'bytes of chunk 0', () => plan.allocate());
    expectError('OUT_OF_MEMORY', 'bytes of chunk 0', () => plan.allocate({ shared: true }));
  });
});

describe('options', () => {
  const { graph } = example();

  it.each([
    ['BAD_ARGUMENT', 'allocator', { allocator: 'best' as never }],
    ['BAD_ARGUMENT', 'allocator', { allocator: '__proto__' as never }],
    ['BAD_ARGUMENT', 'reuse', { reuse: 'yes' as never }],
    ['BAD_ARGUMENT', 'maxChunkSize', { maxChunkSize: 0 }],
    ['BAD_ARGUMENT', 'maxChunkSize', { maxChunkSize: -1 }],
    ['BAD_ARGUMENT', 'maxChunkSize', { maxChunkSize: 1.5 }],
    ['BAD_ARGUMENT', 'maxChunkSize', { maxChunkSize: NaN }],
    ['BAD_ARGUMENT', 'maxChunkSize', { maxChunkSize: '64' as never }],
    ['BAD_ALIGNMENT', 'alignment', { alignment: 0 }],
    ['BAD_ALIGNMENT', 'alignment', { alignment: 48 }],
    ['BAD_ALIGNMENT', 'alignment', { alignment: 2 ** 49 + 1 }],
    ['BAD_ALIGNMENT', 'alignment', { alignment: '32' as never }],
    ['OVERSIZE', /OVERSIZE/, { maxChunkSize: 32 }],
    ['BYTES_TOO_LARGE', 'the sum of all storages', { alignment: 2 ** 52 }],
  ] as const)('%s for %s: %o', (code, culprit, options) => {
    expectError(code, culprit, () => measureGraph(graph, options));
  });
});

describe('an arena of several chunks in given memory', () => {
  const twoChunks = () => example({ maxChunkSize: 64 });

  it('has each chunk where it is given', () => {
    const { plan, x, y, out } = twoChunks();
    const shared = new ArrayBuffer(256);
    const arena = plan.allocate({
      buffers: [
        { buffer: shared, byteOffset: 128 },
        { buffer: shared, byteOffset: 32 },
      ],
    });
    expect([0, 1].map((chunk) => arena.chunk(chunk).byteOffset)).toEqual([128, 32]);
    for (const tensor of [x, y, out]) {
      const { chunk, offset } = plan.locate(tensor);
      expect(arena.data(tensor).byteOffset).toBe([128, 32][chunk] + offset);
    }
  });

  it('takes memories of different kinds, and one chunk as well', () => {
    const { plan, out } = twoChunks();
    const buffers = [{ buffer: new ArrayBuffer(64) }, { buffer: new SharedArrayBuffer(128), byteOffset: 64 }];
    const arena = plan.allocate({ buffers });
    expect(arena.data(out).buffer).toBe(buffers[plan.locate(out).chunk].buffer);
    const single = example();
    const buffer = new ArrayBuffer(single.plan.bufferSize);
    expect(single.plan.allocate({ buffers: [{ buffer }] }).data(single.out).buffer).toBe(buffer);
  });

  it('says which memory is wrong', () => {
    const { plan } = twoChunks();
    const buffer = new ArrayBuffer(256);
    const refuse = (culprit: string, memory: object): string =>
      expectError('BAD_ARGUMENT', culprit, () => plan.allocate(memory)).message;
    expect(refuse('chunks of the plan', { buffers: [{ buffer }] })).toContain(
      'There are 2 chunks of the plan, but `buffers` has 1 entry.',
    );
    refuse('chunks of the plan', { buffers: [] });
    refuse('buffers', { buffers: {} });
    refuse('buffers', { buffer, buffers: [{ buffer }, { buffer }] });
    refuse('buffer', { buffers: [{ buffer }, { buffer: new Uint8Array(64) }] });
    refuse('buffers[0]', { buffers: [null, { buffer }] });
    refuse('buffers[1].byteOffset', { buffers: [{ buffer }, { buffer, byteOffset: 1 }] });
    expect(refuse('buffers[1].byteOffset', { buffers: [{ buffer }, { buffer, byteOffset: 32 }] })).toContain(
      'ends at byte 64',
    );
    refuse('buffers[0].byteOffset', { buffers: [{ buffer, byteOffset: 32 }, { buffer }] });
    const short = { buffer: new ArrayBuffer(32) };
    expectError('OUT_OF_MEMORY', 'bytes of chunk 1', () => plan.allocate({ buffers: [{ buffer }, short] }));
  });
});

describe('elements by their indices', () => {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [4, 3], 'x'));
  const columns = ctx.view(x, [2, 3], [16], 8); // the last two of each row
  const turned = ctx.transpose(columns);
  const out = ctx.setOutput(ctx.transpose(ctx.setName(ctx.sqr(x), 'y')));
  const halves = ctx.setOutput(ctx.cast(turned, 'f16'));
  const ids = ctx.setInput(ctx.newTensor('i64', [2], 'ids'));
  const packed = ctx.setInput(ctx.newTensor('q8_0', [32], 'packed'));
  const graph = Graph.forward([out, halves, ctx.setOutput(ctx.dup(ids)), ctx.setOutput(ctx.dup(packed))]);
  const arena = planGraph(graph, { reuse: 'off' }).allocate();

  it('are those of the bytes, for reading and writing', () => {
    arena.data(x, 'f32').set(Array.from({ length: 12 }, (_, i) => i));
    const elements = arena.elements(turned, 'f32');
    expect([elements.shape, elements.count]).toEqual([[3, 2, 1, 1], 6]);
    expect(elements.toArray()).toEqual([2, 6, 10, 3, 7, 11]);
    elements.set(-1, 2, 1);
    expect(elements.get(2, 1)).toBe(-1);
    expect([...arena.data(x, 'f32')]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -1]);
    elements.setAll([20, 21, 22, 30, 31, 32]);
    expect([...arena.data(x, 'f32')]).toEqual([0, 1, 20, 30, 4, 5, 21, 31, 8, 9, 22, 32]);
  });

  it('are values of the type: f16 as numbers, i64 as bigints', () => {
    arena.elements(halves, 'f16').set(1.5, 1);
    expect(arena.elements(halves, 'f16').get(1)).toBe(1.5);
    expect(arena.data(halves, 'f16')[1]).toBe(0x3e00);
    const elements = arena.elements(ids, 'i64');
    expectTypeOf(elements.get(0)).toEqualTypeOf<bigint>();
    expectTypeOf(arena.elements(x, 'f32').get(0)).toEqualTypeOf<number>();
    expectTypeOf(arena.elements(x).get(0)).toEqualTypeOf<number | bigint>();
    elements.set(2n ** 60n + 1n, 1);
    expect(elements.toArray()).toEqual([0n, 2n ** 60n + 1n]);
  });

  it('of what lasts to the end can be read then, strided or not', () => {
    expect(arena.resultElements(out, 'f32').count).toBe(12);
    expectError('NOT_READABLE', 'x', () => arena.resultElements(x, 'f32'));
    expectError('NOT_READABLE', /y/, () => arena.result(out));
  });

  it('of immediate tensors are their own', () => {
    const immediate = Context.immediate();
    const table = immediate.write(immediate.newTensor('f32', [2, 2]), [1, 2, 3, 4]);
    expect(arena.elements(immediate.transpose(table), 'f32').toArray()).toEqual([1, 3, 2, 4]);
  });

  it('say what they are not', () => {
    for (const index of [-1, 3, 0.5, NaN]) {
      expectError('BAD_ARGUMENT', 'index of an element', () => arena.elements(turned, 'f32').get(index));
      expectError('BAD_ARGUMENT', 'index of an element', () => arena.elements(turned, 'f32').set(1, 0, 0, index));
    }
    expectError('BAD_ARGUMENT', 'values', () => arena.elements(turned, 'f32').setAll([1]));
    expectError('NOT_READABLE', 'packed', () => arena.elements(packed));
    expectError('NOT_READABLE', 'x', () => arena.elements(x, 'f16'));
    expectError('NOT_READABLE', 'stranger', () => arena.elements(ctx.newTensor('f32', [2], 'stranger')));
  });
});
