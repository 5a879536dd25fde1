/**
 * `npx tsx benchmarks/large.ts [name…]`: huge placement problems, each in a process of its own.
 *
 * Prints the gap, the time of one cold call, processor time and the largest resident memory of the whole process, Node
 * and the parsed problem included, and what the heap and typed arrays hold right after the call. Figures of idealloc were taken on another day: its time and memory only say in which
 * region it is. The random problems have 1,000,000 buffers each.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { placeLarge } from '../src/alloc/large/place-large.js';
import { parseProblemCsv } from '../src/problem/csv.js';
import { createProblem, type Problem } from '../src/problem/problem.js';
import { verifyPlacement } from '../src/verify/placement.js';
import { nested, network, uniform, type Generator } from '../test/support/random-problems.js';
import { readProblemCsv, sharedIsPresent, sharedPath } from '../test/support/shared.js';
import { readFileSync } from 'node:fs';

const RANDOM: Readonly<Record<string, Generator>> = { uniform, nested, network };
const RANDOM_COUNT = 1_000_000;
const PUBLISHED = ['G_1', 'resnet50', 'pangu_2.6B', 'S_1', 'Y_1'];

interface Anchor {
  readonly lowerBound: number;
  readonly peak: number;
  readonly seconds: number;
  readonly residentMB: number;
}

/** All problems, or the named ones. */
export function benchLarge(names: readonly string[] = []): void {
  if (!sharedIsPresent)
    console.log('Published huge problems: skipped, they are read from ../shared, which is not there.');
  runAll(names.length > 0 ? names : [...(sharedIsPresent ? PUBLISHED : []), ...Object.keys(RANDOM)]);
}

function runAll(problems: readonly string[]): void {
  console.log(
    'problem        buffers             peak       gap     time      cpu  resident  heap and columns   idealloc: gap, time, memory',
  );
  for (const name of problems) {
    const script = fileURLToPath(import.meta.url);
    const { stdout, status } = spawnSync(process.execPath, [...process.execArgv, script, '--one', name], {
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
    });
    process.stdout.write(stdout);
    if (status !== 0) process.exitCode = 1;
  }
  console.log('idealloc was measured on another day: compare peaks; of time and memory only the order of magnitude.');
}

function runOne(name: string): void {
  const problem = load(name);
  const cpuBefore = process.cpuUsage();
  const begin = performance.now();
  const result = placeLarge(problem);
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const inProcessMB = (heapUsed + arrayBuffers) / 2 ** 20;
  const residentMB = process.resourceUsage().maxRSS / 1024;
  const violations = verifyPlacement(problem, result);
  if (violations.length > 0) throw new Error(`${name}: ${violations[0].message}`);
  const columns = [
    name.padEnd(11),
    String(problem.bufferCount).padStart(10),
    String(result.peak).padStart(16),
    percent(result.peak / result.lowerBound - 1).padStart(9),
    `${seconds.toFixed(3)} s`.padStart(8),
    `${((user + system) / 1e6).toFixed(3)} s`.padStart(8),
    `${residentMB.toFixed(0)} MB`.padStart(9),
    `${inProcessMB.toFixed(0)} MB`.padStart(17),
  ];
  console.log(`${columns.join(' ')}   ${describeAnchor(name)}`);
}

function load(name: string): Problem {
  const generate = RANDOM[name];
  return generate === undefined
    ? parseProblemCsv(readProblemCsv(`large/${name}`)).problem
    : createProblem(generate(RANDOM_COUNT, 1));
}

function describeAnchor(name: string): string {
  if (!PUBLISHED.includes(name)) return '-';
  const anchors = JSON.parse(readFileSync(sharedPath('anchors.json'), 'utf8')) as Record<
    string,
    Record<string, Anchor>
  >;
  const { peak, lowerBound, seconds, residentMB } = anchors['idealloc (Rust, release), half-open, one life'][name];
  return `${percent(peak / lowerBound - 1)}, ${seconds} s, ${residentMB} MB`;
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(4)} %`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [mode, ...names] = process.argv.slice(2);
  if (mode === '--one') runOne(names[0]);
  else benchLarge(mode === undefined ? [] : [mode, ...names]);
}
