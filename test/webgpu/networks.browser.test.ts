/**
 * Whole networks on a real device, each in one arena that is poisoned first, beside the reference executor: a decoder with a
 * KV cache, a convolutional network, and one that has learned digits.
 */
import { expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { graphToJson } from '../../src/json/write.js';
import { whyNotExecutableOnWebGpu } from '../../src/exec/webgpu/executable.js';
import { describeBrowser } from '../support/browser.js';
import { BATCH, classes, classifier, drawBatch, testing, train, weightTensors } from '../support/digits.js';
import { GpuPage } from '../support/webgpu/gpu-page.js';

/** Relative to the larger of the expected value and 1: sums of f32 instead of f64, and functions to some digits. */
const TOLERANCE = 1e-4;

/** A small network of patches, depthwise and pointwise convolutions, a residual sum, a join, and a head. */
function convolutions(): Graph {
  const weights = Context.virtual();
  const kernel = (...ne: number[]) => weights.newTensor('f32', ne);
  const ctx = Context.deferred();
  const image = ctx.setInput(ctx.newTensor('f32', [20, 18, 3, 2], 'image'));
  const first = ctx.conv2d(weights.newTensor('f16', [3, 3, 3, 8]), image, { padding: 1 });
  const x = ctx.relu(ctx.add(first, kernel(1, 1, 8)));
  const small = ctx.pool2d(x, 'max', 2);
  const wide = ctx.conv2dDepthwiseDirect(kernel(3, 3, 1, 8), small, { padding: 1 });
  const mixed = ctx.conv2dDirect(kernel(1, 1, 8, 8), ctx.hardswish(wide));
  const joined = ctx.concat(ctx.add(mixed, small), small, 2);
  const strided = ctx.conv2dDirect(kernel(3, 3, 16, 12), joined, { stride: 2, dilation: 2, padding: 2 });
  const pooled = ctx.pool2d(ctx.leakyRelu(strided, 0.1), 'avg', [strided.ne[0], strided.ne[1]]);
  const scores = ctx.mulMat(kernel(12, 10), ctx.reshape(pooled, [12, 2]));
  return Graph.forward(ctx.setOutput(ctx.softMax(scores)));
}

describeBrowser('networks on WebGPU', () => {
  const page = new GpuPage();

  it('decodes tokens without planning anew and without another buffer', async () => {
    const { value, errors } = await page.call('decodeTokens', 14);
    expect(errors).toEqual([]);
    expect(value.violations).toBe(0);
    expect(value.found).toEqual(value.expected);
    expect(new Set(value.found).size).toBeGreaterThan(4);
    expect(value.worstLogit).toBeLessThan(TOLERANCE);
    // The caches hold f16: one may be rounded to the other side.
    expect(value.worstCache).toBeLessThan(2 ** -10);
    expect(value.replanCount).toBe(0);
    expect(value.created).toBe(value.createdAtFirst);
    expect(value.chunks.length).toBe(1);
  });

  it.each(['read-write', 'read'] as const)('convolves, with operands bound for %s', async (operands) => {
    const { value, errors } = await page.call('compareOutputs', graphToJson(convolutions()), operands);
    expect(errors).toEqual([]);
    expect(value.shares).toBeGreaterThan(0);
    const [{ worst, found }] = value.results;
    expect(found.length).toBe(20);
    expect(worst).toBeLessThan(TOLERANCE);
  });

  it('reads digits that it has never seen', async () => {
    const learned = train(null, 70).weights;
    const { pixels, digits } = drawBatch(7);
    const names = weightTensors.map(({ name }, index) => [name, learned[index]] as const);
    const values = { ...Object.fromEntries(names), [testing.name]: pixels };
    const { value, errors } = await page.call('compareOutputs', graphToJson(classifier), 'read-write', values);
    expect(errors).toEqual([]);
    expect(whyNotExecutableOnWebGpu(classifier)).toBeNull();
    expect(classes.op).toBe('ARGMAX');
    const [{ found, expected }] = value.results;
    expect(found).toEqual(expected);
    expect(found.filter((digit, i) => digit === digits[i]).length).toBeGreaterThanOrEqual(BATCH - 1);
  });
});
