/** Every operation with a WebGPU kernel on a real device: random nodes, in place where they may be, beside the reference executor. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Graph } from '../../src/graph/graph.js';
import { graphToJson } from '../../src/json/write.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { whyNotExecutableOnWebGpu } from '../../src/exec/webgpu/executable.js';
import { SHADERS } from '../../src/exec/webgpu/kernels/kernels.js';
import { describeBrowser } from '../support/browser.js';
import { KEEPING } from '../support/keeping-recipes.js';
import { Maker, OVERWRITING, type Recipe } from '../support/operation-recipes.js';
import { GpuPage } from '../support/webgpu/gpu-page.js';

const RECIPES: Readonly<Record<string, Recipe>> = {
  ...OVERWRITING,
  ...KEEPING,
  // In a shader the logarithm of a negative number may be anything.
  LOG: (m) => m.ctx.log(m.ctx.sqr(m.strided('f32', m.shape()))),
};
const OPERATIONS = Array.from(SHADERS.keys(), ({ name }) => name);
const NODES_OF_EACH = 5;

/** What yields the same bits: moved elements, and one rounding of an exact result. */
const EXACT = [
  ...[
    'ADD',
    'SUB',
    'MUL',
    'ADD1',
    'SQR',
    'CLAMP',
    'ABS',
    'SGN',
    'NEG',
    'STEP',
    'RELU',
    'FLOOR',
    'CEIL',
    'ROUND',
    'TRUNC',
  ],
  ...['REGLU', 'DIAG_MASK_INF', 'DIAG_MASK_ZERO', 'DUP', 'CPY', 'CONT', 'GET_ROWS', 'SET_ROWS', 'CONCAT', 'REPEAT'],
  ...['ARGMAX', 'IM2COL'],
];

/** Of f32, relative to the larger of the value and 1: sums in another order, and functions to some digits. */
const TOLERANCE = 1e-5;
/** One step of f16 between 1 and 2: a result that differs by little may be rounded to the other side. */
const F16_TOLERANCE = 2 ** -10;

/** Random nodes of one operation that the backend can run. */
function nodesOf(op: string): Tensor[] {
  const nodes: Tensor[] = [];
  fc.assert(
    fc.property(fc.gen(), (gen) => {
      if (nodes.length === NODES_OF_EACH) return;
      const maker = new Maker(gen);
      const output = maker.ctx.setOutput(RECIPES[op](maker));
      if (whyNotExecutableOnWebGpu(Graph.forward(output)) === null) nodes.push(output);
    }),
    { numRuns: 300 },
  );
  return nodes;
}

describeBrowser('WebGPU kernels', () => {
  const page = new GpuPage();

  it.each(OPERATIONS)('%s gives what the reference executor gives', async (op) => {
    const nodes = nodesOf(op);
    expect(nodes.length).toBe(NODES_OF_EACH);
    const { value, errors } = await page.call('compareOutputs', graphToJson(Graph.forward(nodes)), 'read-write');
    expect(errors).toEqual([]);
    expect(value.results.length).toBe(NODES_OF_EACH);
    for (const { type, worst, ...values } of value.results) {
      const tolerance = EXACT.includes(op) ? 0 : type === 'f16' ? F16_TOLERANCE : TOLERANCE;
      expect(worst, JSON.stringify(values)).toBeLessThanOrEqual(tolerance);
    }
  });

  it('binds operands for reading where the plan has arenas for it', async () => {
    const nodes = ['MUL_MAT', 'ADD', 'SOFT_MAX', 'ROPE', 'CPY', 'SET_ROWS'].flatMap((op) => nodesOf(op).slice(0, 2));
    const { value, errors } = await page.call('compareOutputs', graphToJson(Graph.forward(nodes)), 'read');
    expect(errors).toEqual([]);
    for (const { worst, ...values } of value.results) expect(worst, JSON.stringify(values)).toBeLessThan(F16_TOLERANCE);
  });
});
