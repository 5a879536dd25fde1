/**
 * `npm run conformance`: every graph that llama.cpp recorded against the one we build from the model's header, and how
 * large the compute buffer of the same graph is with our placement.
 */
import { checkConformance } from '../test/support/conformance.js';
import { listGraphs, sharedIsPresent } from '../test/support/shared.js';

const COLUMNS = ['graph', 'weights', 'context', 'compute', 'offsets'] as const;

if (!sharedIsPresent) {
  console.error('No recorded graphs in ../shared: nothing to compare with.');
  process.exit(2);
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`.padStart(7);
const names = listGraphs('llama');
const width = Math.max(...names.map((name) => name.length));
let differing = 0;
let savings = 0;
console.log(`${'graph'.padEnd(width)}  nodes  compute buffer   our placement     less  ${COLUMNS.join('  ')}`);
for (const name of names) {
  const result = await checkConformance(name);
  const marks = COLUMNS.map((column) => (result[column] === null ? 'equal' : 'DIFFERS').padEnd(column.length));
  const { nodeCount, bufferSize, ourSize } = result;
  const saving = 1 - ourSize / bufferSize;
  savings += saving;
  const sizes = [String(nodeCount).padStart(5), String(bufferSize).padStart(14), String(ourSize).padStart(14)];
  console.log(`${name.padEnd(width)}  ${[...sizes, percent(saving), ...marks].join('  ')}`);
  for (const column of COLUMNS) if (result[column] !== null) console.log(`    ${column}: ${result[column]}`);
  if (COLUMNS.some((column) => result[column] !== null)) differing++;
}
console.log(`Our placement needs${percent(savings / names.length)} less on average.`);
console.log(`${names.length - differing} of ${names.length} equal llama.cpp build 9749 to the byte`);
process.exitCode = differing === 0 ? 0 : 1;
