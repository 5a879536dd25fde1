/**
 * What the shape rules of many operations have in common: results like an operand, and checks that print well.
 *
 * Invariant: nothing here knows a particular operation; every check throws `BAD_OPERAND` or `BAD_ARGUMENT` naming the
 * operation, the culprit, the value and the limit.
 */
import { oneOf, wrongValue } from '../../errors.js';
import { ELEMENT_TYPES, type ElementTypeName } from '../../tensor/element-type.js';
import { isContiguous } from '../../tensor/layout.js';
import { hasContiguousRows, isPacked, type Dims4 } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { badOperand, describeStrides, type Result, type Sources } from '../operation.js';

/** Stands for a dimension that may have any length. */
export const ANY = null;

/** A new tensor of the operand's type and shape, which shares its strides if they are those of a new tensor. */
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

/** A tensor that writes into the bytes of `target`, under ggml's default name for that. */
export function into(target: Tensor, name = `${target.name} (view)`): Result {
  return { type: target.type, ne: target.ne, nb: target.nb, view: { of: target, offset: 0 }, name };
}

/** The operand in a slot that may be empty. */
export function optional(sources: Sources, slot: number): Tensor | null {
  return sources[slot] ?? null;
}

/** Sources by slot, without the empty slots at the end. */
export function slots(...sources: readonly (Tensor | null | undefined)[]): readonly (Tensor | null)[] {
  const filled = sources.map((source) => source ?? null);
  return filled.slice(0, filled.findLastIndex((source) => source !== null) + 1);
}

/** `from` as in {@link isContiguous}: how many of the outer dimensions may be spread. */
export function requireContiguous(op: string, what: string, tensor: Tensor, from = 0): void {
  if (isContiguous(tensor, from)) return;
  const limit = from === 0 ? 'contiguous' : `contiguous from dimension ${from} on`;
  badOperand(op, what, describeStrides(tensor), limit, 'Apply cont() to it first.');
}

/** Elements of a row must follow each other without gaps. */
export function requireDenseRows(op: string, what: string, tensor: Tensor): void {
  if (hasContiguousRows(tensor)) return;
  badOperand(op, what, describeStrides(tensor), 'made of dense rows', 'Apply cont() to it first.');
}

export function requireType(op: string, what: string, tensor: Tensor, ...names: readonly ElementTypeName[]): void {
  if (names.includes(tensor.type.name)) return;
  badOperand(op, what, tensor, `of type ${names.join(' or ')}`, 'Cast it first, or make it of that type.');
}

/** All lengths that are not {@link ANY} must agree. */
export function requireNe(op: string, what: string, tensor: Tensor, ne: readonly (number | null)[]): void {
  for (let dim = 0; dim < 4; dim++) {
    if ((ne[dim] ?? tensor.ne[dim]) === tensor.ne[dim]) continue;
    const limit = `of shape [${ne.map((n) => n ?? 'any').join(', ')}]`;
    badOperand(op, what, tensor, limit, 'Reshape, permute or repeat it first.');
  }
}

/** Dimension `dim` of the operand must fit a whole number of times into `length`, so that it can be repeated. */
export function requireRepeatable(op: string, what: string, tensor: Tensor, dim: number, length: number): void {
  if (length % tensor.ne[dim] === 0) return;
  const limit = `of a length that divides ${length} in dimension ${dim}`;
  badOperand(op, what, tensor, limit, 'Reshape, permute or repeat it first.');
}

/** Throws `BAD_ARGUMENT` unless `condition` holds for a setting of the operation. */
export function requireArgument(condition: boolean, op: string, what: string, value: unknown, limit: string): void {
  if (condition) return;
  const remedy = value === undefined ? 'Give it.' : 'Choose another value.';
  throw wrongValue('BAD_ARGUMENT', { culprit: `${op}: ${what}`, value, limit, remedy });
}

/** Each setting must be an integer of at least `min`. */
export function requireIntegers(op: string, settings: Readonly<Record<string, number>>, min: number): void {
  for (const what in settings) {
    const value = settings[what];
    if (Number.isSafeInteger(value) && value >= min) continue;
    requireArgument(false, op, what, value, `an integer of at least ${min}`);
  }
}

/** A setting must be one of a few words. */
export function requireWord(op: string, what: string, value: string, words: readonly string[]): void {
  if (!words.includes(value)) requireArgument(false, op, what, value, oneOf(words));
}

/** A copy of a list of numbers that was handed in, such as a shape. @throws PlannerError `BAD_ARGUMENT` */
export function listOf(op: string, what: string, values: readonly number[]): number[] {
  const isList: boolean = Array.isArray(values);
  requireArgument(isList, op, what, values, 'a list of numbers');
  return [...values];
}
