/** Every real graph, under every allocator and in-place mode, through geometry and replay. */
import { expect, it } from 'vitest';
import { ALLOCATORS, type AllocatorName } from '../../src/solver/allocators.js';
import { graphFromJson } from '../../src/graph/json-reader.js';
import { REUSE_MODES } from '../../src/plan/options.js';
import { planGraph } from '../../src/plan/plan.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { describeShared, listGraphs, partOf, readGraph } from '../support/shared.js';

const allocators = Object.keys(ALLOCATORS) as AllocatorName[];

describeShared('plans of real graphs', () => {
  it.each(partOf(listGraphs()))('%s', (name) => {
    const graph = graphFromJson(readGraph(name));
    const seen = new Set<string>();
    for (const reuse of REUSE_MODES) {
      for (const allocator of allocators) {
        const plan = planGraph(graph, { allocator, reuse });
        const places = String(plan.tensors.map(({ chunk, offset }) => [chunk, offset]));
        if (seen.has(places)) continue; // two allocators found the same
        seen.add(places);
        expect(verifyPlan(graph, plan), `${allocator}, ${reuse}`).toEqual([]);
        expect(replayPlan(graph, plan), `${allocator}, ${reuse}`).toEqual([]);
      }
    }
  });
});
