/**
 * From a file name to what is in the file: a graph, a placement problem, or the header of a model.
 *
 * Invariant: whatever the file holds, the result is usable or a `CliError` or `PlannerError` says why not.
 */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { readGguf } from '../gguf/gguf.js';
import type { Gguf } from '../gguf/types.js';
import type { Graph } from '../graph/graph.js';
import { graphFromJson } from '../json/read.js';
import { endsAreInclusive } from '../problem/csv-columns.js';
import { parseProblemCsv, type CsvProblem } from '../problem/csv.js';
import { CliError, IS_DIRECTORY, systemError } from './cli-error.js';
import type { Flags } from './flags.js';
import { isCompressed, isOnnx, isTflite, isUrl, kindOf, KINDS } from './input-kinds.js';
import type { ModelGraph } from './model-graph.js';
import type { RecordedOptions } from './plan-record.js';
import { printNote, type Terminal } from './terminal.js';

export type Input =
  | ({ readonly kind: 'graph'; readonly graph: Graph } & Partial<ModelGraph>)
  | { readonly kind: 'problem'; readonly csv: CsvProblem }
  | { readonly kind: 'model'; readonly gguf: Gguf };

/** What a user of another tool may not expect. */
const INCLUSIVE_NOTE =
  'the column "end" is read as the last step of a life, as MiniMalloc reads it; name it "upper" if lives end before it';

/**
 * Reads a file of any kind; says how, where that may surprise.
 *
 * @param record how a plan was made, where flags say nothing else
 * @throws CliError, PlannerError
 */
export async function readInput(
  file: string,
  flags: Flags,
  terminal: Terminal,
  record?: RecordedOptions,
): Promise<Input> {
  const { alignment } = flags;
  const kind = kindOf(file);
  if (kind === undefined) {
    if (!isUrl(file)) checkReadable(file);
    const endings = KINDS.map(([ending]) => ending).join(', ');
    throw new CliError(`unknown kind of file, its name must end in one of ${endings}`);
  }
  if (isOnnx(file) || isTflite(file)) {
    if (!isUrl(file)) checkReadable(file);
    const model = isOnnx(file)
      ? await (await import('./onnx-input.js')).readOnnxInput(file, flags, record)
      : await (await import('./tflite-input.js')).readTfliteInput(file, flags, record);
    return { kind: 'graph', ...model };
  }
  if (kind === 'graph') {
    const document = readJson(file);
    if (isPlan(document))
      throw new CliError('is a plan, but must be what it was made for: verify takes FILE PLAN, in this order');
    return { kind, graph: graphFromJson(document) };
  }
  if (kind === 'problem') {
    const text = readText(file);
    const header = text.slice(0, text.search(/[\r\n]|$/));
    const csv = parseProblemCsv(text, alignment);
    if (endsAreInclusive(header)) printNote(terminal, `${file}: ${INCLUSIVE_NOTE}`);
    return { kind, csv };
  }
  return { kind, gguf: await readModelFile(file) };
}

/** Whether a document is what `plan` writes, which has no format to tell it by. */
function isPlan(document: unknown): boolean {
  if (typeof document !== 'object' || document === null || 'format' in document) return false;
  return ['bufferSize', 'chunks', 'tensors'].every((field) => Object.hasOwn(document, field));
}

/** Reads the header of a model, from any name but one of another kind of file. @throws CliError, PlannerError */
export async function readModelFile(file: string): Promise<Gguf> {
  if (!isUrl(file)) checkReadable(file);
  const kind = kindOf(file);
  if (kind === 'graph' || kind === 'problem') {
    const found = kind === 'graph' ? 'a graph' : 'a placement problem';
    throw new CliError(`is ${found} by its name, but fit and sweep are for models (.gguf); ask measure`);
  }
  return readGguf(file);
}

/** The parsed content of a JSON file, compressed or not. */
export function readJson(file: string): unknown {
  const text = readText(file);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError(`not valid JSON: ${(error as Error).message}`);
  }
}

/** The text of a file; one whose name ends in `.gz` is decompressed. */
export function readText(file: string): string {
  const bytes = readBytes(file);
  if (bytes.length === 0) throw new CliError('the file is empty');
  const content = isCompressed(file) ? decompress(bytes) : bytes;
  try {
    return content.toString('utf8');
  } catch {
    throw new CliError(`${content.length} bytes are more than can be read as one text`);
  }
}

/** Says what is wrong with a file that is read elsewhere, in the words used for all others. */
export function checkReadable(file: string): void {
  try {
    accessSync(file, constants.R_OK);
    const found = statSync(file);
    if (found.isDirectory()) throw new CliError(IS_DIRECTORY);
    if (!found.isFile()) throw new CliError('is a pipe or a device, which are not read: write it to a file first');
    if (found.size === 0) throw new CliError('the file is empty');
  } catch (error) {
    throw error instanceof CliError ? error : new CliError(systemError(error) ?? (error as Error).message);
  }
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CliError(systemError(error) ?? (error as Error).message);
  }
}

function decompress(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw new CliError(`cannot be decompressed, it is damaged or no gzip file: ${(error as Error).message}`);
  }
}
