/**
 * What a caller says of a model's shapes, checked.
 */
import { checkArgument, checkOptions, isListLike, nearestName, PlannerError, type OptionNames } from '../errors.js';
import type { OnnxAttribute } from '../dialects/onnx/model.js';
import type { ElementTypeName } from '../tensor/element-type.js';

/** An operand or a result of an operation that the caller declares. */
export interface DeclaredValue {
  readonly type: ElementTypeName;
  /** Outermost dimension first. */
  readonly shape: readonly number[];
}

/** A node of an operation that the caller declares. */
export interface DeclaredNode {
  /** Null where an operand is left out. */
  readonly inputs: readonly (DeclaredValue | null)[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
  readonly outputCount: number;
}

/** From a node to its results, one for each. */
export type DeclareOperation = (node: DeclaredNode) => readonly DeclaredValue[];

/** What decides the shapes of a model. */
export interface OnnxOptions {
  /** Lengths of the dimensions that the file leaves open, by their names. Default: none. */
  readonly dims?: Readonly<Record<string, number>>;
  /**
   * Shapes of whole inputs, outermost dimension first, by the names of the inputs; for dimensions without a name. Default:
   * as the file has them.
   */
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  /**
   * The largest shapes, outermost dimension first, of values whose shape only a run tells, such as those that
   * `NonMaxSuppression` yields; by the names of the values. Default: none.
   */
  readonly bounds?: Readonly<Record<string, readonly number[]>>;
  /** Operations that the library does not know, by their full names, such as `com.acme.Stretch`. Default: none. */
  readonly operations?: Readonly<Record<string, DeclareOperation>>;
}

export const ONNX_OPTIONS: OptionNames<OnnxOptions> = { dims: true, inputs: true, bounds: true, operations: true };

/** Options with nothing left out. */
export type ResolvedOnnxOptions = Required<OnnxOptions>;

/** @throws PlannerError `BAD_ARGUMENT` */
export function resolveOnnxOptions(options: OnnxOptions): ResolvedOnnxOptions {
  checkOptions(options, ONNX_OPTIONS);
  const { dims = {}, inputs = {}, bounds = {}, operations = {} } = options;
  for (const [key, value] of Object.entries({ dims, inputs, bounds, operations }) as [string, unknown][]) {
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
    checkArgument(isRecord, key, value, 'an object', 'Give values by their names.');
  }
  for (const [name, length] of Object.entries(dims)) checkLength(length, `dims.${name}`);
  for (const [key, shapes] of Object.entries({ inputs, bounds })) {
    for (const [name, shape] of Object.entries(shapes)) checkShape(shape, `${key}.${name}`);
  }
  for (const [name, declare] of Object.entries(operations)) {
    checkArgument(
      typeof declare === 'function',
      `operations.${name}`,
      declare,
      'a function',
      'Give (node) => results.',
    );
  }
  return { dims, inputs, bounds, operations };
}

function checkShape(shape: readonly number[], culprit: string): void {
  const remedy = 'Give one length per dimension, outermost first.';
  checkArgument(isListLike(shape), culprit, shape, 'a list of lengths', remedy);
  Array.from(shape).forEach((length, axis) => checkLength(length, `${culprit}[${axis}]`));
}

function checkLength(length: number, culprit: string): void {
  const isLength = Number.isSafeInteger(length) && length >= 0;
  checkArgument(isLength, culprit, length, 'an integer from 0 to 2^53 - 1', 'Give the number of elements.');
}

/** The error for a name that a caller gives and the model does not have. */
export function unknownName(option: string, name: string, names: readonly string[]): PlannerError {
  const nearest = nearestName(name, names.length === 0 ? [''] : names);
  const has = names.length === 0 ? 'The model has none.' : `The model has ${names.join(', ')}.`;
  const hint = nearest === null || nearest === '' ? '' : `, but ${nearest}`;
  return new PlannerError('BAD_ARGUMENT', {
    message: `The model has no ${option} ${name}${hint}.`,
    culprit: `${option} ${name}`,
    value: name,
    limit: names.length === 0 ? 'left out' : `one of ${names.join(', ')}`,
    remedy: has,
  });
}
