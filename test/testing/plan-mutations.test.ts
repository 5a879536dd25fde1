/**
 * Right plans, broken on purpose: each kind of damage must be found by the check that claims it, and whatever changes a
 * result must be found by replay. Damage may do no harm (two tensors swapped that are never needed together): whether it
 * does is worked out by brute force. Geometry is stricter than replay in one respect: a leaf that is not marked as an
 * input keeps its bytes from the start, even if it is overwritten before anyone reads it.
 */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { findHazards } from '../../src/liveness/hazards.js';
import { planGraph } from '../../src/plan/plan.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { compareExecutions } from '../../src/testing/compare-executions.js';
import { replayPlan } from '../../src/verify/replay.js';
import type { PlanViolation } from '../../src/verify/plan-violation.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { CLASSES, placed, type Check } from '../support/plan-damage.js';
import { hasConflict, type Mutant } from '../support/plan-truth.js';

/** Every plan here is asked for with the default alignment, whatever it says of itself. */
function violationsOf({ graph, plan }: Mutant): PlanViolation[] {
  return verifyPlan(graph, plan, { alignment: 32 });
}

const CHECKS: Readonly<Record<Check, (mutant: Mutant) => boolean>> = {
  geometry: (mutant) => violationsOf(mutant).length > 0,
  replay: ({ graph, plan }) => replayPlan(graph, plan, { order: 'stated' }).length > 0,
  execution: ({ graph, plan }) => {
    try {
      return compareExecutions(graph, plan).length > 0;
    } catch {
      return true; // no place to run in
    }
  },
  hazards: ({ graph }) => {
    try {
      return findHazards(graph).length > 0;
    } catch {
      return true; // refused: not an order at all
    }
  },
};

/** The places alone: what a plan says of sizes and live ranges could give the damage away. */
function withoutStatements(mutant: Mutant | null): Mutant | null {
  if (mutant === null) return null;
  const { alignment, bufferSize, chunks, tensors } = mutant.plan;
  const places = tensors.map(({ id, chunk, offset }) => ({ id, chunk, offset }));
  return { graph: mutant.graph, plan: { alignment, bufferSize, chunks, tensors: places } };
}

const rows: string[] = [];
/** Graphs per class; not every one of them has what a class damages. */
const RUNS = 400;

describe('plans broken on purpose', () => {
  it.each(Object.entries(CLASSES))('%s', (name, { damage, claimedBy, kinds, matters = () => true }) => {
    const tally = { tried: 0, mattering: 0, geometry: 0, replay: 0, execution: 0, hazards: 0, any: 0 };
    fc.assert(
      fc.property(
        arbitraryGraph({ maxMoves: 10 }),
        fc.constantFrom('off' as const, 'full' as const),
        fc.infiniteStream(fc.nat()),
        (graph, reuse, numbers) => {
          const plan = planGraph(graph, { reuse });
          if (placed(plan).length === 0) return;
          expect(hasConflict({ graph, plan })).toBe(false);
          const mutant = withoutStatements(damage(graph, plan, (count) => numbers.next().value % count));
          if (mutant === null) return;
          tally.tried++;
          const found = (Object.keys(CHECKS) as Check[]).filter((check) => CHECKS[check](mutant));
          for (const check of found) tally[check]++;
          if (found.length > 0) tally.any++;
          if (found.includes('execution')) expect(found).toContain('replay');
          if (!matters(mutant)) return;
          tally.mattering++;
          expect(found).toEqual(expect.arrayContaining([...claimedBy]));
          if (!claimedBy.includes('geometry')) return;
          const said = violationsOf(mutant).map(({ kind }) => kind);
          expect(
            said.some((kind) => kinds?.includes(kind) ?? true),
            said.join(),
          ).toBe(true);
        },
      ),
      { numRuns: RUNS },
    );
    const { tried, mattering, geometry, replay, execution, hazards, any } = tally;
    rows.push(
      [
        name.padEnd(30),
        ...[tried, mattering, any, geometry, replay, execution, hazards].map((n) => String(n).padStart(10)),
      ].join(''),
    );
    expect(tally.mattering).toBeGreaterThan(RUNS / 20);
  });

  afterAll(() => {
    const head = ['tried', 'mattering', 'caught', 'geometry', 'replay', 'execution', 'hazards'];
    console.log([`${'damage'.padEnd(30)}${head.map((each) => each.padStart(10)).join('')}`, ...rows].join('\n'));
  });
});
