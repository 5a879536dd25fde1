/**
 * `npm run bench:models`: from a header's bytes on disk to weights, context and compute buffer, warm, per model. The goal
 * is under 20 ms. Compare only within one run.
 */
import { readdirSync } from 'node:fs';
import { readGguf } from '../src/gguf/gguf.js';
import { measureModel } from '../src/models/measure-model.js';
import { projectPath, sharedIsPresent, sharedPath } from '../test/support/shared-data.js';

const RUNS = Number(process.argv[2] ?? 31);
const WARM_UP_RUNS = 5;

const files = sharedIsPresent
  ? readdirSync(sharedPath('gguf')).map((name) => sharedPath('gguf', name))
  : [projectPath('examples/phi-3-mini-4k.gguf')];

async function measure(file: string): Promise<{ read: number; total: number; name: string }> {
  const start = performance.now();
  const gguf = await readGguf(file);
  const read = performance.now() - start;
  measureModel(gguf);
  return { read, total: performance.now() - start, name: gguf.name };
}

const median = (values: readonly number[]): string => [...values].sort((a, b) => a - b)[values.length >> 1].toFixed(1);

for (let run = 0; run < WARM_UP_RUNS; run++) for (const file of files) await measure(file);
console.log(`${'header'.padEnd(24)}  read ms  header to answer ms, medians of ${RUNS}`);
for (const file of files) {
  const runs = [];
  for (let run = 0; run < RUNS; run++) runs.push(await measure(file));
  const [read, total] = [median(runs.map((r) => r.read)), median(runs.map((r) => r.total))];
  console.log(`${runs[0].name.padEnd(24)}  ${read.padStart(7)}  ${total.padStart(7)}`);
}
