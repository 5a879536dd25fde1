/**
 * What a shape rule is told of a node, and the words in which it refuses.
 *
 * All shapes are in TFLite's order, outermost dimension first.
 */
import { PlannerError, shown } from '../../errors.js';
import type { OperationParam, OperationParams } from '../../tensor/tensor.js';

/** Element counts, outermost dimension first. */
export type TfliteShape = readonly number[];

/** A node whose result shapes are asked for. */
export interface ShapeQuery {
  /** The operation's name. */
  readonly op: string;
  /** What messages call the node. */
  readonly label: string;
  /** Null for an operand that is left out. */
  readonly shapes: readonly (TfliteShape | null)[];
  /** The whole numbers that an operand holds, where they are known; null where they are not. */
  readonly values: (slot: number) => readonly number[] | null;
  readonly params: OperationParams;
  /** How many results the file names. */
  readonly resultCount: number;
  /** The shapes of the results in the file. */
  readonly stated: readonly TfliteShape[];
}

/** The shapes of all results; null if they depend on values that nobody knows before the run. */
export type ShapeRule = (query: ShapeQuery) => readonly TfliteShape[] | null;

/** The shape of an operand that must be there. @throws PlannerError `BAD_OPERAND` */
export function shapeOf({ shapes, op, label }: ShapeQuery, slot: number, names: readonly string[] = []): TfliteShape {
  const shape = shapes[slot] ?? null;
  if (shape !== null) return shape;
  const culprit = `${names[slot] ?? `operand ${slot}`} of ${label}`;
  return refuse(op, culprit, 'left out', 'a tensor');
}

/** @throws PlannerError `BAD_OPERAND` unless `condition` holds */
export function demand(
  condition: boolean,
  { label, op }: ShapeQuery,
  what: string,
  value: unknown,
  limit: string,
): asserts condition {
  if (!condition) refuse(op, `${what} of ${label}`, value, limit);
}

function refuse(op: string, culprit: string, value: unknown, limit: string): never {
  const areShapes = Array.isArray(value) && value.length > 0 && value.every((each) => Array.isArray(each));
  const found = typeof value === 'string' ? value : areShapes ? value.map(shown).join(' and ') : shown(value);
  const verb = /s( and \w+)? of /.test(culprit) ? 'are' : 'is';
  throw new PlannerError('BAD_OPERAND', {
    message: `The ${culprit} ${verb} ${found}, but ${op} needs ${limit}.`,
    culprit,
    value,
    limit,
    remedy: 'Give another shape of the input, or convert the model for this shape.',
  });
}

/** A setting that is a whole number. */
export function numberOf({ params }: ShapeQuery, name: string, otherwise = 0): number {
  const value: OperationParam | undefined = params[name];
  return typeof value === 'number' ? value : otherwise;
}

/** A setting that is a flag. */
export function flagOf({ params }: ShapeQuery, name: string): boolean {
  return params[name] === true;
}

/** `axis` counted from the front. @throws PlannerError `BAD_OPERAND` */
export function axisOf(query: ShapeQuery, axis: number, rank: number): number {
  const from = axis < 0 ? axis + rank : axis;
  demand(from >= 0 && from < rank, query, 'axis', axis, `one of ${rank} dimensions`);
  return from;
}

export function countOf(shape: TfliteShape): number {
  return shape.reduce((product, length) => product * length, 1);
}
