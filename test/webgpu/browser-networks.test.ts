/** Networks of ONNX files in one arena on WebGPU, beside what onnxruntime-web creates for them. */
import { expect, it } from 'vitest';
import { graphFromOnnx, readOnnx } from '../../src/onnx/index.js';
import { planGraph } from '../../src/plan/plan.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { dispatchesOf, verifyDispatches, webgpuTarget } from '../../src/webgpu/index.js';
import { BROWSER_NETWORKS } from '../support/browser-networks.js';
import { describeShared, sharedPath } from '../support/shared.js';

describeShared('networks of ONNX files on WebGPU', () => {
  it.each(BROWSER_NETWORKS)('$file', async ({ file, dims = {}, most }) => {
    const graph = graphFromOnnx(await readOnnx(sharedPath('models/onnx', file)), { dims });
    const target = webgpuTarget();
    const plan = planGraph(graph, { target });
    expect(plan.bufferSize).toBeLessThanOrEqual(most);
    expect(verifyPlan(graph, plan)).toEqual([]);
    expect(verifyDispatches(graph, plan, dispatchesOf(graph, plan, target))).toEqual([]);
  });
});
