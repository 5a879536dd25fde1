/** Random graphs on random devices: every plan is legal and right, or the graph is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../src/index.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { assertPlanCorrect } from '../../src/testing/assert-plan-correct.js';
import { planGraph } from '../../src/plan/plan.js';
import { webgpuTarget } from '../../src/webgpu/index.js';
import { arbitraryGraphs, graphOf } from '../support/arbitrary-graph.js';
import { fusedGraphs } from '../support/fused-graphs.js';
import { runsOf } from '../support/runs.js';
import { arbitraryCases, faultsOf } from '../support/webgpu-cases.js';

const KINDS: Readonly<Record<string, fc.Arbitrary<Graph>>> = {
  'of many groups': fusedGraphs(),
  'as real ones': arbitraryGraph(),
  'of strange views and orders': arbitraryGraphs().map(graphOf),
};

describe('random graphs', () => {
  it.each(Object.entries(KINDS))('%s', (_, graphs) => {
    const runs = runsOf(2000);
    let planned = 0;
    const property = fc.property(graphs, arbitraryCases, (graph, each) => {
      const faults = faultsOf(graph, each);
      if (faults === null) return;
      planned++;
      expect(faults).toEqual([]);
    });
    fc.assert(property, { numRuns: runs });
    expect(planned).toBeGreaterThan(runs / 5);
  });

  it('compute the same bits in arenas for WebGPU', () => {
    const property = fc.property(arbitraryGraph(), fc.boolean(), (graph, isRead) => {
      const target = webgpuTarget({}, { operands: isRead ? 'read' : 'read-write' });
      assertPlanCorrect(graph, planGraph(graph, { target }));
    });
    fc.assert(property, { numRuns: runsOf(500) });
  });
});
