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
  flashAttention: [true, false],
  cacheTypeK: ['f16', 'q8_0'],
};

/** Caches of keys and values that are one must have one type. */
const LATENT_GRID: SweepGrid = { ...GRID, cacheTypeK: ['f16'], swaFull: [false, true] };

const MODELS = [
  projectPath('examples/phi-3-mini-4k.gguf'),
  ...(sharedIsPresent ? ['llama-3.1-8b', 'mixtral-8x7b', 'deepseek-v2-lite', 'qwen3-30b-a3b'] : []).map((name) =>
    sharedPath(`gguf/${name}.gguf`),
  ),
];

for (const file of MODELS) {
  const gguf = await readGguf(file);
  const grid = gguf.metadata['general.architecture'] === 'deepseek2' ? LATENT_GRID : GRID;
  const times = Array.from({ length: RUNS }, () => {
    const start = performance.now();
    let rows = 0;
    for (const row of sweepModel(gguf, grid)) rows += row.refusal === null ? 1 : 0;
    if (rows !== gridSize(grid)) throw new Error(`${rows} of ${gridSize(grid)} configurations were measured`);
    return performance.now() - start;
  });
  const sorted = times.map(Math.round).sort((a, b) => a - b);
  console.log(`${gguf.name.padEnd(24)} median ${sorted[RUNS >> 1]} ms of ${RUNS}: ${sorted.join(', ')}`);
}
