/**
 * `npm run bench:webgpu`: what plans for WebGPU take beside the ordinary plan of each recorded graph, in both ways to bind
 * operands: for reading and writing in one arena, or for reading alone in several.
 *
 * Limits are those of a usual desktop adapter. Each plan is checked. Then what networks of ONNX files take beside
 * onnxruntime-web, for the limits that every adapter guarantees.
 */
import { graphFromJson } from '../src/json/read.js';
import { graphFromOnnx, readOnnx } from '../src/onnx/index.js';
import { planGraph } from '../src/plan/plan.js';
import { verifyPlan } from '../src/verify/verify-plan.js';
import { dispatchesOf, verifyDispatches, webgpuTarget, type StorageAccess } from '../src/webgpu/index.js';
import { BROWSER_NETWORKS } from '../test/support/browser-networks.js';
import { listGraphs, readGraph, sharedIsPresent, sharedPath } from '../test/support/shared-data.js';

const LIMITS = { maxBufferSize: 2 ** 32 - 4, maxStorageBufferBindingSize: 2 ** 32 - 4 };

/** Of each model the first graphs of both phases. */
function namesOfGraphs(): string[] {
  const isNew = new Set<string>();
  return listGraphs().filter((name) => {
    const key = `${name.split('.c')[0]} ${name.split('.').at(-1)}`;
    return !isNew.has(key) && isNew.add(key);
  });
}

if (!sharedIsPresent) throw new Error('The recorded graphs are not there: see the README of the tests.');
console.log('| graph | dispatches | ordinary, bytes | read and write, bytes | | read alone, bytes | | arenas |');
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
for (const name of namesOfGraphs()) {
  const graph = graphFromJson(readGraph(name));
  const ordinary = planGraph(graph).bufferSize;
  const cells: (string | number)[] = [];
  let dispatchCount = 0;
  for (const operands of ['read-write', 'read'] as const satisfies readonly StorageAccess[]) {
    const target = webgpuTarget(LIMITS, { operands });
    const plan = planGraph(graph, { target });
    const dispatches = dispatchesOf(graph, plan, target);
    dispatchCount = dispatches.length;
    const found = [...verifyPlan(graph, plan), ...verifyDispatches(graph, plan, dispatches, { limits: LIMITS })];
    if (found.length > 0) throw new Error(`${name}: ${found[0].message}`);
    cells.push(plan.bufferSize.toLocaleString('en'), (plan.bufferSize / ordinary).toFixed(3));
    if (operands === 'read') cells.push(plan.pools!.length);
  }
  console.log(`| ${[name, dispatchCount, ordinary.toLocaleString('en'), ...cells].join(' | ')} |`);
}

console.log('\n| network | onnxruntime-web, bytes | one arena, bytes | |');
console.log('| --- | ---: | ---: | ---: |');
for (const { file, dims = {}, onnxruntimeWeb } of BROWSER_NETWORKS) {
  const graph = graphFromOnnx(await readOnnx(sharedPath('models/onnx', file)), { dims });
  const { bufferSize } = planGraph(graph, { target: webgpuTarget() });
  const cells = [onnxruntimeWeb.toLocaleString('en'), bufferSize.toLocaleString('en')];
  console.log(`| ${[file, ...cells, (onnxruntimeWeb / bufferSize).toFixed(2)].join(' | ')} |`);
}
