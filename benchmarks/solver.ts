/**
 * `npm run bench:solver`: the published placement problems, ours against MiniMalloc where its program is present.
 *
 * MiniMalloc is run beside, in turn, if the environment variable MINIMALLOC names its executable. Milliseconds include
 * everything from the `Problem` on, in one process; `first` is the first time that the process sees the problem.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { solve } from '../src/alloc/solve.js';
import { parseProblemCsv, type CsvProblem } from '../src/problem/csv.js';
import { createProblem, type Buffer, type Problem } from '../src/problem/problem.js';
import { verifyPlacement } from '../src/verify/placement.js';
import { listProblems, readProblemCsv, sharedIsPresent, sharedPath } from '../test/support/shared-data.js';

const CAPACITY = 1048576;
const SCALE = 3;
const REPETITIONS = 5;

if (!sharedIsPresent) throw new Error('The problems are read from ../shared, which is not there.');
const names = listProblems().filter((name) => name.startsWith('minimalloc/'));

function buffersOf({ problem, lowers, uppers }: CsvProblem): Buffer[] {
  return [...lowers].map((start, b) => ({ size: problem.sizes[b], start, end: uppers[b] }));
}

/** A fixed shuffle. */
function shuffled(buffers: Buffer[]): Buffer[] {
  let state = 1;
  const keys = buffers.map(() => (state = (state * 48271) % 2147483647));
  return buffers
    .map((_, b) => b)
    .sort((a, b) => keys[a] - keys[b])
    .map((b) => buffers[b]);
}

const VARIANTS: [string, number, (buffers: Buffer[]) => Buffer[]][] = [
  ['shuffled', 1, shuffled],
  ['mirrored', 1, (buffers) => buffers.map((b) => ({ ...b, start: -b.end, end: -b.start }))],
  ['rescaled', SCALE, (buffers) => buffers.map((b) => ({ ...b, size: b.size * SCALE }))],
];

function timed(problem: Problem, capacity?: number): { ms: number; solution: ReturnType<typeof solve> } {
  const start = performance.now();
  const solution = solve(problem, capacity === undefined ? {} : { capacity });
  const ms = performance.now() - start;
  if (verifyPlacement(problem, solution).length > 0) throw new Error('The placement is invalid.');
  return { ms, solution };
}

/** Seconds that MiniMalloc reports for itself, or NaN. */
function miniMallocSeconds(name: string): number {
  const program = process.env.MINIMALLOC;
  if (program === undefined) return NaN;
  const folder = mkdtempSync(join(tmpdir(), 'minimalloc-'));
  const start = performance.now();
  execFileSync(
    program,
    [
      `--capacity=${CAPACITY}`,
      `--input=${sharedPath('problems', `${name}.csv`)}`,
      `--output=${join(folder, 'out.csv')}`,
    ],
    { stdio: 'ignore' },
  );
  rmSync(folder, { recursive: true });
  return (performance.now() - start) / 1000;
}

const columns = [
  'status',
  'steps',
  'first ms',
  'best ms',
  ...VARIANTS.map(([name]) => `${name} ms`),
  'MiniMalloc ms',
  'ratio',
];
const line = (cells: string[]): string =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(24) : cell.padStart(14))).join('');
console.log(line(['problem', ...columns]));
let total = 0;
let logarithms = 0;
let worst = Infinity;
for (const name of names) {
  const csv = parseProblemCsv(readProblemCsv(name));
  const first = timed(csv.problem, CAPACITY);
  let best = first.ms;
  for (let i = 1; i < REPETITIONS; i++) best = Math.min(best, timed(csv.problem, CAPACITY).ms);
  const others = VARIANTS.map(([, scale, change]) => timed(createProblem(change(buffersOf(csv))), CAPACITY * scale));
  const peer = 1000 * miniMallocSeconds(name);
  const ratio = peer / first.ms;
  total += first.ms;
  logarithms += Math.log(ratio);
  worst = Math.min(worst, ratio);
  const milliseconds = [first.ms, best, ...others.map(({ ms }) => ms), peer].map((ms) => ms.toFixed(1));
  console.log(line([name, first.solution.status, `${first.solution.steps}`, ...milliseconds, ratio.toFixed(0)]));
}
const mean = Math.exp(logarithms / names.length);
console.log(
  `together ${total.toFixed(0)} ms; against MiniMalloc: mean ${mean.toFixed(0)} times, least ${worst.toFixed(0)} times`,
);

const graphLike = parseProblemCsv(readProblemCsv('minimalloc/C.1048576')).problem;
const minimum = timed(graphLike);
const { status, peak } = minimum.solution;
console.log(`minimum of C: ${peak}, ${status}, in ${minimum.ms.toFixed(1)} ms`);
