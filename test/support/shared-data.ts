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

/** Where graphs of models lie, with the folder of their headers. */
const RECORDINGS = { 'graphs/llama': 'gguf', archs: 'archs', real: 'real', supported: 'supported' } as const;

export type RecordingFolder = keyof typeof RECORDINGS;

/** A graph that llama.cpp built of a model whose header is there. */
export interface Recording {
  /** Such as `archs/llama-min.c512-b64-fa.pp`. */
  readonly name: string;
  readonly model: string;
  /** The options in the file's name, such as `c512-b64-fa`. */
  readonly options: string;
  readonly phase: string;
  readonly graphPath: string;
  readonly headerPath: string;
}

/** All recorded graphs of a folder, sorted; none when the data is absent. */
export function listRecordings(folder: RecordingFolder): Recording[] {
  if (!sharedIsPresent) return [];
  return readdirSync(sharedPath(folder)).flatMap((file) => {
    const [, name, model, options, phase] = /^((.+)\.(c\d+-b\d+[^.]*)\.(pp|tg))\.json\.gz$/.exec(file) ?? [];
    if (name === undefined) return [];
    const headerPath = sharedPath(RECORDINGS[folder], `${model}.gguf`);
    return [{ name: `${folder}/${name}`, model, options, phase, graphPath: sharedPath(folder, file), headerPath }];
  });
}

/** The parsed graph JSON of one of {@link listRecordings}. */
export function readRecording(recording: Recording): unknown {
  return JSON.parse(recordingText(recording));
}

/** What llama.cpp reported of the weights, in bytes; found without parsing the graph. */
export function readReportedWeights(recording: Recording): number {
  const [, breakdown] = /"breakdown":\s*(\[[^\]]*\])/.exec(recordingText(recording))!;
  return (JSON.parse(breakdown) as { model: number }[]).reduce((sum, { model }) => sum + model, 0);
}

function recordingText({ graphPath }: Recording): string {
  return gunzipSync(readFileSync(graphPath)).toString('utf8');
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
