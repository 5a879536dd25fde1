/**
 * Random graphs through every check, for as long as you like: `npm run soak -- --minutes 10`.
 *
 * Each round draws a batch of graphs from one seed and plans each of them with every allocator in every in-place mode.
 * Every third graph is tangled: there it may matter what takes over what. The passes rewrite each graph for some budget.
 * The seed of a round is printed with its result; `--seed N` starts there, so a soak can be resumed, and a failure seen
 * again. Ends with exit code 1 at the first failure.
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { placementSize } from '../../src/solver/allocator.js';
import { ALLOCATORS, type AllocatorName } from '../../src/solver/allocators.js';
import type { Graph } from '../../src/graph/graph.js';
import { analyzeLiveness } from '../../src/liveness/liveness.js';
import { REUSE_MODES } from '../../src/plan/options.js';
import { fitGraph } from '../../src/passes/fit/fit-graph.js';
import { measureGraph } from '../../src/plan/measure.js';
import { planGraph } from '../../src/plan/plan.js';
import { liveLoad } from '../../src/problem/lower-bound.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { assertPlanCorrect } from '../../src/testing/assert-plan-correct.js';
import { verifyEquivalent } from '../../src/verify/equivalence.js';
import { replayPlan } from '../../src/verify/replay.js';
import { tangledGraphs } from '../support/tangled-graphs.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    graphs: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
    batch: { type: 'string', default: '500' },
  },
});
const [minutes, graphLimit, firstSeed, batch] = [values.minutes, values.graphs, values.seed, values.batch].map(Number);
if (!(minutes >= 0 && graphLimit >= 0 && Number.isSafeInteger(firstSeed) && Number.isSafeInteger(batch) && batch > 0)) {
  console.error('usage: npm run soak -- [--minutes N] [--graphs N] [--seed INTEGER] [--batch INTEGER above 0]');
  process.exit(2);
}

const allocators = Object.keys(ALLOCATORS) as AllocatorName[];
let planCount = 0;
let nodeCount = 0;
let choiceCount = 0;
let changedCount = 0;

/** What the passes make of a graph: it computes the same, and its plan is right. */
function checkPasses(graph: Graph, alignment: number, valueSeed: number): void {
  const { bufferSize } = measureGraph(graph, { alignment });
  // Budgets from a third of the buffer to all of it.
  const budgetBytes = Math.floor((bufferSize * (1 + (valueSeed % 5) / 2)) / 3);
  const fitted = fitGraph(graph, budgetBytes, { alignment, maxEffort: 1000 });
  const [violation] = verifyEquivalent(graph, fitted);
  if (violation !== undefined) throw new Error(violation.message);
  if (fitted.graph === graph) return;
  changedCount++;
  assertPlanCorrect(fitted.graph, fitted.plan, { seed: valueSeed });
}

/** Plans that place everything where an earlier one did are not checked again. */
function checkGraph(graph: Graph, alignment: number, valueSeed: number): void {
  nodeCount += graph.nodes.length;
  if (leavesGap(graph, alignment)) choiceCount++;
  checkPasses(graph, alignment, valueSeed);
  const seen = new Set<string>();
  for (const reuse of REUSE_MODES) {
    for (const allocator of allocators) {
      const plan = planGraph(graph, { allocator, reuse, alignment });
      planCount++;
      const places = String(plan.tensors.map(({ chunk, offset }) => [chunk, offset]));
      if (seen.has(places)) continue;
      if (seen.size === 0) {
        const [unordered] = replayPlan(graph, plan, { order: 'stated' });
        if (unordered !== undefined) throw new Error(unordered.message);
      }
      seen.add(places);
      assertPlanCorrect(graph, plan, { seed: valueSeed });
    }
  }
}

/** Whether taking over all that can be taken over leaves a gap, so that other choices are tried. */
function leavesGap(graph: Graph, alignment: number): boolean {
  const { problem } = analyzeLiveness(graph.table, 'full', alignment);
  return placementSize(ALLOCATORS.auto.place(problem)) > liveLoad(problem).bytes;
}

const graphs = fc.oneof(
  { weight: 2, arbitrary: arbitraryGraph({ maxMoves: 30 }) },
  { weight: 1, arbitrary: tangledGraphs() },
);
const property = fc.property(graphs, fc.constantFrom(1, 32, 256), fc.nat(), checkGraph);
const end = Date.now() + minutes * 60_000;
let graphCount = 0;
for (let seed = firstSeed; Date.now() < end && graphCount < graphLimit; seed++) {
  const result = fc.check(property, { seed, numRuns: batch });
  graphCount += result.numRuns;
  if (result.failed) {
    console.log(`seed ${seed}: FAILED. See it again with: npm run soak -- --seed ${seed} --batch ${batch}`);
    console.log(fc.defaultReportMessage(result));
    process.exit(1);
  }
  console.log(
    `seed ${seed}: ok; ${graphCount} graphs, ${choiceCount} of them with a choice of hand-overs, ${nodeCount} nodes, ` +
      `${planCount} plans, ${changedCount} graphs changed by passes. Go on with --seed ${seed + 1}`,
  );
}
