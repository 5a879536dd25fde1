/**
 * `npm run bench:large [-- NAME…]`: huge placement problems, each in a process of its own.
 *
 * Prints the gap, the time of the first call of `solve` and the median of nine more, and the largest resident memory of the
 * whole process, Node and the parsed problem included. If the environment variable IDEALLOC names idealloc's executable, it is run in turn
 * on the same problem, with one life and half-open ranges: its time is what it says of the allocation alone, its memory
 * that of its process. Ratios are ours to its: of the time to our own answer, first and warm, of the time to any peak below
 * its, and of memory. The random problems have 1,000,000 buffers each, and are solved once.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { solve } from '../src/solver/search/solve.js';
import { parseProblemCsv } from '../src/problem/csv.js';
import { createProblem, type Problem } from '../src/problem/problem.js';
import { verifyPlacement } from '../src/verify/placement.js';
import { nested, network, uniform, type Generator } from '../test/support/random-problems.js';
import { readProblemCsv, sharedIsPresent } from '../test/support/shared.js';

const RANDOM: Readonly<Record<string, Generator>> = { uniform, nested, network };
const RANDOM_COUNT = 1_000_000;
const PUBLISHED = ['G_1', 'resnet50', 'pangu_2.6B', 'S_1', 'Y_1'];
const WARM_RUNS = 9;
/** Reports the largest resident memory of what it runs, in KB. */
const TIME_COMMAND = '/usr/bin/time';

const { IDEALLOC } = process.env;

interface Result {
  readonly bufferCount: number;
  readonly peak: number;
  readonly gap: number;
  readonly status: string;
  readonly firstMs: number;
  /** Null where the problem is solved once. */
  readonly warmMs: number | null;
  readonly residentMB: number;
}

interface PeerResult {
  readonly peak: number;
  readonly ms: number;
  readonly residentMB: number;
}

function runAll(names: readonly string[]): void {
  if (!sharedIsPresent) console.log('Published problems: skipped, they are read from ../shared, which is not there.');
  if (IDEALLOC === undefined) console.log('idealloc is not run: the environment variable IDEALLOC names no program.');
  const problems = names.length > 0 ? names : [...(sharedIsPresent ? PUBLISHED : []), ...Object.keys(RANDOM)];
  const nodeAlone = Number(execFileSync(process.execPath, ['-p', 'process.resourceUsage().maxRSS'])) / 1024;
  console.log(`Node alone: ${nodeAlone.toFixed(0)} MB\n`);
  console.log(
    'problem        buffers             peak       gap    status   first ms    warm ms        MB | idealloc       gap         ms        MB | ratios: first, warm; below its peak first, warm; memory, without Node',
  );
  for (const name of problems) {
    const result = inOwnProcess(name);
    const peer = PUBLISHED.includes(name) && IDEALLOC !== undefined ? runPeer(name, IDEALLOC) : null;
    const columns = [describe(name, result)];
    if (peer !== null) {
      const below = inOwnProcess(name, peer.peak - 1);
      columns.push(describePeer(result, peer), comparison(result, below, peer, nodeAlone));
    }
    console.log(columns.join(' | '));
  }
}

/** `capacity`: bytes that the peak may have, whether or not less is possible. */
function inOwnProcess(name: string, capacity?: number): Result {
  const script = fileURLToPath(import.meta.url);
  const args = [...process.execArgv, script, '--one', name, ...(capacity === undefined ? [] : [String(capacity)])];
  const { stdout, status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (status !== 0) throw new Error(`${name} failed`);
  return JSON.parse(String(stdout)) as Result;
}

function runOne(name: string, capacity?: number): Result {
  const problem = load(name);
  const timed = (): [ReturnType<typeof solve>, number] => {
    const begin = performance.now();
    return [solve(problem, { capacity }), performance.now() - begin];
  };
  const [solution, firstMs] = timed();
  const residentMB = process.resourceUsage().maxRSS / 1024;
  const violations = verifyPlacement(problem, solution);
  if (violations.length > 0) throw new Error(`${name}: ${violations[0].message}`);
  const warm = name in RANDOM ? [] : Array.from({ length: WARM_RUNS }, () => timed()[1]).sort((a, b) => a - b);
  return {
    bufferCount: problem.bufferCount,
    peak: solution.bufferSize,
    gap: solution.bufferSize / solution.lowerBound - 1,
    status: solution.status,
    firstMs,
    warmMs: warm.length === 0 ? null : warm[WARM_RUNS >> 1],
    residentMB,
  };
}

function load(name: string): Problem {
  const generate = RANDOM[name];
  return generate === undefined
    ? parseProblemCsv(readProblemCsv(`large/${name}`)).problem
    : createProblem(generate(RANDOM_COUNT, 1));
}

function runPeer(name: string, program: string): PeerResult {
  if (!existsSync(TIME_COMMAND)) throw new Error(`${TIME_COMMAND} is needed to measure idealloc's memory`);
  const folder = mkdtempSync(join(tmpdir(), 'idealloc-'));
  const input = join(folder, 'in.csv');
  writeFileSync(input, readProblemCsv(`large/${name}`));
  const { stdout, stderr } = spawnSync(TIME_COMMAND, ['-f', '%M', program, '-i', input, '-l', '1', 'ex-csv'], {
    encoding: 'utf8',
  });
  rmSync(folder, { recursive: true });
  const numberAfter = (label: string): number => Number(new RegExp(`${label}\\s*(\\d+)`).exec(stdout)?.[1]);
  return {
    peak: numberAfter('Makespan:'),
    ms: numberAfter('allocation time:') / 1000,
    residentMB: Number(/(\d+)\s*$/.exec(stderr)?.[1]) / 1024,
  };
}

function describe(name: string, { bufferCount, peak, gap, status, firstMs, warmMs, residentMB }: Result): string {
  return [
    name.padEnd(11),
    String(bufferCount).padStart(10),
    String(peak).padStart(16),
    percent(gap).padStart(9),
    status.padStart(9),
    firstMs.toFixed(1).padStart(10),
    (warmMs?.toFixed(1) ?? '-').padStart(10),
    residentMB.toFixed(0).padStart(9),
  ].join(' ');
}

function describePeer({ peak, gap }: Result, peer: PeerResult): string {
  const lowerBound = peak / (1 + gap);
  return [
    percent(peer.peak / lowerBound - 1).padStart(18),
    peer.ms.toFixed(1).padStart(10),
    peer.residentMB.toFixed(0).padStart(9),
  ].join(' ');
}

function comparison(result: Result, below: Result, peer: PeerResult, nodeAlone: number): string {
  const times = ({ firstMs, warmMs }: Result): string => `${ratio(firstMs, peer.ms)}, ${ratio(warmMs ?? NaN, peer.ms)}`;
  const { residentMB } = result;
  const memory = `${ratio(residentMB, peer.residentMB)}, ${ratio(residentMB - nodeAlone, peer.residentMB)}`;
  return `${times(result)}; ${times(below)}; ${memory}`;
}

function ratio(ours: number, its: number): string {
  return (ours / its).toFixed(2);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(4)} %`;
}

const [mode, name, capacity] = process.argv.slice(2);
if (mode === '--one') console.log(JSON.stringify(runOne(name, capacity === undefined ? undefined : Number(capacity))));
else runAll(process.argv.slice(2));
