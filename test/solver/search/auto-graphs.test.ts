import { expect, it } from 'vitest';
import { graphFromJson } from '../../../src/graph/json-reader.js';
import { analyzeLiveness } from '../../../src/liveness/liveness.js';
import { solve } from '../../../src/solver/search/solve.js';
import { planGraph } from '../../../src/plan/plan.js';
import { verifyPlacement } from '../../../src/verify/placement.js';
import { describeShared, listGraphs, partOf, readGraph } from '../../support/shared.js';

describeShared('auto on the recorded graphs', () => {
  it.each(partOf(listGraphs()))('%s: no gap, proven', (name) => {
    const graph = graphFromJson(readGraph(name));
    for (const reuse of ['off', 'ggml', 'full'] as const) {
      const { problem } = analyzeLiveness(graph.table, reuse, 32);
      const solution = solve(problem, { maxEffort: 20_000 });
      expect(verifyPlacement(problem, solution)).toEqual([]);
      expect([solution.status, solution.bufferSize]).toEqual(['optimal', solution.lowerBound]);
    }
    const ggml = planGraph(graph, { allocator: 'ggml' }).bufferSize;
    expect(planGraph(graph).bufferSize).toBeLessThanOrEqual(ggml);
  });
});
