/**
 * `npm run conformance`: every graph that llama.cpp recorded against the one we build from the model's header, and how
 * large the compute buffer of the same graph is with our placement.
 */
import { LLAMA_CPP_BUILD, LLAMA_CPP_COMMIT } from '../src/models/index.js';
import { readGguf } from '../src/gguf/gguf.js';
import { ARCHITECTURES } from '../src/models/architectures/index.js';
import { checkConformance } from '../test/support/conformance.js';
import { listRecordings, sharedIsPresent } from '../test/support/shared-data.js';

const COLUMNS = ['graph', 'weights', 'context', 'compute', 'offsets'] as const;

if (!sharedIsPresent) {
  console.error('No recorded graphs in ../shared: nothing to compare with.');
  process.exit(2);
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`.padStart(7);
const all = (['graphs/llama', 'supported', 'archs'] as const).flatMap(listRecordings);
const architectures = new Map<string, unknown>();
for (const { headerPath } of all) {
  if (architectures.has(headerPath)) continue;
  architectures.set(headerPath, (await readGguf(headerPath)).metadata['general.architecture']);
}
const recordings = all.filter(({ headerPath }) => ARCHITECTURES.has(architectures.get(headerPath) as string));
const width = Math.max(...recordings.map(({ name }) => name.length));
let differing = 0;
let savings = 0;
console.log(`${'graph'.padEnd(width)}  nodes  compute buffer   our placement     less  ${COLUMNS.join('  ')}`);
for (const recording of recordings) {
  const { name } = recording;
  const result = await checkConformance(recording);
  const marks = COLUMNS.map((column) => (result[column] === null ? 'equal' : 'DIFFERS').padEnd(column.length));
  const { nodeCount, bufferSize, ourSize } = result;
  const saving = 1 - ourSize / bufferSize;
  savings += saving;
  const sizes = [String(nodeCount).padStart(5), String(bufferSize).padStart(14), String(ourSize).padStart(14)];
  console.log(`${name.padEnd(width)}  ${[...sizes, percent(saving), ...marks].join('  ')}`);
  for (const column of COLUMNS) if (result[column] !== null) console.log(`    ${column}: ${result[column]}`);
  if (COLUMNS.some((column) => result[column] !== null)) differing++;
}
console.log(`Our placement needs${percent(savings / recordings.length)} less on average.`);
const release = `llama.cpp b${LLAMA_CPP_BUILD} (commit ${LLAMA_CPP_COMMIT})`;
console.log(`${recordings.length - differing} of ${recordings.length} equal ${release} to the byte`);
process.exitCode = differing === 0 ? 0 : 1;
