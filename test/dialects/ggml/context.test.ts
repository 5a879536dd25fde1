/** Contexts: where tensors have their bytes, and what is refused. */
import { describe, expect, it } from 'vitest';
import { Context } from '../../../src/dialects/ggml/context.js';
import { expectError } from '../../support/expect-error.js';

describe('an immediate context', () => {
  it('gives zeroed bytes at once, in memory of its own', () => {
    const ctx = Context.immediate();
    const [a, b] = [ctx.newTensor('f32', [3], 'a'), ctx.newTensor('i64', [2], 'b')];
    ctx.write(a, [1, 2, 3]);
    expect([...ctx.data(a)]).toEqual([1, 2, 3]);
    expect(ctx.data(b)).toEqual(new BigInt64Array(2));
    expect(ctx.data(ctx.view(a, [2], [], 4))).toEqual(Float32Array.of(2, 3));
  });

  it.each([
    ['ArrayBuffer', (): ArrayBufferLike => new ArrayBuffer(4096)],
    ['SharedArrayBuffer', (): ArrayBufferLike => new SharedArrayBuffer(4096)],
    ['WebAssembly.Memory', (): ArrayBufferLike => new WebAssembly.Memory({ initial: 1 }).buffer],
  ])('takes aligned pieces of a given range: %s', (_, makeBuffer) => {
    const buffer = makeBuffer();
    const ctx = Context.immediate({ buffer, byteOffset: 100, byteLength: 200, alignment: 64 });
    const tensors = [ctx.newTensor('f32', [3]), ctx.newTensor('f16', [5])];
    expect(tensors.map((tensor) => ctx.data(tensor).byteOffset)).toEqual([128, 192]);
    expect(ctx.data(tensors[0]).buffer).toBe(buffer);
    expectError('OUT_OF_MEMORY', 'bytes of big', () => ctx.newTensor('i8', [45], 'big'));
    expect(ctx.data(ctx.newTensor('i8', [44])).byteOffset).toBe(256);
  });

  it.each([
    [{ byteOffset: -1 }],
    [{ byteOffset: 65 }],
    [{ byteOffset: 0.5 }],
    [{ byteOffset: NaN }],
    [{ byteLength: 65 }],
    [{ byteLength: -1 }],
    [{ byteOffset: 32, byteLength: 33 }],
  ])('refuses a range outside its buffer: %o', (range) => {
    expectError('BAD_ARGUMENT', 'memory range', () => Context.immediate({ buffer: new ArrayBuffer(64), ...range }));
  });

  it.each([0, 3, -32, 1.5, NaN, Infinity, 2 ** 49 + 1])('refuses the alignment %d', (alignment) => {
    expectError('BAD_ALIGNMENT', 'alignment', () => Context.immediate({ buffer: new ArrayBuffer(64), alignment }));
  });

  it('refuses values that do not fit, and bytes that cannot be had', () => {
    const ctx = Context.immediate();
    expectError('BAD_ARGUMENT', 'values for a', () => ctx.write(ctx.newTensor('f32', [3], 'a'), [1, 2]));
    expectError('OUT_OF_MEMORY', 'bytes of big', () => ctx.newTensor('f32', [2 ** 50], 'big'));
  });

  it('reads neither strided tensors nor those of other contexts', () => {
    const ctx = Context.immediate();
    const a = ctx.newTensor('f32', [3, 2], 'a');
    expectError('NOT_READABLE', 'a (transposed)', () => ctx.data(ctx.transpose(a)));
    expectError('NOT_READABLE', 'x', () => ctx.data(Context.deferred().newTensor('f32', [3], 'x')));
    expectError('NOT_READABLE', 'w', () => ctx.data(Context.virtual().newTensor('f32', [3], 'w')));
  });

  it('reads no memory that has grown away', () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const ctx = Context.immediate({ buffer: memory.buffer });
    const a = ctx.newTensor('f32', [3], 'a');
    memory.grow(1);
    expectError('NOT_READABLE', 'bytes of a', () => ctx.data(a));
  });
});

describe('newTensor', () => {
  const ctx = Context.deferred();

  it.each([[[]], [[1, 1, 1, 1, 1]], [[-1]], [[1.5]], [[NaN]], [[2 ** 53]], [['8' as unknown as number]]])(
    'refuses the shape %j',
    (ne) => {
      expectError('BAD_SHAPE', 'x', () => ctx.newTensor('f32', ne, 'x'));
    },
  );

  it('refuses what is no type, no block, and no exact byte count', () => {
    expectError('UNKNOWN_TYPE', 'x', () => ctx.newTensor('F32' as 'f32', [1], 'x'));
    expectError('UNKNOWN_TYPE', 'x', () => ctx.newTensor('toString' as 'f32', [1], 'x'));
    expectError('BAD_SHAPE', 'x', () => ctx.newTensor('q4_K', [128], 'x'));
    expectError('BYTES_TOO_LARGE', 'x', () => ctx.newTensor('f32', [2 ** 30, 2 ** 30], 'x'));
    expect(ctx.newTensor('f32', [2 ** 30, 2 ** 20]).byteLength).toBe(2 ** 52);
  });

  it('keeps 63 characters of a name that is set', () => {
    expect(ctx.setName(ctx.newTensor('f32', [1]), 'x'.repeat(99)).name).toHaveLength(63);
  });
});

describe('view', () => {
  const ctx = Context.deferred();
  const x = ctx.newTensor('f32', [8, 4], 'x');

  it.each([
    [[33], [], 0],
    [[8], [], 100],
    [[8], [], -4],
    [[8], [], 0.5],
    [[8], [], NaN],
    [[2, 2], [-8], 8],
    [[2, 2], [1.5], 0],
    [[2, 2], [Infinity], 0],
    [[2, 2], [2 ** 53], 0],
  ])('refuses ne %j, nb %j, offset %d', (ne, nb, offset) => {
    expectError('BAD_VIEW', 'VIEW of x', () => ctx.view(x, ne, nb, offset));
  });

  it('of a view starts where that starts, and keeps within the storage', () => {
    const half = ctx.view(x, [8, 2], [], 64);
    const row = ctx.view(half, [8], [], 32);
    expect([row.root, row.viewOffset]).toEqual([x, 96]);
    expectError('BAD_VIEW', /VIEW of/, () => ctx.view(half, [8], [], 65));
  });

  it('may be empty at the very end', () => {
    expect(ctx.view(x, [0], [], 128).byteLength).toBe(0);
  });
});
