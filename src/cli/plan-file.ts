/**
 * Plan files: JSON text that people can read as well, one tensor a line; and read back with every field checked, since a
 * file may come from anywhere.
 */
import type { PlanJson } from '../plan/plan.js';
import { RUNTIMES } from '../runtime/runtimes.js';
import { isPowerOfTwo } from '../units.js';
import type { PlanLike } from '../verify/plan-like.js';
import { CliError } from './cli-error.js';
import { checkReadable, readJson } from './inputs.js';
import { kindOf } from './input-kinds.js';
import { checkRecord, type PlanRecord } from './plan-record.js';

/**
 * The text of a plan file, ending in a newline. `JSON.parse` gives the plan back, with `record`, how it was made, beside it.
 */
export function formatPlan({ tensors, ...head }: PlanJson, record: object = {}): string {
  const fields = Object.entries({ ...head, ...record }).map(
    ([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`,
  );
  const rows = tensors.map((tensor) => `    ${JSON.stringify(tensor)}`);
  const list = rows.length === 0 ? '[]' : `[\n${rows.join(',\n')}\n  ]`;
  return `{\n${fields.join('')}  "tensors": ${list}\n}\n`;
}

/** What a graph document says it is. */
const GRAPH_FORMAT = 'tensor-graph';

const RUNTIME_NAMES: readonly unknown[] = Object.keys(RUNTIMES);

/** A plan file's JSON; files of earlier releases do not say how they were made. @throws CliError naming the field at fault */
export function readPlan(file: string): PlanLike & Partial<PlanRecord> {
  const kind = kindOf(file);
  if (kind === 'model' || kind === 'problem') {
    checkReadable(file);
    throw noPlan(kind === 'model' ? 'a model' : 'CSV, in which only plans of a problem are');
  }
  const document = readJson(file);
  if (!isObject(document)) throw new CliError('a plan is a JSON object');
  if (document.format === GRAPH_FORMAT) throw noPlan('a graph');
  const { alignment, bufferSize, chunks, tensors, runtime } = document;
  if (!isPowerOfTwo(alignment as number)) reject('alignment', alignment, 'a power of two');
  if (!isCount(bufferSize)) reject('bufferSize', bufferSize, 'a whole number of bytes');
  if (runtime !== undefined && !RUNTIME_NAMES.includes(runtime)) {
    reject('runtime', runtime, `one of ${RUNTIME_NAMES.join(', ')}`);
  }
  if (!Array.isArray(chunks)) reject('chunks', chunks, 'an array');
  (chunks as unknown[]).forEach((size, index) => {
    if (!isCount(size)) reject(`chunks[${index}]`, size, 'a whole number of bytes');
  });
  checkPools(document.pools);
  if (!Array.isArray(tensors)) reject('tensors', tensors, 'an array');
  (tensors as unknown[]).forEach((tensor, index) => checkTensor(tensor, `tensors[${index}]`));
  checkRecord(document);
  return document as unknown as PlanLike & Partial<PlanRecord>;
}

/** Absent in plans of one memory. */
function checkPools(pools: unknown): void {
  if (pools === undefined) return;
  if (!Array.isArray(pools)) reject('pools', pools, 'an array');
  (pools as unknown[]).forEach((pool, index) => {
    const at = `pools[${index}]`;
    if (!isObject(pool)) reject(at, pool, 'an object');
    const { name, alignment, maxChunkSize = 1, firstChunk, chunks, bufferSize = 0 } = pool;
    if (typeof name !== 'string') reject(`${at}.name`, name, 'a text');
    if (!isPowerOfTwo(alignment as number)) reject(`${at}.alignment`, alignment, 'a power of two');
    for (const [field, value] of Object.entries({ maxChunkSize, firstChunk, bufferSize })) {
      if (!isCount(value)) reject(`${at}.${field}`, value, 'a whole number');
    }
    if (!Array.isArray(chunks) || !chunks.every(isCount)) reject(`${at}.chunks`, chunks, 'an array of whole numbers');
  });
}

function noPlan(what: string): CliError {
  return new CliError(`no plan, but ${what}: give what \`tensor-arena plan FILE -o plan.json\` has written`);
}

function checkTensor(tensor: unknown, at: string): void {
  if (!isObject(tensor)) reject(at, tensor, 'an object');
  for (const field of ['id', 'chunk', 'offset'] as const) {
    if (!isCount(tensor[field])) reject(`${at}.${field}`, tensor[field], 'a whole number');
  }
  for (const field of ['size', 'start', 'end'] as const) {
    const value = tensor[field];
    if (value !== undefined && !isCount(value)) reject(`${at}.${field}`, value, 'a whole number');
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

const PRINTED_VALUE_LENGTH = 60;

function reject(field: string, value: unknown, limit: string): never {
  throw new CliError(`${field} is ${describe(value)}, but must be ${limit}`);
}

/** Lists and objects by their kind alone: they may be nested deeper than can be printed. */
function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return 'an array';
  if (isObject(value)) return 'an object';
  return JSON.stringify(value).slice(0, PRINTED_VALUE_LENGTH);
}
