/**
 * The one error type of the library, and every code it can carry.
 *
 * Invariant: a code, once published, keeps its meaning. "It does not fit" is a result, never one of these.
 */

/** Every error code with the rule that was broken. Codes are stable; the wording is not. */
export const ERROR_CODES = {
  BAD_ALIGNMENT: 'An alignment is a power of two of at least 1.',
  BAD_ARGUMENT: 'An argument lies outside its documented range.',
  BAD_BUFFER: 'A buffer has a size above zero and a non-empty live range.',
  BAD_CSV: 'A problem in CSV has the columns id, lower, upper and size, and one integer per field.',
  BAD_DOCUMENT: 'A file or document has the fields of its format, each of the right kind.',
  BAD_GGUF: 'A GGUF file has a complete header that agrees with itself.',
  BAD_MODEL: 'A model has the keys and tensors that its architecture needs, in shapes that agree.',
  BAD_ONNX: 'An ONNX file has a complete model that agrees with itself.',
  BAD_OPERAND: 'An operand has the type, shape and strides that its operation asks for.',
  BAD_ORDER: 'Sources come before their readers in a graph.',
  BAD_SHAPE: 'A shape has one to four dimensions of whole, non-negative lengths that fit the element type.',
  BAD_TFLITE: 'A TFLite file is a flatbuffer whose parts lie within it and agree.',
  BAD_VIEW: 'A view lies within the storage that it looks into.',
  BYTES_TOO_LARGE: 'Byte counts are exact integers from 0 to 2^53 - 1.',
  CYCLE: 'A graph has an execution order: no tensor depends on itself.',
  DANGLING_INDEX: 'An index points at something that is there.',
  DANGLING_TENSOR: 'Whatever a tensor refers to is in the graph.',
  FIXED_OVERLAP: 'Buffers whose offsets are fixed do not collide.',
  HAZARD: 'No node needs a value that another node has overwritten by then.',
  LISTED_TWICE: 'A tensor is listed at most once in a graph.',
  NO_GRADIENT: 'A gradient passes through operations that have a rule, and no values that are overwritten.',
  NOT_EXECUTABLE: 'The reference executor runs operations of the table, with their settings, on unquantised types.',
  NOT_LISTED: 'Every tensor of a document is a leaf or a node.',
  NOT_READABLE: 'Only bytes that exist and still hold the tensor can be read.',
  OUTSIDE_FAMILY: 'A graph of a family has its structure, and tensors no larger than in the corners of its box.',
  OUT_OF_MEMORY: 'Immediate tensors fit in the memory that the context has.',
  OVERSIZE: 'A buffer fits into one chunk.',
  TOO_MANY_SPANS: 'A replay follows a bounded number of separate runs of bytes.',
  UNBINDABLE: 'A dispatch binds ranges of the sizes that its device allows, and no more of them.',
  UNKNOWN_ARCHITECTURE: 'An architecture is one that the library can build.',
  UNKNOWN_OPERATION: 'An operation of a model file is one that the library knows, or one that the caller declares.',
  UNKNOWN_SHAPE: 'A shape follows from the shapes of a model’s inputs, or the caller gives it.',
  UNKNOWN_TYPE: 'An element type is one of ggml’s.',
  WRONG_NBYTES: 'A tensor’s nbytes follows from its type, ne and nb.',
} as const;

/** A stable, machine-readable name of what went wrong. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** What an error says: who is at fault, what was found, what is allowed and how to mend it. */
export interface ErrorDetails {
  /**
   * What is wrong, in one sentence that names the culprit; the error's message is this and the remedy. Names from the
   * caller's code or file stand in backticks, so that a program can put its own in their place.
   */
  readonly message: string;
  /** What is at fault: a tensor's name, a field, a row and column, an option. */
  readonly culprit: string;
  /** The value that was found. */
  readonly value: unknown;
  /** What would have been accepted. */
  readonly limit: string;
  /** What the caller can do about it. */
  readonly remedy: string;
}

/**
 * Thrown for misuse and malformed input.
 *
 * @example
 * ```ts
 * import { Context, PlannerError } from 'tensor-arena';
 * try {
 *   Context.deferred().newTensor('f32', [-1]);
 * } catch (error) {
 *   if (error instanceof PlannerError) console.log(error.code, error.culprit);
 * }
 * ```
 */
export class PlannerError extends Error implements Omit<ErrorDetails, 'message'> {
  override readonly name = 'PlannerError';
  readonly code: ErrorCode;
  readonly culprit: string;
  readonly value: unknown;
  readonly limit: string;
  readonly remedy: string;

  constructor(code: ErrorCode, { message, culprit, value, limit, remedy }: ErrorDetails) {
    super(`${message} ${remedy}`);
    this.code = code;
    this.culprit = culprit;
    this.value = value;
    this.limit = limit;
    this.remedy = remedy;
  }
}

/**
 * The error for a thing whose value is not what it must be: `limit` completes "… must be".
 *
 * @param found what the sentence calls the value. Default: the value as it prints
 */
export function wrongValue(
  code: ErrorCode,
  details: Omit<ErrorDetails, 'message'>,
  found = shown(details.value),
): PlannerError {
  const { culprit, value, limit } = details;
  const name = subject(culprit);
  const isMissing = value === undefined;
  const message = isMissing ? `${name} is missing; it must be ${limit}.` : `${name} is ${found}, but must be ${limit}.`;
  return new PlannerError(code, { ...details, message, value: isMissing ? 'missing' : value });
}

/** Throws `BAD_ARGUMENT` unless `condition` holds: for what users hand in, checked where it enters. */
export function checkArgument(
  condition: boolean,
  culprit: string,
  value: unknown,
  limit: string,
  remedy: string,
): asserts condition {
  if (condition) return;
  const isPromise = value instanceof Promise;
  throw wrongValue('BAD_ARGUMENT', { culprit, value, limit, remedy: isPromise ? 'Await the promise first.' : remedy });
}

/** Whether `value` is an array, a typed array or anything else with a length. */
export function isListLike(value: unknown): value is ArrayLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { length?: unknown }).length === 'number';
}

/** Options are an object or left out; null is neither. @throws PlannerError `BAD_ARGUMENT` */
export function checkOptionsObject(options: unknown, culprit = 'options'): void {
  const isOptions = typeof options === 'object' && options !== null && !Array.isArray(options);
  checkArgument(isOptions, culprit, options, 'an object', 'Leave it out for the defaults.');
}

/** Every name of an option of `T`, once: the compiler holds list and type together. */
export type OptionNames<T> = Readonly<Record<keyof T, true>>;

/**
 * Options are an object, and every one has a name that there is: a misspelt one would silently be the default. O(names).
 *
 * @param culprit what takes the options, for the message
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function checkOptions<T extends object>(options: T, names: OptionNames<NoInfer<T>>, culprit = 'options'): void {
  checkOptionsObject(options, culprit);
  // Called for every node of a model. What an object inherits is not `true`, so its names are no options.
  for (const name in options) if (names[name] !== true) rejectOption(name, Object.keys(names), culprit);
}

function rejectOption(name: string, names: readonly string[], owner: string): never {
  const nearest = nearestName(name, names);
  const option = /^\w+$/.test(name) ? name : shown(name);
  const [of, ofOwner] = owner === 'options' ? ['', ''] : [` of ${owner}`, ` of ${named(owner)}`];
  const message = `There is no option ${named(option)}${ofOwner}${nearest === null ? '' : `, but there is ${named(nearest)}`}.`;
  const limit = `one of ${names.join(', ')}`;
  const remedy = `The options are ${names.join(', ')}.`;
  throw new PlannerError('BAD_ARGUMENT', { message, culprit: `${option}${of}`, value: name, limit, remedy });
}

/** The error for a field that a thing handed in does not have: a misspelt one would silently be the default. */
export function unknownField(
  code: ErrorCode,
  details: { readonly owner: string; readonly field: string; readonly names: readonly string[] },
): PlannerError {
  const { owner, field, names } = details;
  const nearest = nearestName(field, names);
  const name = /^\w+$/.test(field) ? field : shown(field);
  const instead = nearest === null ? '' : `, but there is ${named(nearest)}`;
  return new PlannerError(code, {
    message: `There is no field ${named(name)} of ${named(owner)}${instead}.`,
    culprit: `${name} of ${owner}`,
    value: field,
    limit: `one of ${names.join(', ')}`,
    remedy: `The fields are ${names.join(', ')}.`,
  });
}

/** The name that was meant, as far as anybody can tell: one that begins or ends so, or differs in few letters. */
export function nearestName(name: string, names: readonly string[]): string | null {
  const [part, least] = [name.toLowerCase(), 3];
  const isBeginning = (each: string): boolean => part.length >= least && each.toLowerCase().startsWith(part);
  const isEnd = (each: string): boolean => part.length >= least && each.toLowerCase().endsWith(part);
  const [nearest] = names.toSorted((a, b) => editDistance(name, a) - editDistance(name, b));
  const isNear = editDistance(name, nearest) <= Math.max(2, nearest.length / 3);
  return names.find(isBeginning) ?? (isNear ? nearest : (names.find(isEnd) ?? null));
}

/** Letters to insert, drop or replace to get from one word to the other, whatever their case. */
function editDistance(from: string, to: string): number {
  const [a, b] = [from.slice(0, SHOWN_LENGTH).toLowerCase(), to.toLowerCase()];
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, above[j] + 1, row[j - 1] + 1));
    }
  }
  return row[b.length];
}

/** Throws `BAD_ARGUMENT` unless `value` is one of the choices. */
export function checkChoice(culprit: string, value: unknown, choices: readonly unknown[]): void {
  const isWord = choices.every((choice) => typeof choice === 'string');
  const remedy = isWord ? 'Spell it as in the list.' : 'Give one of these.';
  checkArgument(choices.includes(value), culprit, value, oneOf(choices), remedy);
}

/** Two choices as "a or b", more as "one of a, b, c". */
export function oneOf(choices: readonly unknown[]): string {
  return choices.length === 2 ? choices.join(' or ') : `one of ${choices.join(', ')}`;
}

/** A name from code or a file in backticks; a phrase, such as `row 3, column "size"`, as it is. */
export function named(culprit: string): string {
  return /^[\w.[\]-]+$/.test(culprit) ? `\`${culprit}\`` : culprit;
}

/** What begins a sentence about a culprit: a name in backticks, `Buffer 3`, or a phrase with its article. */
export function subject(culprit: string): string {
  return named(culprit)
    .replace(/^buffer /, 'Buffer ')
    .replace(/^(?=[a-z]+ )/, 'The ');
}

const SHOWN_LENGTH = 120;
const SHOWN_ELEMENTS = 20;

/** A value within a sentence: one line, bounded in length, without throwing whatever the value is. */
export function shown(value: unknown): string {
  let text: string;
  try {
    text = Array.isArray(value)
      ? `[${value
          .slice(0, SHOWN_ELEMENTS + 1)
          .map(shownElement)
          .join(', ')}]`
      : shownElement(value);
  } catch {
    text = 'an object'; // one that has no kind
  }
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH)}…`;
}

function shownElement(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, SHOWN_LENGTH));
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `${value}n`;
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? kindOf(value) : String(value);
}

/** `a Plan`, `a Promise`; `an object` for what is no instance of anything. */
function kindOf(value: object): string {
  const { constructor: maker } = value as { constructor?: unknown };
  const name = typeof maker === 'function' ? maker.name : '';
  if (name === '' || name === 'Object') return 'an object';
  return `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}`;
}

/** What `work` returns; null if it throws a {@link PlannerError} of this code, which is an answer where it is asked for. */
export function nullIfThrown<T>(code: ErrorCode, work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof PlannerError && error.code === code) return null;
    throw error;
  }
}
