/**
 * The three checks against the truth, on plans whose places were changed at random: none accepts a wrong plan, and replay
 * accepts every right one. Geometry may reject a right one, for it takes a storage as a whole.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../src/graph/graph.js';
import { findHazards } from '../../src/liveness/hazards.js';
import { planGraph } from '../../src/plan/plan.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { whyNotExecutable } from '../../src/exec/reference/execute.js';
import { compareExecutions } from '../../src/testing/compare-executions.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import type { PlanEntry, PlanLike } from '../../src/verify/plan-like.js';
import { ALL_PLANS } from '../support/all-plans.js';
import { arbitraryGraphs, graphOf } from '../support/arbitrary-graph.js';
import { findFaults } from '../support/oracle.js';

type Entries = { -readonly [field in keyof PlanEntry]: PlanEntry[field] }[];

/** Ways to change places; each takes two numbers to choose with. */
const CHANGES: readonly ((entries: Entries, a: number, b: number, alignment: number) => void)[] = [
  (entries, a, b, alignment) => (entries[a % entries.length].offset = (b % 24) * alignment),
  (entries, a, b) => {
    const [one, other] = [entries[a % entries.length], entries[b % entries.length]];
    [one.offset, other.offset] = [other.offset, one.offset];
  },
  (entries, a, b, alignment) => {
    const { offset } = entries[b % entries.length];
    entries[a % entries.length].offset = offset + (b % 3) * alignment;
  },
  (entries, a, b) => {
    for (const [i, entry] of entries.entries()) if ((a + i * b) % 3 === 0) entry.chunk = 1;
  },
];

const CHUNK = 65_536;

const changes = fc.record({
  way: fc.constantFrom(...CHANGES),
  plan: fc.constantFrom(...ALL_PLANS),
  alignment: fc.constantFrom(1, 4, 16, 32),
  a: fc.nat(100),
  b: fc.nat(100),
  seed: fc.nat(),
});

function changedPlan(
  graph: Graph,
  { way, plan, alignment, a, b }: typeof changes extends fc.Arbitrary<infer T> ? T : never,
): PlanLike {
  const { tensors } = planGraph(graph, { ...plan, alignment });
  const entries: Entries = tensors.map(({ id, chunk, offset }) => ({ id, chunk, offset }));
  if (entries.length > 0) way(entries, a, b, alignment);
  // The truth runs nodes one by one.
  return { alignment, chunks: [CHUNK, CHUNK], bufferSize: 2 * CHUNK, tensors: entries, runtime: 'none' };
}

interface Tally {
  right: number;
  wrong: number;
  stricter: number;
}

function compare(graph: Graph, plan: PlanLike, tally: Tally): void {
  const faults = findFaults(graph, plan);
  const geometry = verifyPlan(graph, plan);
  const replay = replayPlan(graph, plan);
  expect(replay.length > 0, [...faults, ...replay.map(({ message }) => message)].join('\n')).toBe(faults.length > 0);
  if (faults.length > 0) expect(geometry).not.toEqual([]);
  tally[faults.length > 0 ? 'wrong' : 'right']++;
  if (faults.length === 0 && geometry.length > 0) tally.stricter++;
}

describe('on plans that were changed at random', () => {
  it('geometry accepts only what is right, and replay exactly that', () => {
    const tally: Tally = { right: 0, wrong: 0, stricter: 0 };
    fc.assert(
      fc.property(arbitraryGraphs(16), changes, (drawn, change) => {
        const graph = graphOf(drawn);
        if (findHazards(graph).some(({ kind }) => kind === 'conflict')) return;
        compare(graph, changedPlan(graph, change), tally);
      }),
      { numRuns: 1500 },
    );
    expect(Math.min(tally.right, tally.wrong)).toBeGreaterThan(300);
    expect(tally.stricter).toBeLessThan(tally.right / 10);
  });

  it('execution finds nothing that replay does not', () => {
    const tally: Tally = { right: 0, wrong: 0, stricter: 0 };
    let found = 0;
    fc.assert(
      fc.property(arbitraryGraph({ maxMoves: 10 }), changes, (graph, change) => {
        const plan = changedPlan(graph, change);
        compare(graph, plan, tally);
        expect(whyNotExecutable(graph)).toBeNull();
        const differences = compareExecutions(graph, plan, change.seed);
        if (differences.length === 0) return;
        found++;
        expect(replayPlan(graph, plan)).not.toEqual([]);
      }),
      { numRuns: 1500 },
    );
    expect(found).toBeGreaterThan(tally.wrong / 2);
  });
});
