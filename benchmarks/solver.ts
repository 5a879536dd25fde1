/**
 * `npm run bench:solver [-- LETTER…]`: the published placement problems, ours against MiniMalloc where its program is present.
 *
 * Three things are measured, since compilation takes half of a first call: `in a row`, the first call for each problem, one after the
 * other in one process; `alone`, the first call in a process of its own; `warm`, the best of five more calls. All
 * include everything from the `Problem` on. MiniMalloc is run in turn with them on the very same copies if the environment
 * variable MINIMALLOC names its executable, which should be built with `-O3 -DNDEBUG`; its milliseconds are those of its process.
 * A round does each once; figures are medians over rounds.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { solve } from '../src/solver/search/solve.js';
import type { Solution, SolveOptions } from '../src/solver/search/solution.js';
import { parseProblemCsv, type CsvProblem } from '../src/problem/csv.js';
import { createProblem, type BufferSpec, type Problem } from '../src/problem/problem.js';
import { verifyPlacement } from '../src/verify/placement.js';
import { listProblems, readProblemCsv, sharedIsPresent } from '../test/support/shared-data.js';

const CAPACITY = 1048576;
const SCALE = 3;
const WARM_CALLS = 5;
/** Rounds of the problems as they are; their copies get one. */
const ROUNDS = 5;
/** The first argument of a process that takes samples; the variant and the problems follow. */
const SAMPLE = '--sample';
/** The ones whose minimum is hard to find or to prove. */
const MINIMISED = ['C', 'D', 'J'];
const MINIMISING_EFFORT = 2_000_000;

/** A problem with the capacity that is asked for. */
interface Copy {
  readonly buffers: readonly BufferSpec[];
  readonly capacity: number;
}

function buffersOf({ problem, lowers, uppers }: CsvProblem): BufferSpec[] {
  return [...lowers].map((start, b) => ({ size: problem.sizes[b], start, end: uppers[b] }));
}

/** A shuffle that is the same for the same seed. */
function shuffled(buffers: readonly BufferSpec[], seed: number): BufferSpec[] {
  let state = seed;
  const keys = buffers.map(() => (state = (state * 48271) % 2147483647));
  const order = buffers.map((_, b) => b).sort((a, b) => keys[a] - keys[b]);
  return order.map((b) => buffers[b]);
}

function mirrored(buffers: readonly BufferSpec[]): BufferSpec[] {
  const last = buffers.reduce((most, { end }) => Math.max(most, end), 0);
  return buffers.map((b) => ({ ...b, start: last - b.end, end: last - b.start }));
}

const rescaled = (buffers: readonly BufferSpec[]): BufferSpec[] => buffers.map((b) => ({ ...b, size: b.size * SCALE }));

const VARIANTS: readonly (readonly [string, (buffers: readonly BufferSpec[]) => Copy])[] = [
  ['as it is', (buffers) => ({ buffers, capacity: CAPACITY })],
  ...[1, 2, 3].map((seed) => {
    return [
      `shuffled ${seed}`,
      (buffers: readonly BufferSpec[]) => ({ buffers: shuffled(buffers, seed), capacity: CAPACITY }),
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
  cells.map((cell, i) => (i === 0 ? cell.padEnd(24) : cell.padStart(12))).join('');

/** What a process measured, one entry per problem. */
interface Sample {
  readonly firstMs: number[];
  readonly warmMs: number[];
  readonly efforts: number[];
  readonly statuses: string[];
}

/** Calls `solve` for the first time for each problem, and then for all of them again and again. */
function takeSample(variant: number, names: readonly string[]): Sample {
  const copies = names.map((name) => copyOf(name, variant));
  const problems = copies.map(({ buffers }) => createProblem(buffers));
  const callAll = (): { ms: number; solution: Solution }[] =>
    problems.map((problem, i) => timed(problem, { capacity: copies[i].capacity }));
  const first = callAll();
  const more = Array.from({ length: WARM_CALLS }, callAll);
  return {
    firstMs: first.map(({ ms }) => ms),
    warmMs: first.map((_, i) => Math.min(...more.map((calls) => calls[i].ms))),
    efforts: first.map(({ solution }) => solution.effort),
    statuses: first.map(({ solution }) => solution.status),
  };
}

/** The same in a fresh process. */
function sampleOf(variant: number, names: readonly string[]): Sample {
  const output = execFileSync(process.execPath, [process.argv[1], SAMPLE, `${variant}`, ...names], {
    encoding: 'utf8',
  });
  return JSON.parse(output) as Sample;
}

function copyOf(name: string, variant: number): Copy {
  return VARIANTS[variant][1](buffersOf(parseProblemCsv(readProblemCsv(name))));
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** One variant of all problems: a table, and what it comes to. */
function benchVariant(variant: number, names: readonly string[], roundCount: number): void {
  const rounds = Array.from({ length: roundCount }, () => ({
    row: sampleOf(variant, names),
    alone: names.map((name) => sampleOf(variant, [name])),
    peer: names.map((name) => miniMallocMs(copyOf(name, variant))),
  }));
  const over = (pick: (round: (typeof rounds)[number], i: number) => number): number[] =>
    names.map((_, i) => median(rounds.map((round) => pick(round, i))));
  const peer = over((round, i) => round.peer[i]);
  const columns = {
    'in a row': over((round, i) => round.row.firstMs[i]),
    alone: over((round, i) => round.alone[i].firstMs[0]),
    warm: over((round, i) => round.row.warmMs[i]),
  };
  console.log(`\n${VARIANTS[variant][0]}, ms, medians of ${roundCount}:`);
  console.log(line(['problem', 'status', 'effort', ...Object.keys(columns), 'MiniMalloc', 'in a row ×']));
  names.forEach((name, i) => {
    const { statuses, efforts } = rounds[0].row;
    const times = [...Object.values(columns).map((times) => times[i]), peer[i]].map((ms) => ms.toFixed(1));
    console.log(line([name, statuses[i], `${efforts[i]}`, ...times, (peer[i] / columns['in a row'][i]).toFixed(0)]));
  });
  for (const [title, times] of Object.entries(columns)) {
    const ratios = times.map((ms, i) => peer[i] / ms);
    const mean = Math.exp(sum(ratios.map(Math.log)) / ratios.length);
    const against = Number.isNaN(mean)
      ? ''
      : `; MiniMalloc takes ${mean.toFixed(0)} times as long (geometric mean), at least ${Math.min(...ratios).toFixed(0)} times`;
    console.log(`${title}: ${sum(times).toFixed(0)} ms together${against}`);
  }
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
  VARIANTS.forEach((_, variant) => benchVariant(variant, names, variant === 0 ? ROUNDS : 1));
  for (const letter of MINIMISED) {
    const { problem } = parseProblemCsv(readProblemCsv(`minimalloc/${letter}.${CAPACITY}`));
    const { ms, solution } = timed(problem, { maxEffort: MINIMISING_EFFORT });
    const { status, bufferSize, lowerBound, effort } = solution;
    const range = bufferSize === lowerBound ? `${bufferSize}` : `from ${lowerBound} to ${bufferSize}`;
    console.log(`minimum of ${letter}: ${range}, ${status}, effort ${effort}, ${ms.toFixed(1)} ms`);
  }
}

const [first, ...rest] = process.argv.slice(2);
if (first === SAMPLE) console.log(JSON.stringify(takeSample(Number(rest[0]), rest.slice(1))));
else benchSolver(process.argv.slice(2));
