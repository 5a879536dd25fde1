/**
 * `npm run parity`: one row per graph of the shared data, ours against what ggml's allocator computed. Ends with exit
 * code 1 if anything differs.
 */
import { compareWithGgml, expectedGraphs } from '../test/support/parity.js';
import { sharedIsPresent } from '../test/support/shared-data.js';

function row(name: string, cells: readonly (number | string)[]): string {
  return name.padEnd(46) + cells.map((cell) => String(cell).padStart(14)).join('');
}

if (!sharedIsPresent) throw new Error('The graphs are read from ../shared, which is not there.');

console.log(row('graph', ['nodes', 'tensors', 'chunks', 'size', 'lower bound', 'differences']));
let graphCount = 0;
let tensorCount = 0;
let differenceCount = 0;
for (const graph of expectedGraphs()) {
  const { plan, differences } = compareWithGgml(graph);
  const { nodeCount, tensors, chunks, bufferSize, lowerBound } = plan;
  console.log(row(graph.name, [nodeCount, tensors.length, chunks.length, bufferSize, lowerBound, differences.length]));
  for (const difference of differences) console.log(`  ${difference}`);
  graphCount++;
  tensorCount += tensors.length;
  differenceCount += differences.length;
}
console.log(`${graphCount} graphs, ${tensorCount} offsets, ${differenceCount} differences`);
if (differenceCount > 0) process.exitCode = 1;
