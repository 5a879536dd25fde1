/**
 * `npm run bench:sweep`: 1,000 configurations of a model, in milliseconds; the goal is under 5,000. Compare only within
 * one run.
 */
import { readGguf } from '../src/gguf/gguf.js';
import { gridSize, sweepModel, type SweepGrid } from '../src/models/sweep-model.js';
import { projectPath, sharedIsPresent, sharedPath } from '../test/support/shared-data.js';

const RUNS = Number(process.argv[2] ?? 5);

const GRID: SweepGrid = {
  ctxSize: Array.from({ length: 25 }, (_, index) => 1024 * (index + 1)),
  ubatchSize: [128, 256, 512, 1024, 2048],
  parallel: [1, 4],
  flashAttention: ['on', 'off'],
  cacheTypeK: ['f16', 'q8_0'],
};

const MODELS = [
  projectPath('examples/phi-3-mini-4k.gguf'),
  ...(sharedIsPresent ? [sharedPath('gguf/llama-3.1-8b.gguf'), sharedPath('gguf/qwen3-30b-a3b.gguf')] : []),
];

for (const file of MODELS) {
  const gguf = await readGguf(file);
  const times = Array.from({ length: RUNS }, () => {
    const start = performance.now();
    let rows = 0;
    for (const row of sweepModel(gguf, GRID)) rows += row.refusal === null ? 1 : 0;
    if (rows !== gridSize(GRID)) throw new Error(`${rows} of ${gridSize(GRID)} configurations were measured`);
    return performance.now() - start;
  });
  const sorted = times.map(Math.round).sort((a, b) => a - b);
  console.log(`${gguf.name.padEnd(24)} median ${sorted[RUNS >> 1]} ms of ${RUNS}: ${sorted.join(', ')}`);
}
