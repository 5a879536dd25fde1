/**
 * Random graphs on random devices through geometry, replay and the rules of WebGPU:
 * `npm run soak:webgpu -- --graphs 100000`.
 *
 * A graph that is refused counts as well, on its own: of such a graph no plan is right. `--seed N` starts elsewhere. Ends with
 * exit code 1 at the first failure.
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { arbitraryGraphs, graphOf } from '../support/arbitrary-graph.js';
import { fusedGraphs } from '../support/fused-graphs.js';
import { arbitraryCases, faultsOf } from '../support/webgpu-cases.js';

const { values } = parseArgs({
  options: { graphs: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
});
const [graphCount, firstSeed] = [Number(values.graphs), Number(values.seed)];
if (!(Number.isSafeInteger(graphCount) && graphCount > 0 && Number.isSafeInteger(firstSeed))) {
  console.error('usage: npm run soak:webgpu -- [--graphs COUNT] [--seed INTEGER]');
  process.exit(2);
}

const BATCH = 1000;
const graphs = fc.oneof(
  { weight: 3, arbitrary: arbitraryGraph() },
  { weight: 1, arbitrary: arbitraryGraphs().map(graphOf) },
  { weight: 1, arbitrary: fusedGraphs() },
);
let [plannedCount, refusedCount] = [0, 0];
const property = fc.property(graphs, arbitraryCases, (graph, each) => {
  const faults = faultsOf(graph, each);
  if (faults === null) refusedCount++;
  else if (faults.length > 0) throw new Error(faults.join('\n'));
  else plannedCount++;
});
for (let seed = firstSeed; plannedCount + refusedCount < graphCount; seed++) {
  const numRuns = Math.min(BATCH, graphCount - plannedCount - refusedCount);
  const result = fc.check(property, { seed, numRuns });
  if (result.failed) {
    console.error(`seed ${seed}:\n${fc.defaultReportMessage(result)}`);
    console.error(result.errorInstance);
    process.exit(1);
  }
  console.log(`seed ${seed}: ok; ${plannedCount} plans, ${refusedCount} graphs refused`);
}
