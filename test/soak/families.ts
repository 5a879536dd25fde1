/**
 * Random families through geometry and replay, at many points each: `npm run soak:families -- --families 10000`.
 *
 * Every other family grows with its length. `--seed N` starts elsewhere. Ends with exit code 1 at the first failure.
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { planFamily } from '../../src/planner/family.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { graphFamilies, type GraphFamily } from '../support/graph-families.js';

const { values } = parseArgs({
  options: { families: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
});
const [familyCount, seed] = [Number(values.families), Number(values.seed)];
if (!(Number.isSafeInteger(familyCount) && familyCount > 0 && Number.isSafeInteger(seed))) {
  console.error('usage: npm run soak:families -- [--families COUNT] [--seed INTEGER]');
  process.exit(2);
}

/** Points of each family. */
const POINTS = 20;
let pointCount = 0;

function checkFamily({ build }: GraphFamily, grows: boolean): void {
  const repeats: readonly [number, number] = grows ? [1, 1] : [0, 1];
  const box = { n: [1, grows ? POINTS : POINTS / 2], m: repeats } as const;
  const family = planFamily(build, box, grows ? { grows: 'n' } : {});
  for (let n = 1; n <= box.n[1]; n++) {
    for (const m of new Set(box.m)) {
      const plan = family.at({ n, m });
      const found = [...verifyPlan(plan.graph, plan), ...replayPlan(plan.graph, plan)];
      if (found.length > 0) throw new Error(`n = ${n}, m = ${m}: ${found[0].message}`);
      pointCount++;
    }
  }
}

const result = fc.check(fc.property(graphFamilies, fc.boolean(), checkFamily), { seed, numRuns: familyCount });
console.log(`${result.numRuns} families at ${pointCount} points${result.failed ? '' : ', none failing'}`);
if (result.failed) {
  console.error(result.errorInstance);
  process.exit(1);
}
