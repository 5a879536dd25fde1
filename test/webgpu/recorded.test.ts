/** Recorded graphs of real models, for the limits of a usual desktop adapter. */
import { expect, it } from 'vitest';
import { graphFromJson } from '../../src/json/read.js';
import { planGraph } from '../../src/plan/plan.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { dispatchesOf, verifyDispatches, webgpuTarget } from '../../src/webgpu/index.js';
import { describeShared, listGraphs, partOf, readGraph } from '../support/shared.js';

const LIMITS = { maxBufferSize: 2 ** 32 - 4, maxStorageBufferBindingSize: 2 ** 32 - 4 };

describeShared('recorded graphs', () => {
  it.each(partOf(listGraphs()))('%s', (name) => {
    const graph = graphFromJson(readGraph(name));
    for (const operands of ['read-write', 'read'] as const) {
      const target = webgpuTarget(LIMITS, { operands });
      const plan = planGraph(graph, { target });
      const dispatches = dispatchesOf(graph, plan, target);
      expect(verifyPlan(graph, plan)).toEqual([]);
      expect(verifyDispatches(graph, plan, dispatches, { limits: LIMITS })).toEqual([]);
      expect(dispatches.length).toBeGreaterThan(100);
    }
  });
});
