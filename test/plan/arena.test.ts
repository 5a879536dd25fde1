/** Arenas: real bytes where the plan says, and no reading of what is gone. */
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/graph/context.js';
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
  return { ctx, graph, plan: planGraph(graph, { inPlace: 'off', ...options }), x, y, z, out };
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
    ['BAD_ARGUMENT', 'inPlace', { inPlace: 'yes' as never }],
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
