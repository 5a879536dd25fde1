/**
 * `npm run bench:order`: the order with the least live load, of networks whose order matters and of all recorded graphs.
 *
 * Every result is checked by `verifyEquivalent`. Networks are measured with nothing in place, as their papers do.
 */
import { graphFromJson, type Graph } from '../src/index.js';
import { orderGraph, verifyEquivalent, type OrderOptions } from '../src/passes/index.js';
import { CELL_NETWORKS, cellNetwork, randWire } from '../test/support/cells.js';
import { listGraphs, readGraph, sharedIsPresent } from '../test/support/shared-data.js';

interface Answer {
  readonly row: string;
  readonly ms: number;
  readonly isOptimal: boolean;
  readonly isImproved: boolean;
}

function order(name: string, graph: Graph, options: OrderOptions): Answer {
  void graph.table; // made once, whoever asks first
  const start = performance.now();
  const found = orderGraph(graph, options);
  const ms = performance.now() - start;
  const [violation] = verifyEquivalent(graph, found);
  if (violation !== undefined) throw new Error(`${name}: ${violation.message}`);
  const { peak, peakBefore, bound, isOptimal, effort } = found;
  const cells = [
    graph.nodes.length,
    peakBefore.toLocaleString('en'),
    peak.toLocaleString('en'),
    peak === peakBefore ? '' : `${(100 * (1 - peak / peakBefore)).toFixed(1)} %`,
    isOptimal ? 'proven' : `${(100 * (peak / bound - 1)).toFixed(2)} %`,
    effort.toLocaleString('en'),
    ms.toFixed(0),
  ];
  return { row: `| ${[name, ...cells].join(' | ')} |`, ms, isOptimal, isImproved: peak < peakBefore };
}

const TITLES = `| graph | nodes | order as given | best order | less | gap | effort | ms |
| --- | --: | --: | --: | --: | --: | --: | --: |`;

console.log(`${TITLES}`);
for (const seed of [1, 2, 3]) console.log(order(`RandWire, seed ${seed}`, randWire(seed), { runtime: 'none' }).row);
for (const name of CELL_NETWORKS) console.log(order(name, cellNetwork(name, 12, 4), { runtime: 'none' }).row);
if (sharedIsPresent) {
  for (const name of listGraphs('diffusion')) console.log(order(name, graphFromJson(readGraph(name)), {}).row);
  const llama = listGraphs('llama').map((name) => order(name, graphFromJson(readGraph(name)), {}));
  for (const { row } of llama.filter(({ isImproved, isOptimal }) => isImproved || !isOptimal)) console.log(row);
  const ms = llama.reduce((sum, answer) => sum + answer.ms, 0);
  const proven = llama.filter(({ isOptimal }) => isOptimal).length;
  console.log(`\n${llama.length} graphs of llama.cpp: ${proven} proven, in ${ms.toFixed(0)} ms together`);
} else {
  console.log('\nNo recorded graphs: there is no test data in ../shared.');
}
