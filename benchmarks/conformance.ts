/**
 * `npm run conformance`: every graph that llama.cpp recorded against the one we build from the model's header, and how
 * large the compute buffer of the same graph is with our placement. Writes the table of `docs/conformance.md`; with names
 * of architectures behind it (`npm run conformance -- llama qwen3`), it compares these only, and writes nothing.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { LLAMA_CPP_BUILD, LLAMA_CPP_COMMIT } from '../src/models/index.js';
import { readGguf } from '../src/gguf/gguf.js';
import { ARCHITECTURES } from '../src/models/architectures/index.js';
import { checkConformance, type Conformance } from '../test/support/conformance.js';
import { listRecordings, projectPath, sharedIsPresent, type Recording } from '../test/support/shared-data.js';
import { conformanceTable, withTable, type ArchitectureResult } from './conformance-table.js';

const COLUMNS = ['graph', 'weights', 'context', 'compute', 'offsets'] as const;
const RELEASE = `llama.cpp b${LLAMA_CPP_BUILD} (commit ${LLAMA_CPP_COMMIT})`;

if (!sharedIsPresent) {
  console.error('No recorded graphs in ../shared: nothing to compare with.');
  process.exit(2);
}

const wanted = process.argv.slice(2);
const byArchitecture = await recordingsByArchitecture();
const width = Math.max(...[...byArchitecture.values()].flat().map(({ name }) => name.length));
const savings: number[] = [];
let compared = 0;
const results: ArchitectureResult[] = [];
console.log(`${'graph'.padEnd(width)}  nodes  compute buffer   our placement     less  ${COLUMNS.join('  ')}`);
for (const [architecture, recordings] of [...byArchitecture].sort(([a], [b]) => (a < b ? -1 : 1))) {
  if (wanted.length === 0 || wanted.includes(architecture)) results.push(await compare(architecture, recordings));
}
const mean = savings.reduce((sum, saving) => sum + saving, 0) / savings.length;
console.log(`Our placement needs${percent(mean)} less on average.`);
const differing = results.reduce((sum, result) => sum + (result.differing ?? 0), 0);
console.log(`${compared - differing} of ${compared} equal ${RELEASE} to the byte`);
if (wanted.length === 0) {
  const path = projectPath('docs', 'conformance.md');
  writeFileSync(path, withTable(readFileSync(path, 'utf8'), conformanceTable(results, RELEASE)));
}
process.exitCode = differing === 0 ? 0 : 1;

async function recordingsByArchitecture(): Promise<ReadonlyMap<string, Recording[]>> {
  const all = (['graphs/llama', 'supported', 'archs', 'real'] as const).flatMap(listRecordings);
  const known = new Map<string, string>();
  const found = new Map<string, Recording[]>();
  for (const recording of all) {
    const { headerPath } = recording;
    const architecture = known.get(headerPath) ?? String((await readGguf(headerPath)).metadata['general.architecture']);
    known.set(headerPath, architecture);
    found.set(architecture, [...(found.get(architecture) ?? []), recording]);
  }
  return found;
}

async function compare(architecture: string, recordings: readonly Recording[]): Promise<ArchitectureResult> {
  const models = new Set(recordings.map(({ headerPath }) => headerPath)).size;
  const row = { architecture, models, recordings: recordings.length };
  if (!ARCHITECTURES.has(architecture)) return { ...row, differing: null, difference: '' };
  const differences: string[] = [];
  for (const recording of recordings) {
    const difference = await compareOne(recording);
    if (difference !== null) differences.push(difference);
  }
  return { ...row, differing: differences.length, difference: differences[0] ?? '' };
}

/** Prints a line, and says what differs first; null: nothing. */
async function compareOne(recording: Recording): Promise<string | null> {
  const { name } = recording;
  compared++;
  let result: Conformance;
  try {
    result = await checkConformance(recording);
  } catch (error) {
    console.log(`${name.padEnd(width)}  ${(error as Error).message}`);
    return `${name}: ${(error as Error).message}`;
  }
  const marks = COLUMNS.map((column) => (result[column] === null ? 'equal' : 'DIFFERS').padEnd(column.length));
  const { nodeCount, bufferSize, ourSize } = result;
  const saving = 1 - ourSize / bufferSize;
  savings.push(saving);
  const sizes = [String(nodeCount).padStart(5), String(bufferSize).padStart(14), String(ourSize).padStart(14)];
  console.log(`${name.padEnd(width)}  ${[...sizes, percent(saving), ...marks].join('  ')}`);
  for (const column of COLUMNS) if (result[column] !== null) console.log(`    ${column}: ${result[column]}`);
  const first = COLUMNS.find((column) => result[column] !== null);
  return first === undefined ? null : `${name}: ${first}: ${result[first]}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`.padStart(7);
}
