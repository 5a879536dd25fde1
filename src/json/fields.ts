/**
 * The fields of graph JSON, each by itself: of the right kind, and within the document.
 *
 * Invariant: whatever is there, the answer is an error that names the field, or nothing; values are never changed.
 */
import { PlannerError, unknownField, wrongValue, type ErrorCode, type OptionNames } from '../errors.js';
import type { Dialect } from '../dialects/dialects.js';
import type { TensorJson } from './write.js';

/** Throws: the document breaks a rule that is more than the kind of a field. */
export function fail(code: ErrorCode, message: string, culprit: string, value: unknown, limit: string): never {
  throw new PlannerError(code, { message, culprit, value: value ?? 'missing', limit, remedy: REWRITE });
}

const REWRITE = 'Correct the field, or write the file again with graphToJson.';

export function expectField(condition: boolean, culprit: string, value: unknown, limit: string): asserts condition {
  if (!condition) throw wrongValue('BAD_DOCUMENT', { culprit, value, limit, remedy: REWRITE });
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function checkIds(value: unknown, culprit: string, least: number, count: number): number[] {
  expectField(Array.isArray(value), culprit, value, 'an array of indices');
  const ids = Array.from(value as unknown[]); // no holes
  ids.forEach((id, index) => checkId(id, `${culprit}[${index}]`, least, count));
  return ids as number[];
}

function checkId(id: unknown, culprit: string, least: number, count: number): void {
  if (Number.isInteger(id) && (id as number) >= least && (id as number) < count) return;
  const limit = count === 0 ? 'left out, for there is nothing to refer to' : `an integer from ${least} to ${count - 1}`;
  const remedy = 'Refer to tensors by their index in tensors[].';
  throw wrongValue('DANGLING_INDEX', { culprit, value: id, limit, remedy });
}

/** What a version of the format calls the fields that have had other names. */
export interface FieldNames {
  readonly shape: string;
  readonly strides: string;
  readonly byteLength: string;
}

export const FIELD_NAMES: Readonly<Record<number, FieldNames>> = {
  1: { shape: 'ne', strides: 'nb', byteLength: 'nbytes' },
  2: { shape: 'shape', strides: 'strides', byteLength: 'byteLength' },
};

/** What a document says of all its tensors. */
export interface DocumentKind {
  readonly dialect: Dialect;
  readonly names: FieldNames;
}

const TENSOR_FIELDS: OptionNames<Omit<TensorJson, keyof FieldNames>> = {
  name: true,
  op: true,
  type: true,
  src: true,
  view: true,
  viewOffset: true,
  external: true,
  input: true,
  output: true,
  inplace: true,
  overwrites: true,
  destination: true,
  params: true,
  allocSize: true,
  pool: true,
};

/** What recorders of ggml's graphs write besides: flags of training, and settings as raw words. They are read over. */
const READ_OVER: readonly string[] = ['param', 'loss', 'opParams'];

/** A misspelt field would silently be left out, and an operation in another case be taken for the caller's own. */
function checkNames(row: Record<string, unknown>, op: string, { dialect, names }: DocumentKind, label: string): void {
  const layout = Object.values(names) as string[];
  for (const field in row) {
    if (TENSOR_FIELDS[field as keyof typeof TENSOR_FIELDS] === true) continue;
    if (layout.includes(field) || READ_OVER.includes(field)) continue;
    throw unknownField('BAD_DOCUMENT', { owner: label, field, names: [...Object.keys(TENSOR_FIELDS), ...layout] });
  }
  const known = op.toUpperCase();
  const isMisspelt = op !== known && dialect.findOperation(known) !== undefined;
  expectField(!isMisspelt, `${label}.op`, op, `${known}, or a name of your own`);
}

const FLAGS = ['external', 'input', 'output', 'inplace'] as const;

/** Checks the fields of one tensor by themselves, and returns them under the names that they have now. */
export function checkRow(row: unknown, id: number, count: number, kind: DocumentKind): TensorJson {
  const { dialect, names } = kind;
  const at = `tensors[${id}]`;
  expectField(isObject(row), at, row, 'an object');
  expectField(typeof row.name === 'string', `${at}.name`, row.name, 'a string');
  const label = `${at} (${row.name})`;
  expectField(typeof row.op === 'string', `${label}.op`, row.op, 'a string');
  checkNames(row, row.op, kind, label);
  expectField(typeof row.type === 'string', `${label}.type`, row.type, 'the name of an element type');
  const { [names.shape]: shape, [names.strides]: strides, [names.byteLength]: byteLength, ...rest } = row;
  checkNumbers(shape, dialect.rank, `${label}.${names.shape}`);
  checkNumbers(strides, (shape as number[]).length, `${label}.${names.strides}`);
  for (const flag of FLAGS) {
    expectField(
      row[flag] === undefined || typeof row[flag] === 'boolean',
      `${label}.${flag}`,
      row[flag],
      'true or false',
    );
  }
  if (row.src !== undefined) checkIds(row.src, `${label}.src`, -1, count);
  if (row.view !== undefined) checkId(row.view, `${label}.view`, 0, count);
  else expectField(row.viewOffset === undefined, `${label}.viewOffset`, row.viewOffset, 'left out without a view');
  if (row.destination !== undefined) checkId(row.destination, `${label}.destination`, 0, count);
  checkComputes(row, dialect, label);
  checkReadsOthers(row, id, dialect, label);
  checkOperands(row, dialect, label);
  const sourceCount = (row.src as unknown[] | undefined)?.length ?? 0;
  if (row.overwrites !== undefined) checkIds(row.overwrites, `${label}.overwrites`, 0, sourceCount);
  expectField(row.params === undefined || isObject(row.params), `${label}.params`, row.params, 'an object');
  return { ...rest, shape, strides, byteLength } as unknown as TensorJson;
}

/** A known operation reads the operands that it has names for, and at least those that it cannot do without. */
function checkOperands({ op, src = [] }: Partial<TensorJson>, { findOperation }: Dialect, label: string): void {
  const { operands = [], requiredCount = 0 } = findOperation(op!) ?? {};
  if (operands.length === 0) return; // unknown, or of the caller's own
  const missing = operands.findIndex((_, slot) => slot < requiredCount && (src[slot] ?? -1) === -1);
  const found = missing === -1 ? src : (src[missing] ?? 'missing');
  expectField(missing === -1, `${label}.src[${missing}]`, found, `the index of ${op}'s operand ${operands[missing]}`);
  const most = operands.length;
  expectField(src.length <= most, `${label}.src`, src, `a list of at most ${most}: ${operands.join(', ')}`);
}

/** An operation that only looks at bytes has none of its own. */
function checkComputes({ op, view }: Partial<TensorJson>, { findOperation }: Dialect, label: string): void {
  const isView = findOperation(op!)?.isView === true;
  expectField(
    !isView || view !== undefined,
    `${label}.view`,
    view,
    `an index, for ${op} only looks into another tensor`,
  );
}

/** Nothing reads what it has not computed yet. ggml's cast names itself as what it writes into. */
function checkReadsOthers(
  { op, src = [] }: Partial<TensorJson>,
  id: number,
  { findOperation }: Dialect,
  label: string,
): void {
  const slot = src.findIndex(
    (source, index) => source === id && !(findOperation(op!)?.namesItself ?? []).includes(index),
  );
  if (slot === -1) return;
  throw new PlannerError('CYCLE', {
    message: `${label}.src[${slot}] is the index of the tensor itself.`,
    culprit: `${label}.src[${slot}]`,
    value: id,
    limit: 'the index of another tensor',
    remedy: 'Only a cast (CPY) names itself, in src[1], as what it writes into; let others read another tensor.',
  });
}

/** Integers of at least 0, as many as there are dimensions. */
function checkNumbers(value: unknown, rank: number | null, culprit: string): void {
  const limit = `an array of ${rank ?? 'any number of'} integers from 0 to 2^53 - 1, innermost dimension first`;
  expectField(Array.isArray(value), culprit, value, limit);
  const numbers = Array.from(value as unknown[]); // no holes
  const areNumbers = numbers.every((number) => Number.isSafeInteger(number) && (number as number) >= 0);
  if (areNumbers && (rank === null || numbers.length === rank)) return;
  throw wrongValue('BAD_SHAPE', { culprit, value, limit, remedy: REWRITE });
}
