/**
 * A small U-Net: convolutions that halve and double the image, and skips that keep every level alive until the way up.
 * Every plan gives the same image as separate memory, bit by bit.
 */
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/graph/context.js';
import { Graph } from '../../src/graph/graph.js';
import { planGraph } from '../../src/plan/plan.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { assertPlanCorrect } from '../../src/testing/assert-plan-correct.js';
import { executeGraph } from '../../src/exec/reference/execute.js';
import { fillLeafs } from '../../src/exec/reference/fill.js';
import { Memory } from '../../src/exec/reference/memory.js';
import { ALL_PLANS } from '../support/all-plans.js';

const weights = Context.virtual();
const ctx = Context.deferred();

function conv(x: Tensor, outputs: number, stride = 1): Tensor {
  const kernel = weights.newTensor('f16', [3, 3, x.ne[2], outputs]);
  const bias = weights.newTensor('f32', [1, 1, outputs]);
  return ctx.add(ctx.scale(ctx.conv2d(kernel, x, { stride, padding: 1 }), 1 / (9 * x.ne[2])), bias);
}

/** Group norm, activation, convolution, twice, and the input added at the end; the time step comes in between. */
function block(x: Tensor, time: Tensor, channels: number): Tensor {
  const first = conv(ctx.silu(ctx.groupNorm(x, 2, 1e-5)), channels);
  const shift = ctx.mulMat(weights.newTensor('f32', [time.ne[0], channels]), time);
  const shifted = ctx.add(first, ctx.reshape(shift, [1, 1, channels]));
  const second = conv(ctx.silu(ctx.groupNorm(shifted, 2, 1e-5)), channels);
  return ctx.add(second, x.ne[2] === channels ? x : conv(x, channels));
}

function unet(size: number, levels: readonly number[]): Graph {
  const image = ctx.setInput(ctx.newTensor('f32', [size, size, 2], 'image'));
  const time = ctx.silu(ctx.timestepEmbedding(ctx.setInput(ctx.newTensor('f32', [1], 'time')), 8));
  const skips: Tensor[] = [];
  let x = conv(image, levels[0]);
  for (const channels of levels) {
    x = block(x, time, channels);
    skips.push(x);
    x = conv(x, channels, 2);
  }
  x = block(x, time, levels.at(-1)!);
  for (const channels of [...levels].reverse()) {
    x = ctx.concat(ctx.upscale(x, 2), skips.pop()!, 2);
    x = block(x, time, channels);
  }
  return Graph.forward(ctx.setName(ctx.setOutput(conv(x, 2)), 'noise'));
}

const graph = unet(8, [4, 6]);

describe('a U-Net with skips', () => {
  it('computes an image of numbers', () => {
    const memory = Memory.separate(graph);
    fillLeafs(graph, memory);
    executeGraph(graph, memory);
    const image = memory.read(graph.nodes.find(({ name }) => name === 'noise')!);
    expect(image.length).toBe(8 * 8 * 2);
    expect(image.every(Number.isFinite)).toBe(true);
    expect(new Set(image).size).toBeGreaterThan(100);
  });

  it.each(ALL_PLANS)('is right: $allocator, in-place $reuse', ({ allocator, reuse }) => {
    const plan = planGraph(graph, { allocator, reuse });
    assertPlanCorrect(graph, plan);
    const total = graph.nodes.reduce((sum, node) => sum + (node.isView ? 0 : node.byteLength), 0);
    expect(plan.bufferSize).toBeLessThan(total / 3);
  });
});
