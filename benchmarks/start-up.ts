/**
 * What a first-time user waits for: process time of the built command beyond Node's own start. Needs `npm run build`.
 *
 * Runs are interleaved, so that a busy machine slows all of them; compare only within one run.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const RUNS = Number(process.argv[2] ?? 21);
const COMMAND = 'dist/cli/main.cjs';
const MODEL = 'examples/phi-3-mini-4k.gguf';

const VARIANTS: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['node -e 0', ['-e', '0']],
  ['--version', [COMMAND, '--version']],
  ['measure --help', [COMMAND, 'measure', '--help']],
  ['measure model.gguf', [COMMAND, 'measure', MODEL]],
  ['measure --json', [COMMAND, 'measure', '--json', MODEL]],
  ['plan model.gguf', [COMMAND, 'plan', MODEL]],
];

if (!existsSync(COMMAND)) {
  console.error(`${COMMAND} is missing: run npm run build first.`);
  process.exit(1);
}

const times = VARIANTS.map(() => [] as number[]);
for (let run = 0; run < RUNS; run++) {
  VARIANTS.forEach(([name, args], variant) => {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args);
    if (status !== 0) throw new Error(`${name}: ${stderr.toString()}`);
    times[variant].push(performance.now() - start);
  });
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const node = times[0];
console.log(
  `Process time in ms, median of ${RUNS}; “beyond” is the median difference to Node's own start in the same round.`,
);
VARIANTS.forEach(([name], variant) => {
  const beyond = median(times[variant].map((time, run) => time - node[run]));
  const columns = [median(times[variant]), Math.min(...times[variant]), beyond].map((ms) => ms.toFixed(1).padStart(7));
  console.log(`${name.padEnd(20)} median ${columns[0]}   least ${columns[1]}   beyond ${columns[2]}`);
});
