/** The reference executor by itself: known values, and operations that must agree with others. */
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/json/read.js';
import { graphToJson } from '../../src/json/write.js';
import { OPERATIONS } from '../../src/dialects/ggml/operations.js';
import { planGraph } from '../../src/plan/plan.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { executeGraph, whyNotExecutable } from '../../src/exec/reference/execute.js';
import { compareExecutions } from '../../src/testing/compare-executions.js';
import { fillLeafs } from '../../src/exec/reference/fill.js';
import { findKernel } from '../../src/exec/reference/kernels/kernels.js';
import { Memory } from '../../src/exec/reference/memory.js';
import { decodeBf16, decodeF16, encodeBf16, encodeF16 } from '../../src/tensor/small-floats.js';
import { expectError } from '../support/expect-error.js';

const ctx = Context.deferred();

/** The values of `results`, each computed from the same values of the leafs. */
function valuesOf(...results: readonly Tensor[]): number[][] {
  const graph = Graph.forward(results);
  const memory = Memory.separate(graph);
  fillLeafs(graph, memory);
  executeGraph(graph, memory);
  return results.map((result) => memory.read(result));
}

/** The values of `f(a)` where `a` has these values. */
function valuesFor(values: number[], ne: number[], f: (a: Tensor) => Tensor): number[] {
  const a = ctx.newTensor('f32', ne);
  const result = f(a);
  const graph = Graph.forward(result);
  const memory = Memory.separate(graph);
  memory.write(a, values);
  executeGraph(graph, memory);
  return memory.read(result);
}

function expectClose(actual: readonly number[], expected: readonly number[], digits = 4): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => expect(value, `element ${i}`).toBeCloseTo(expected[i], digits));
}

describe('small floats', () => {
  it('keep every f16 and bf16 through decoding and encoding', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const [f16, bf16] = [decodeF16(bits), decodeBf16(bits)];
      if (!Number.isNaN(f16)) expect(encodeF16(f16)).toBe(bits);
      if (!Number.isNaN(bf16)) expect(encodeBf16(bf16)).toBe(bits);
    }
  });

  it('round to the nearest, ties to even', () => {
    expect(decodeF16(encodeF16(2049))).toBe(2048);
    expect(decodeF16(encodeF16(2051))).toBe(2052);
    expect(decodeF16(encodeF16(65519))).toBe(65504);
    expect(decodeF16(encodeF16(65520))).toBe(Infinity);
    expect(decodeF16(encodeF16(2 ** -25))).toBe(0);
    expect(decodeF16(encodeF16(1.5 * 2 ** -24))).toBe(2 ** -23);
    expect(decodeBf16(encodeBf16(1 + 2 ** -8))).toBe(1);
    expect(decodeBf16(encodeBf16(1 + 3 * 2 ** -8))).toBe(1 + 2 ** -6);
  });
});

describe('reference kernels', () => {
  it('exist for every operation that computes, but for custom ones', () => {
    const missing = OPERATIONS.filter((row) => !row.isView && findKernel(row) === undefined);
    expect(missing.map(({ name }) => name)).toEqual(['CUSTOM']);
  });

  it('compute known values', () => {
    expect(valuesFor([1, 2, 3, 4], [2, 2], (a) => ctx.mulMat(a, a))).toEqual([5, 11, 11, 25]);
    expect(valuesFor([1, 2, 3, 4], [2, 2], (a) => ctx.cont(ctx.transpose(a)))).toEqual([1, 3, 2, 4]);
    expect(valuesFor([1, 2, 3], [3], (a) => ctx.cumsum(a))).toEqual([1, 3, 6]);
    expect(valuesFor([3, 1, 2], [3], (a) => ctx.argsort(a, 'desc'))).toEqual([0, 2, 1]);
    expect(valuesFor([1, 2], [2], (a) => ctx.repeat(a, [4, 2]))).toEqual([1, 2, 1, 2, 1, 2, 1, 2]);
    expect(valuesFor([1, 2, 3], [3], (a) => ctx.padReflect1d(a, 2, 1))).toEqual([3, 2, 1, 2, 3, 2]);
    expect(valuesFor([1, 2, 3], [3], (a) => ctx.roll(a, [1]))).toEqual([3, 1, 2]);
    expect(valuesFor([-2.5, 2.5, -0.4], [3], (a) => ctx.round(a)).map((x) => x + 0)).toEqual([-3, 3, 0]);
    expect(valuesFor([1, 2, 3, 4], [4], (a) => ctx.reglu(a))).toEqual([3, 8]);
    expect(valuesFor([1, 3, 2, 8], [2, 2], (a) => ctx.pool2d(a, 'max', 2))).toEqual([8]);
    expectClose(
      valuesFor([0, 0, 0], [3], (a) => ctx.softMax(a)),
      [1 / 3, 1 / 3, 1 / 3],
    );
    expectClose(
      valuesFor([3, 4], [2], (a) => ctx.l2Norm(a, 1e-9)),
      [0.6, 0.8],
    );
    expectClose(
      valuesFor([1, 3], [2], (a) => ctx.norm(a, 0)),
      [-1, 1],
    );
  });

  it('agree on attention, fused or not', () => {
    const [q, k, v] = [
      [4, 3, 4],
      [4, 5, 2],
      [6, 5, 2],
    ].map((ne) => ctx.newTensor('f32', ne));
    const scores = ctx.softMax(ctx.mulMat(k, q), { scale: 0.5 });
    const parts = ctx.cont(ctx.permute(ctx.mulMat(ctx.cont(ctx.transpose(v)), scores), [0, 2, 1, 3]));
    const [fused, composed] = valuesOf(ctx.flashAttn(q, k, v, { scale: 0.5 }), parts);
    expectClose(fused, composed);
  });

  it('agree on convolutions, by patches or direct', () => {
    const kernel = ctx.newTensor('bf16', [3, 2, 4, 5]); // patches stay f32 then
    const x = ctx.newTensor('f32', [7, 6, 4, 2]);
    const options = { stride: [2, 1], padding: [1, 2], dilation: [1, 2] };
    const [patches, direct] = valuesOf(ctx.conv2d(kernel, x, options), ctx.conv2dDirect(kernel, x, options));
    expectClose(patches, direct);

    const depthwise = ctx.newTensor('bf16', [3, 3, 1, 4]);
    const [a, b] = valuesOf(ctx.conv2dDepthwise(depthwise, x), ctx.conv2dDepthwiseDirect(depthwise, x));
    expectClose(a, b);

    const solid = ctx.newTensor('bf16', [2, 2, 2, 2 * 3]);
    const video = ctx.newTensor('f32', [4, 3, 3, 2 * 2]);
    const [c, d] = valuesOf(ctx.conv3d(solid, video, 2), ctx.conv3dDirect(solid, video, 2));
    expectClose(c, d);
  });

  it('agree on positions, of whole rows with an offset or of a part', () => {
    const x = ctx.newTensor('f32', [10, 2, 3]);
    const positions = ctx.newTensor('i32', [3]);
    const whole = ctx.rope(x, positions, 6, { offset: 4 });
    const part = ctx.rope(ctx.view(x, [6, 2, 3], [x.nb[1], x.nb[2]], 16), positions, 6);
    const still = ctx.cont(ctx.view(x, [4, 2, 3], [x.nb[1], x.nb[2]]));
    const [a, b] = valuesOf(whole, ctx.concat(still, part, 0));
    expectClose(a, b);
  });

  it('turn from the first element on where a graph file names no offset', () => {
    const node = ctx.rope(ctx.newTensor('f32', [4, 1, 2]), ctx.newTensor('i32', [2]), 4);
    const json = JSON.stringify(graphToJson(Graph.forward(node))).replace('"offset":0,', '');
    expect(json).not.toContain('offset');
    expect(valuesOf(...graphFromJson(JSON.parse(json)).nodes)).toEqual(valuesOf(node));
  });

  it('undo what was done', () => {
    const x = ctx.newTensor('f32', [8, 2, 3]);
    const positions = ctx.newTensor('i32', [3]);
    const turned = ctx.ropeBack(ctx.rope(x, positions, 6, { mode: 'neox' }), positions, 6, { mode: 'neox' });
    const image = ctx.newTensor('f32', [3, 5, 4]);
    const parts = ctx.winUnpart(ctx.winPart(image, 2), 5, 4, 2);
    const lower = ctx.add(ctx.diag(ctx.newTensor('f32', [3, 1])), ctx.tri(ctx.newTensor('f32', [3, 3]), 'lower'));
    const b = ctx.newTensor('f32', [3, 3]);
    const product = ctx.cont(ctx.transpose(ctx.mulMat(lower, ctx.cont(ctx.transpose(b)))));
    const [before, after, whole, joined, known, solved] = valuesOf(
      ctx.dup(x),
      turned,
      ctx.dup(image),
      parts,
      ctx.dup(b),
      ctx.solveTri(lower, product),
    );
    expectClose(after, before);
    expectClose(joined, whole);
    expectClose(solved, known, 3);
  });

  it.each<[string, (x: Tensor) => Tensor, (gradient: Tensor, x: Tensor, y: Tensor) => Tensor]>([
    ['silu', (x) => ctx.silu(x), (gradient, x) => ctx.siluBack(gradient, x)],
    ['rmsNorm', (x) => ctx.rmsNorm(x, 1e-3), (gradient, x) => ctx.rmsNormBack(gradient, x, 1e-3)],
    ['softMax', (x) => ctx.softMax(x), (gradient, _, y) => ctx.softMaxBack(gradient, y)],
    ['pool2d', (x) => ctx.pool2d(x, 'avg', 2), (gradient, x) => ctx.pool2dBack(gradient, x, 'avg', 2)],
    ['repeat', (x) => ctx.repeat(x, [4, 4]), (gradient) => ctx.repeatBack(gradient, [4, 2])],
  ])('%s has the gradient that differences show', (_, forward, backward) => {
    const x = ctx.newTensor('f64', [4, 2]);
    const y = forward(x);
    const gradient = ctx.newTensor('f32', y.ne);
    const weighted = ctx.sum(ctx.mul(y, gradient));
    const graph = Graph.forward([weighted, backward(gradient, x, y)]);
    const run = (nudged: number, by: number): { loss: number; slopes: number[] } => {
      const memory = Memory.separate(graph);
      fillLeafs(graph, memory);
      memory.write(
        x,
        memory.read(x).map((value, i) => (i === nudged ? value + by : value)),
      );
      executeGraph(graph, memory);
      return { loss: memory.read(weighted)[0], slopes: memory.read(graph.nodes.at(-1)!) };
    };
    const { slopes } = run(-1, 0);
    slopes.forEach((slope, i) => expect((run(i, 1e-2).loss - run(i, -1e-2).loss) / 2e-2).toBeCloseTo(slope, 3));
  });
});

describe('compareExecutions', () => {
  const x = ctx.setInput(ctx.newTensor('f32', [4]));
  const [a, b] = [ctx.relu(x), ctx.neg(x)];
  const graph = Graph.forward(ctx.setOutput(ctx.add(a, b)));
  const plan = planGraph(graph, { reuse: 'off' });

  it('finds nothing wrong with a right plan', () => {
    expect(compareExecutions(graph, plan)).toEqual([]);
  });

  it('names the result that comes out wrong', () => {
    const tensors = plan.tensors.map((entry) => ({ ...entry, offset: 0 }));
    const [difference] = compareExecutions(graph, { ...plan.toJSON(), tensors });
    expect(difference).toMatchObject({ id: graph.tensors.length - 1, byte: 0 });
  });

  it('names the node that finds no valid index', () => {
    const ids = ctx.setInput(ctx.newTensor('i32', [1], 'ids'));
    const rows = ctx.getRows(ctx.setInput(ctx.newTensor('f32', [1, 3])), ids);
    const lookup = Graph.forward(ctx.setOutput(ctx.add(rows, ctx.setName(ctx.getRows(rows, ids), 'again'))));
    const right = planGraph(lookup);
    const wrong = right.tensors.map((entry) =>
      entry.name === 'ids' ? { ...entry, offset: right.locate(rows).offset } : entry,
    );
    expect(compareExecutions(lookup, { ...right.toJSON(), tensors: wrong })[0]).toMatchObject({ byte: -1 });
  });

  it.each<[string, (ids: Tensor) => Tensor]>([
    ['itself', (ids) => ids],
    ['a cast', (ids) => ctx.cast(ids, 'i64')],
    ['a copy of a view', (ids) => ctx.cont(ctx.view(ids, [3], [], 4))],
    ['a copy into another', (ids) => ctx.cpy(ids, ctx.newTensor('i32', [8]))],
    ['a result of its own place', (ids) => ctx.setOutput(ctx.cont(ids), ctx.newTensor('i32', [8]))],
    ['two joined', (ids) => ctx.concat(ids, ctx.dup(ids), 0)],
  ])('runs on indices that are %s', (_, indicesOf) => {
    const ids = ctx.setInput(ctx.newTensor('i32', [8]));
    const table = ctx.setInput(ctx.newTensor('f32', [4, 2]));
    const indices = indicesOf(ids);
    const rows = ctx.setInput(ctx.newTensor('f32', [4, indices.ne[0]]));
    const graph = Graph.forward(ctx.setOutput(ctx.setRows(table, rows, indices)));
    for (let seed = 1; seed <= 5; seed++) expect(compareExecutions(graph, planGraph(graph), seed)).toEqual([]);
  });

  it('leaves immediate tensors alone', () => {
    const caches = Context.immediate();
    const cache = caches.write(caches.newTensor('f32', [4]), [1, 2, 3, 4]);
    const stored = Graph.forward(ctx.cpy(ctx.neg(cache), cache));
    expect(compareExecutions(stored, planGraph(stored))).toEqual([]);
    expect([...caches.data(cache, 'f32')]).toEqual([1, 2, 3, 4]);
  });

  it('says what it cannot run', () => {
    const custom = Graph.forward(ctx.custom([x], { type: 'f32', ne: [4], name: 'mine' }));
    expect(whyNotExecutable(custom)).toContain('CUSTOM (mine)');
    expect(() => compareExecutions(custom, planGraph(custom))).toThrow(/The graph cannot be executed/);
    const quantised = Graph.forward(ctx.mulMat(ctx.newTensor('q8_0', [32, 4], 'w'), ctx.newTensor('f32', [32])));
    expect(whyNotExecutable(quantised)).toBe('w is q8_0');
    expect(whyNotExecutable(Graph.forward(ctx.cast(ctx.newTensor('f32', [4]), 'f16')))).toBeNull();
    // A file without settings, which decide the shape for whoever reads the file.
    const scaled = graphToJson(Graph.forward(ctx.softMax(ctx.newTensor('f32', [4, 2]))));
    delete scaled.tensors[1].params;
    Object.assign(scaled.tensors[1], { shape: [4, 4, 1, 1], strides: [4, 16, 64, 64], byteLength: 64 });
    expect(whyNotExecutable(graphFromJson(scaled))).toMatch(/^SOFT_MAX .* should be f32 \[4, 2, 1, 1\]$/);
    const sums = graphToJson(Graph.forward(ctx.concat(ctx.newTensor('f32', [4]), ctx.newTensor('f32', [4]), 0)));
    delete sums.tensors[2].params;
    expect(whyNotExecutable(graphFromJson(sums))).toMatch(/^CONCAT .* cannot be applied: CONCAT: dim /);
  });
});

describe('memory', () => {
  const x = ctx.setInput(ctx.newTensor('f32', [8], 'x'));
  const graph = Graph.forward(ctx.relu(x));

  it.each([-1, 0.5, NaN, '64' as never])('refuses a plan with a chunk of %s bytes', (size) => {
    const plan = { ...planGraph(graph).toJSON(), chunks: [size] };
    expectError('BAD_ARGUMENT', 'size of chunk 0 of the plan', () => compareExecutions(graph, plan));
  });

  it('has no more bytes than its tensors reach, however many a chunk has in the plan', () => {
    const plan = planGraph(graph).toJSON();
    const chunks = [2 ** 52];
    expect(compareExecutions(graph, { ...plan, chunks })).toEqual([]);
    const tensors = plan.tensors.map((entry) => ({ ...entry, offset: 2 ** 51 }));
    expectError('BAD_ARGUMENT', 'size of chunk 0 of the plan', () =>
      compareExecutions(graph, { ...plan, chunks, tensors }),
    );
  });

  it.each([-32, 1, 0.5, NaN, '0' as never])('refuses a plan with a tensor at %s', (offset) => {
    const plan = planGraph(graph).toJSON();
    const tensors = plan.tensors.map((entry) => ({ ...entry, offset }));
    expectError('BAD_ARGUMENT', 'place of', () => compareExecutions(graph, { ...plan, tensors }));
  });

  it('has elements at whole indices alone', () => {
    const elements = Memory.separate(graph).elements(x);
    for (const index of [8, -1, 0.5, NaN])
      expectError('BAD_ARGUMENT', 'index of an element', () => elements.get(index));
    elements.set(3, 7);
    expect(elements.get(7)).toBe(3);
  });

  it('fills what is behind the elements of a storage, again with each result', () => {
    const document = graphToJson(graph);
    document.tensors[1].allocSize = 48;
    const padded = graphFromJson(document);
    const memory = Memory.separate(padded);
    const storage = memory.storage(padded.tensors[1]).fill(0);
    executeGraph(padded, memory);
    expect([...storage.subarray(32)]).toEqual(new Array(16).fill(0xff));
  });
});
