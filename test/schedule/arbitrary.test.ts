/**
 * Arbitrary graphs on arbitrary machines: the schedule holds what the graph does, and what a plan of it computes, with one
 * arena for each pool and real copies between them, is bit by bit what the graph computes.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planGraph } from '../../src/plan/plan.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { compareScheduled } from '../../src/testing/compare-executions.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { verifySchedule } from '../../src/verify/verify-schedule.js';
import { arbitraryMachine, spreadOver } from '../support/arbitrary-machine.js';

const messagesOf = (violations: readonly { readonly message: string }[]): string[] =>
  violations.slice(0, 5).map(({ message }) => message);

it.each(['auto', 'ggml'] as const)('are computed right where the allocator %s puts them', (allocator) => {
  let copyCount = 0;
  fc.assert(
    fc.property(
      arbitraryGraph({ maxMoves: 14 }),
      arbitraryMachine({ copyCount: fc.constantFrom(1, 1, 1, 2) }),
      fc.nat(),
      (graph, machine, seed) => {
        const { schedule, placed } = spreadOver(graph, machine);
        const { graph: spread, pools, copies } = schedule;
        copyCount += copies.length;
        expect(messagesOf(verifySchedule(graph, schedule, { placed }))).toEqual([]);

        const plan = planGraph(spread, { pools, allocator, allowOversize: true });
        expect(messagesOf(verifyPlan(spread, plan, { pools, allowOversize: true }))).toEqual([]);
        expect(messagesOf(verifyPlan(spread, plan.toJSON(), { pools, allowOversize: true }))).toEqual([]);
        expect(messagesOf(replayPlan(spread, plan, { pools, copies, order: 'stated' }))).toEqual([]);
        expect(messagesOf(compareScheduled(graph, schedule, plan, seed))).toEqual([]);
      },
    ),
    { numRuns: 400 },
  );
  expect(copyCount).toBeGreaterThan(400);
});
