/**
 * `npm run bench:solver [-- LETTER…]`: the published placement problems, ours against MiniMalloc where its program is present.
 *
 * MiniMalloc is run beside, in turn, on the very same copies, if the environment variable MINIMALLOC names its executable;
 * its milliseconds are those of its process. Ours include everything from the `Problem` on, in one process; `first` is
 * the first time that the process sees the copy, and the ratio is to it.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { solve } from '../src/alloc/solve.js';
import type { Solution, SolveOptions } from '../src/alloc/solution.js';
import { parseProblemCsv, type CsvProblem } from '../src/problem/csv.js';
import { createProblem, type Buffer, type Problem } from '../src/problem/problem.js';
import { verifyPlacement } from '../src/verify/placement.js';
import { listProblems, readProblemCsv, sharedIsPresent } from '../test/support/shared-data.js';

const CAPACITY = 1048576;
const SCALE = 3;
const REPETITIONS = 5;
/** The ones whose minimum is hard to find or to prove. */
const MINIMISED = ['C', 'D', 'J'];
const MINIMISING_STEPS = 2_000_000;

/** A problem with the capacity that is asked for. */
interface Copy {
  readonly buffers: readonly Buffer[];
  readonly capacity: number;
}

function buffersOf({ problem, lowers, uppers }: CsvProblem): Buffer[] {
  return [...lowers].map((start, b) => ({ size: problem.sizes[b], start, end: uppers[b] }));
}

/** A shuffle that is the same for the same seed. */
function shuffled(buffers: readonly Buffer[], seed: number): Buffer[] {
  let state = seed;
  const keys = buffers.map(() => (state = (state * 48271) % 2147483647));
  const order = buffers.map((_, b) => b).sort((a, b) => keys[a] - keys[b]);
  return order.map((b) => buffers[b]);
}

function mirrored(buffers: readonly Buffer[]): Buffer[] {
  const last = buffers.reduce((most, { end }) => Math.max(most, end), 0);
  return buffers.map((b) => ({ ...b, start: last - b.end, end: last - b.start }));
}

const rescaled = (buffers: readonly Buffer[]): Buffer[] => buffers.map((b) => ({ ...b, size: b.size * SCALE }));

const VARIANTS: readonly (readonly [string, (buffers: readonly Buffer[]) => Copy])[] = [
  ['as it is', (buffers) => ({ buffers, capacity: CAPACITY })],
  ...[1, 2, 3].map((seed) => {
    return [
      `shuffled ${seed}`,
      (buffers: readonly Buffer[]) => ({ buffers: shuffled(buffers, seed), capacity: CAPACITY }),
    ] as const;
  }),
  ['mirrored', (buffers) => ({ buffers: mirrored(buffers), capacity: CAPACITY })],
  ['rescaled', (buffers) => ({ buffers: rescaled(buffers), capacity: CAPACITY * SCALE })],
];

function timed(problem: Problem, options: SolveOptions): { ms: number; solution: Solution } {
  const start = performance.now();
  const solution = solve(problem, options);
  const ms = performance.now() - start;
  if (verifyPlacement(problem, solution).length > 0) throw new Error('The placement is invalid.');
  return { ms, solution };
}

/** Milliseconds of MiniMalloc's process on the very same copy, or NaN without its program. */
function miniMallocMs({ buffers, capacity }: Copy): number {
  const program = process.env.MINIMALLOC;
  if (program === undefined) return NaN;
  const folder = mkdtempSync(join(tmpdir(), 'minimalloc-'));
  const input = join(folder, 'in.csv');
  const rows = buffers.map(({ size, start, end }, b) => `${b},${start},${end},${size}\n`);
  writeFileSync(input, `id,lower,upper,size\n${rows.join('')}`);
  const start = performance.now();
  const args = [`--capacity=${capacity}`, `--input=${input}`, `--output=${join(folder, 'out.csv')}`];
  execFileSync(program, args, { stdio: 'ignore' });
  const ms = performance.now() - start;
  rmSync(folder, { recursive: true });
  return ms;
}

const line = (cells: readonly string[]): string =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(24) : cell.padStart(14))).join('');

/** What each variant of a problem took, in the order of `VARIANTS`. */
function benchProblem(name: string): { readonly firstMs: number; readonly ratios: readonly number[] } {
  const buffers = buffersOf(parseProblemCsv(readProblemCsv(name)));
  let firstMs = NaN;
  const ratios = VARIANTS.map(([variant, change]) => {
    const copy = change(buffers);
    const problem = createProblem(copy.buffers);
    const { capacity } = copy;
    const first = timed(problem, { capacity });
    if (Number.isNaN(firstMs)) firstMs = first.ms;
    let best = first.ms;
    for (let i = 1; i < REPETITIONS; i++) best = Math.min(best, timed(problem, { capacity }).ms);
    const peer = miniMallocMs(copy);
    const ratio = peer / first.ms;
    const { status, steps } = first.solution;
    const milliseconds = [first.ms, best, peer].map((ms) => ms.toFixed(1));
    console.log(line([name, variant, status, `${steps}`, ...milliseconds, ratio.toFixed(0)]));
    return ratio;
  });
  return { firstMs, ratios };
}

/** All problems, or those whose letters are given. */
function benchSolver(letters: readonly string[]): void {
  if (!sharedIsPresent) {
    console.log('Placement problems: skipped, they are read from ../shared, which is not there.');
    return;
  }
  if (process.env.MINIMALLOC === undefined) {
    console.log('MiniMalloc is not run: the environment variable MINIMALLOC names no program.');
  }
  const isAsked = (name: string): boolean =>
    letters.length === 0 || letters.some((letter) => name.includes(`/${letter}.`));
  const names = listProblems().filter((name) => name.startsWith('minimalloc/') && isAsked(name));
  console.log(line(['problem', 'variant', 'status', 'steps', 'first ms', 'best ms', 'MiniMalloc ms', 'ratio']));
  const results = names.map(benchProblem);
  const total = results.reduce((sum, { firstMs }) => sum + firstMs, 0);
  console.log(`together, as they are: ${total.toFixed(0)} ms`);
  if (process.env.MINIMALLOC !== undefined) {
    VARIANTS.forEach(([variant], v) => {
      const ratios = results.map((result) => result.ratios[v]);
      const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
      const least = Math.min(...ratios).toFixed(0);
      console.log(
        `${variant}: MiniMalloc takes ${mean.toFixed(0)} times as long on geometric average, at least ${least} times`,
      );
    });
  }
  for (const letter of MINIMISED) {
    const { problem } = parseProblemCsv(readProblemCsv(`minimalloc/${letter}.${CAPACITY}`));
    const { ms, solution } = timed(problem, { maxSteps: MINIMISING_STEPS });
    const { status, peak, lowerBound, steps } = solution;
    const range = peak === lowerBound ? `${peak}` : `from ${lowerBound} to ${peak}`;
    console.log(`minimum of ${letter}: ${range}, ${status}, ${steps} steps, ${ms.toFixed(1)} ms`);
  }
}

benchSolver(process.argv.slice(2));
