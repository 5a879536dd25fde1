/** The kernels of sparse attention's indexer and of hyper-connections agree with the same sums made of other operations. */
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { executeGraph } from '../../src/exec/reference/execute.js';
import { fillLeafs } from '../../src/exec/reference/fill.js';
import { Memory } from '../../src/exec/reference/memory.js';
import type { Tensor } from '../../src/tensor/tensor.js';

const ctx = Context.deferred();
const f32 = (...ne: number[]): Tensor => ctx.newTensor('f32', ne);

function valuesOf(...results: readonly Tensor[]): number[][] {
  const graph = Graph.forward(results);
  const memory = Memory.separate(graph);
  fillLeafs(graph, memory);
  executeGraph(graph, memory);
  return results.map((result) => memory.read(result));
}

function expectSame(a: Tensor, b: Tensor): void {
  const [left, right] = valuesOf(a, b);
  expect(left.length).toBe(right.length);
  left.forEach((value, i) => expect(value, `element ${i}`).toBeCloseTo(right[i], 4));
}

describe('the indexer', () => {
  it('adds up the weighted positive scores of all heads, and the mask', () => {
    const [q, k, weights] = [f32(4, 3, 5, 2), f32(4, 1, 6, 2), f32(3, 5, 1, 2)];
    const mask = ctx.newTensor('f16', [6, 5]);
    const heads = ctx.mulMat(ctx.permute(k, [0, 2, 1, 3]), ctx.permute(q, [0, 2, 1, 3])); // [6, 5, 3, 2]
    const positive = ctx.relu(ctx.cont(ctx.permute(heads, [2, 1, 0, 3]))); // [3, 5, 6, 2]
    const summed = ctx.sumRows(ctx.mul(positive, weights)); // [1, 5, 6, 2]
    const scores = ctx.cont(ctx.permute(summed, [2, 1, 0, 3])); // [6, 5, 1, 2]
    expectSame(ctx.lightningIndexer(q, k, weights, mask), ctx.add(scores, ctx.cast(mask, 'f32')));
  });
});

describe('hyper-connections', () => {
  const lane = (x: Tensor, at: number): Tensor => ctx.view(x, [x.ne[0], x.ne[2]], [x.nb[2]], at * x.nb[1]);
  const weight = (x: Tensor, at: number): Tensor => ctx.view(x, [1, x.ne[1]], [x.nb[1]], at * x.nb[0]);

  it('sum up the lanes', () => {
    const [x, weights] = [f32(5, 3, 2), f32(3, 2)];
    const parts = [0, 1, 2].map((at) => ctx.mul(lane(x, at), weight(weights, at)));
    expectSame(
      ctx.dsv4HcPre(x, weights),
      parts.reduce((a, b) => ctx.add(a, b)),
    );
  });

  it('spread a result over the lanes', () => {
    const [x, residual, post, comb] = [f32(5, 2), f32(5, 3, 2), f32(3, 2), f32(3, 3, 2)];
    const mixed = (from: number, to: number): Tensor => {
      const factor = ctx.view(comb, [1, 2], [comb.nb[2]], to * comb.nb[0] + from * comb.nb[1]);
      return ctx.mul(lane(residual, from), factor);
    };
    const lanes = [0, 1, 2].map((to) => {
      const sum = [0, 1, 2].reduce((all, from) => ctx.add(all, mixed(from, to)), ctx.mul(x, weight(post, to)));
      return ctx.reshape(sum, [5, 1, 2]);
    });
    expectSame(
      ctx.dsv4HcPost(x, residual, post, comb),
      lanes.reduce((a, b) => ctx.concat(a, b, 1)),
    );
  });

  it('mix lanes by a matrix whose rows and columns sum up to 1', () => {
    const comb = ctx.dsv4HcComb(f32(24, 3), f32(3), f32(24), 1e-6, 30);
    const [rows, columns] = valuesOf(ctx.sumRows(comb), ctx.sumRows(ctx.cont(ctx.permute(comb, [1, 0, 2, 3]))));
    for (const sum of [...rows, ...columns]) expect(sum).toBeCloseTo(1, 3);
  });

  it('mix lanes as the soft max does, but for one division of the columns', () => {
    const [mixes, scale, base] = [f32(24, 3), f32(3), f32(24)];
    const part = (x: Tensor): Tensor => ctx.view(x, [16, x.ne[1]], [x.nb[1]], 8 * x.nb[0]);
    const logits = ctx.add(ctx.mul(part(mixes), ctx.view(scale, [1], [], 8)), ctx.view(base, [16], [], 32));
    const shares = ctx.softMax(ctx.reshape(logits, [4, 4, 3]));
    const sums = ctx.sumRows(ctx.cont(ctx.permute(shares, [1, 0, 2, 3])));
    expectSame(ctx.dsv4HcComb(mixes, scale, base, 0, 1), ctx.div(shares, ctx.permute(sums, [1, 0, 2, 3])));
  });
});
