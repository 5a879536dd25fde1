/**
 * `npm run bench:devices`: models on a machine with two GPUs, warm: from a header's bytes on disk to what each device takes
 * (the goal is under 30 ms), and what fits there, our way and llama.cpp's (under 300 ms). Compare only within one run.
 */
import { readdirSync } from 'node:fs';
import { cudaDevice } from '../src/device/cuda.js';
import { readGguf } from '../src/gguf/gguf.js';
import { fitAsLlamaCpp } from '../src/models/fit/llama-cpp.js';
import { fitModel } from '../src/models/fit/fit-model.js';
import { measureModel } from '../src/models/measure-model.js';
import { projectPath, sharedIsPresent, sharedPath } from '../test/support/shared-data.js';

const RUNS = Number(process.argv[2] ?? 15);
const WARM_UP_RUNS = 4;
const GIB = 2 ** 30;

const devices = [cudaDevice({ totalBytes: 8 * GIB }), cudaDevice({ totalBytes: 6 * GIB, index: 1 })];
const files = sharedIsPresent
  ? readdirSync(sharedPath('gguf')).map((name) => sharedPath('gguf', name))
  : [projectPath('examples/phi-3-mini-4k.gguf')];

async function measure(file: string): Promise<number[]> {
  const start = performance.now();
  const gguf = await readGguf(file);
  measureModel(gguf, { devices });
  const answered = performance.now();
  fitModel(gguf, devices);
  const fitted = performance.now();
  fitAsLlamaCpp(gguf, { devices });
  return [answered - start, fitted - answered, performance.now() - fitted];
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];

for (let run = 0; run < WARM_UP_RUNS; run++) for (const file of files) await measure(file);
console.log(`${'header'.padEnd(24)}  header to answer ms  fit ms  fit as llama.cpp ms, medians of ${RUNS}`);
for (const file of files) {
  const runs: number[][] = [];
  for (let run = 0; run < RUNS; run++) runs.push(await measure(file));
  const [answer, fit, asLlamaCpp] = [0, 1, 2].map((column) => median(runs.map((row) => row[column])).toFixed(0));
  const name = file.split(/[\\/]/).at(-1)!;
  console.log(`${name.padEnd(24)}  ${answer.padStart(19)}  ${fit.padStart(6)}  ${asLlamaCpp.padStart(19)}`);
}
