/** Independent checks of the same thing, on graphs that leave orders to luck, too: they must not contradict each other. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PlannerError } from '../../src/errors.js';
import type { Graph } from '../../src/graph/graph.js';
import { findHazards } from '../../src/liveness/hazards.js';
import { planGraph, type Plan } from '../../src/plan/plan.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { arbitraryGraphs, graphOf } from '../support/arbitrary-graph.js';

/** `null` where a node certainly needs what another has destroyed. */
function planIfPossible(graph: Graph): Plan | null {
  try {
    return planGraph(graph);
  } catch (error) {
    expect(error).toBeInstanceOf(PlannerError);
    expect((error as PlannerError).code).toBe('HAZARD');
    return null;
  }
}

it('replay holds wherever geometry does', () => {
  let planned = 0;
  fc.assert(
    fc.property(arbitraryGraphs(), (drawn) => {
      const graph = graphOf(drawn);
      const plan = planIfPossible(graph);
      if (plan === null) return;
      planned++;
      expect(verifyPlan(graph, plan)).toEqual([]);
      expect(replayPlan(graph, plan)).toEqual([]);
    }),
    { numRuns: 1500 },
  );
  expect(planned).toBeGreaterThan(500);
});

it('findHazards names every order that replay finds left to luck', () => {
  const count = { both: 0, neither: 0, hazardsOnly: 0 };
  fc.assert(
    fc.property(arbitraryGraphs(), (drawn) => {
      const graph = graphOf(drawn);
      const hazards = findHazards(graph);
      const plan = planGraph(graph, { allocator: 'ggml' });
      const unordered = replayPlan(graph, plan, { order: 'stated' }).filter(({ kind }) => kind === 'unordered');
      if (unordered.length > 0) expect(hazards).not.toEqual([]);
      if (unordered.length > 0) count.both++;
      else if (hazards.length > 0) count.hazardsOnly++;
      else count.neither++;
    }),
    { numRuns: 1500 },
  );
  expect(count.both).toBeGreaterThan(100);
  expect(count.neither).toBeGreaterThan(100);
  // Hazards may be cautious where strides make it hard to tell, but not often.
  expect(count.hazardsOnly).toBeLessThan(count.both / 5);
});
