/**
 * `npm run bench:recompute [MAX_EFFORT]`: the extra time of training steps under budgets, beside what is published.
 *
 * Every result is checked by `verifyEquivalent`. Graphs are measured with nothing in place and nodes one by one, as the papers
 * do. Moccasin publishes 0.7 to 3 % for budgets of 0.9 and 0.8 of the peak, and nothing for 0.5.
 */
import { recomputeGraph, verifyEquivalent } from '../src/passes/index.js';
import { trainingGraphs } from '../test/support/training-graphs.js';

const BUDGETS = [0.9, 0.8, 0.5];
const maxEffort = process.argv[2] === undefined ? undefined : Number(process.argv[2]);

const percent = (share: number): string => (share === Infinity ? 'impossible' : `${(100 * share).toFixed(2)} %`);

console.log(
  '| graph | nodes | edges | sum of bytes | peak | budget | needs | extra time | at least | published | seconds |',
);
console.log('| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |');
for (const { name, graph, costOf } of trainingGraphs()) {
  const edges = graph.nodes.reduce((sum, { sources }) => sum + sources.length, 0);
  const bytes = graph.nodes.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const options = {
    costOf,
    runtime: 'none',
    reuse: 'off',
    alignment: 1,
    ...(maxEffort === undefined ? {} : { maxEffort }),
  } as const;
  const { peakBefore } = recomputeGraph(graph, { ...options, budgetBytes: Number.MAX_SAFE_INTEGER });
  for (const share of BUDGETS) {
    const start = performance.now();
    const found = recomputeGraph(graph, { ...options, budgetBytes: Math.floor(share * peakBefore) });
    const seconds = (performance.now() - start) / 1000;
    const [violation] = verifyEquivalent(graph, found);
    if (violation !== undefined) throw new Error(`${name}: ${violation.message}`);
    const cells = [
      graph.nodes.length,
      edges,
      bytes.toLocaleString('en'),
      peakBefore.toLocaleString('en'),
      share,
      `${(found.peak / peakBefore).toFixed(3)} ${found.fits ? '' : '(does not fit)'}`.trim(),
      found.fits ? percent(found.extraOps) : '',
      percent(found.extraOpsBound),
      share > 0.7 ? '0.7 to 3 %' : '',
      seconds.toFixed(1),
    ];
    console.log(`| ${[name, ...cells].join(' | ')} |`);
  }
}
