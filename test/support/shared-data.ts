/**
 * The test data that lives beside the project, in `../shared`: real graphs, random graphs and placement problems.
 * Tests take it from `shared.ts`, which also says what happens when it is absent; benchmarks take it from here.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const PROJECT_ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const SHARED_ROOT = resolve(PROJECT_ROOT, '../shared');

/** Whether the data is there. */
export const sharedIsPresent = existsSync(join(SHARED_ROOT, 'graphs'));

/** The absolute path of a file of this project. */
export function projectPath(...parts: string[]): string {
  return join(PROJECT_ROOT, ...parts);
}

/** The absolute path of a shared file, whether or not it exists. */
export function sharedPath(...parts: string[]): string {
  return join(SHARED_ROOT, ...parts);
}

/**
 * The names of the real graphs, sorted, such as `llama/phi-3-mini-4k.c4096-b512.pp`.
 * Empty when the data is absent, so a test may be declared per graph in either case.
 */
export function listGraphs(family?: 'llama' | 'diffusion'): string[] {
  if (!sharedIsPresent) return [];
  const families = family ? [family] : ['diffusion', 'llama'];
  return families.flatMap((folder) =>
    readdirSync(sharedPath('graphs', folder))
      .filter((file) => file.endsWith('.json.gz'))
      .map((file) => `${folder}/${file.slice(0, -'.json.gz'.length)}`)
      .sort(),
  );
}

/** The parsed graph JSON of one of {@link listGraphs}. */
export function readGraph(name: string): unknown {
  return JSON.parse(readText('graphs', `${name}.json.gz`));
}

/** The names of the small graphs of every architecture with these options, such as `c512-b64.pp`, sorted. */
export function listArchitectureGraphs(options: string): string[] {
  if (!sharedIsPresent) return [];
  const ending = `.${options}.json.gz`;
  const files = readdirSync(sharedPath('archs')).filter((file) => file.endsWith(ending));
  return files.map((file) => file.slice(0, -'.json.gz'.length)).sort();
}

/** The parsed graph JSON of one of {@link listArchitectureGraphs}. */
export function readArchitectureGraph(name: string): unknown {
  return JSON.parse(readText('archs', `${name}.json.gz`));
}

/** The 200 random graphs as parsed graph JSON, in file order. */
export function readRandomGraphs(): unknown[] {
  const lines = readText('graphs', 'random.ndjson.gz').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as unknown);
}

/** The names of the placement problems, sorted, such as `minimalloc/A.1048576` or `large/pangu_2.6B`. */
export function listProblems(): string[] {
  if (!sharedIsPresent) return [];
  return ['large', 'minimalloc'].flatMap((folder) =>
    readdirSync(sharedPath('problems', folder))
      .map((file) => `${folder}/${file.replace(/\.csv(\.gz)?$/, '')}`)
      .sort(),
  );
}

/** The CSV text of one of {@link listProblems}. */
export function readProblemCsv(name: string): string {
  const plain = `${name}.csv`;
  return existsSync(sharedPath('problems', plain)) ? readText('problems', plain) : readText('problems', `${plain}.gz`);
}

function readText(...parts: string[]): string {
  const bytes = readFileSync(sharedPath(...parts));
  return (parts.at(-1)!.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}
