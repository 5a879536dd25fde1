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

const RECIPES: Readonly<Record<string, Recipe>> = { ...OVERWRITING, ...KEEPING };
const OPERATIONS = Array.from(SHADERS.keys(), ({ name }) => name);
const NODES_OF_EACH = 8;

/** Random nodes of one operation that the backend can run. */
function nodesOf(op: string): Tensor[] {
  const nodes: Tensor[] = [];
  fc.assert(
    fc.property(fc.gen(), (gen) => {
      if (nodes.length === NODES_OF_EACH) return;
      const maker = new Maker(gen);
      const node = RECIPES[op](maker);
      const output = maker.ctx.setOutput(node);
      if (whyNotExecutableOnWebGpu(Graph.forward(output)) === null) nodes.push(output);
    }),
    { numRuns: 200 },
  );
  return nodes;
}

describeBrowser('WebGPU kernels', () => {
  const page = new GpuPage();

  it('all', async () => {
    for (const op of OPERATIONS) {
      const nodes = nodesOf(op);
      const t = Date.now();
      const graph = Graph.forward(nodes);
      const { value, errors } = await page.call('compareOutputs', graphToJson(graph), 1, 'read-write');
      console.log(op, nodes.length, Math.max(...value.results.map((r) => r.worst)), value.shares, Date.now() - t, errors.slice(0, 2).join('|').slice(0, 800));
    }
  });
});
