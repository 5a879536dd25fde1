/**
 * Helpers for the shape rules of many operations: results like an operand, and checks of settings.
 *
 * Invariant: nothing here knows a particular operation; every check throws `BAD_ARGUMENT`, naming the operation, the
 * setting, its value and its limit.
 */
import { checkOptions, named, oneOf, PlannerError, shown, wrongValue, type OptionNames } from '../../../errors.js';
import { ELEMENT_TYPES } from '../../../tensor/element-type.js';
import type { Dims4 } from '../../../tensor/layout.js';
import { isPacked } from '../shape.js';
import type { Tensor } from '../../../tensor/tensor.js';
import type { Result } from '../row.js';

/** Something that errors about settings can name: an operation, or the operands of an operation. */
export interface Named {
  readonly name: string;
}

/**
 * A new tensor of the operand's type and shape. It shares the operand's list of strides if that is the contiguous one.
 */
export function like(a: Tensor): Result {
  const { type, ne } = a;
  return { type, ne, nb: isPacked(a) ? a.nb : undefined };
}

/** A new f32 tensor. */
export function f32(ne: Dims4): Result {
  return { type: ELEMENT_TYPES.f32, ne };
}

/** A new i32 tensor. */
export function i32(ne: Dims4): Result {
  return { type: ELEMENT_TYPES.i32, ne };
}

/** A tensor that writes into the bytes of `target`, under ggml's default name for a view. */
export function into(target: Tensor, name = `${target.name} (view)`): Result {
  return { type: target.type, ne: target.ne, nb: target.nb, view: { of: target, offset: 0 }, name };
}

/** Sources by slot, without the empty slots at the end. */
export function slots(...sources: readonly (Tensor | null | undefined)[]): readonly (Tensor | null)[] {
  let count = sources.length;
  while (count > 0 && (sources[count - 1] ?? null) === null) count--;
  const filled = sources.slice(0, count); // as short as it can be: a list that grows keeps room for 17
  for (let slot = 0; slot < count; slot++) filled[slot] ??= null;
  return filled as (Tensor | null)[];
}

/** Throws `BAD_ARGUMENT` unless `condition` holds for a setting of the operation. */
export function requireArgument(condition: boolean, op: Named, what: string, value: unknown, limit: string): void {
  if (condition) return;
  const remedy = value === undefined ? 'Give it.' : 'Choose another value.';
  throw wrongValue('BAD_ARGUMENT', { culprit: `${op.name}: ${what}`, value, limit, remedy });
}

/** Each setting must be an integer of at least `min`. */
export function requireIntegers(op: Named, settings: Readonly<Record<string, number>>, min: number): void {
  for (const what in settings) {
    const value = settings[what];
    if (Number.isSafeInteger(value) && value >= min) continue;
    requireArgument(false, op, what, value, `an integer of at least ${min}`);
  }
}

/** The settings, each of which must be a finite number. */
export function numbers<T extends Readonly<Record<string, number>>>(op: Named, settings: T): T {
  for (const what in settings) {
    if (!Number.isFinite(settings[what])) requireArgument(false, op, what, settings[what], 'a finite number');
  }
  return settings;
}

/** A setting that must be true or false. */
export function flag(op: Named, what: string, value: boolean): boolean {
  requireArgument(typeof value === 'boolean', op, what, value, 'true or false');
  return value;
}

/** As `checkOptions`, of what an operation takes. @throws PlannerError `BAD_ARGUMENT` */
export function checkSettings<T extends object>(options: T, names: OptionNames<NoInfer<T>>, { name }: Named): void {
  const isObject = typeof options === 'object' && (options as unknown) !== null && !Array.isArray(options);
  if (isObject) {
    checkOptions(options, names, name);
    return;
  }
  throw new PlannerError('BAD_ARGUMENT', {
    message: `The options of ${named(name)} must be an object, not ${shown(options)}.`,
    culprit: `options of ${name}`,
    value: options,
    limit: 'an object',
    remedy: 'Leave them out for the defaults.',
  });
}

/** A setting must be one of a few words. */
export function requireWord(op: Named, what: string, value: string, words: readonly string[]): void {
  if (!words.includes(value)) requireArgument(false, op, what, value, oneOf(words));
}

/** A copy of a list of integers that was handed in, such as a shape. @throws PlannerError `BAD_ARGUMENT` */
export function listOf(op: Named, what: string, values: readonly number[]): number[] {
  let areNumbers = Array.isArray(values);
  for (let index = 0; areNumbers && index < values.length; index++) areNumbers = typeof values[index] === 'number';
  requireArgument(areNumbers, op, what, values, 'a list of integers');
  return values.slice();
}

/** As {@link listOf}, of one integer per dimension; those left out are 0. */
export function fourOf(op: Named, what: string, values: readonly number[]): number[] {
  const isList = Array.isArray(values) && values.length <= 4;
  requireArgument(isList, op, what, values, 'a list of at most four integers');
  return [...values, ...new Array<number>(4 - values.length).fill(0)];
}
