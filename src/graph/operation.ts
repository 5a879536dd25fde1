/**
 * What the library knows about an operation: one row says its shape rule, whether it is a view, and which operands its
 * result may overwrite. Nothing else in the code depends on an operation's name.
 *
 * Invariant: rows are pure; a shape rule either returns a complete result or throws `BAD_OPERAND`.
 */
import { PlannerError } from '../errors.js';
import type { ElementType } from '../tensor/element-type.js';
import type { Quad } from '../tensor/shape.js';
import type { OperationName } from './operation-name.js';
import { Tensor, type InPlaceRule, type Params } from '../tensor/tensor.js';

/** What an operation yields. */
export interface Result {
  readonly type: ElementType;
  readonly ne: Quad;
  /** Byte strides. Default: contiguous. */
  readonly nb?: Quad | undefined;
  /** The tensor that the result looks into, and at which byte. Default: the result has its own storage. */
  readonly view?: { readonly of: Tensor; readonly offset: number };
  /** ggml's default name. */
  readonly name?: string;
  /** What may be overwritten, where only the settings tell. Default: what the row says. */
  readonly inPlaceRule?: InPlaceRule;
}

export type Sources = readonly (Tensor | null)[];

/** One row of the operation table. */
export interface Operation<P extends Params = Params> {
  /** ggml's name, or one that the caller gave to an operation of its own. */
  readonly name: string;
  /** Whether it computes nothing and only looks at bytes in another way. */
  readonly isView: boolean;
  /** Whether ggml lets it run in place (`ggml_op_can_inplace`). */
  readonly ggmlInPlace: boolean;
  /**
   * Source slots whose bytes the result may overwrite when both have the same layout: every element of the result
   * depends, among that operand, on elements that are read before any of them is written.
   */
  readonly overwrites: readonly number[];
  /** Source slots that are written as well, besides the result. */
  readonly updates: readonly number[];
  /** Source slots in which the result may name itself, as what is written into: it is not read there. */
  readonly namesItself: readonly number[];
  /** Whether bytes of an overwritten operand may stay as they are. */
  readonly writesPart: boolean;
  /** The shape and type rule. */
  readonly result: (sources: Sources, params: P) => Result;
}

/** Writes one row; whatever is left out takes the cautious value. */
export function defineOperation<P extends Params = Params>(
  row: Pick<Operation<P>, 'result'> & Partial<Operation<P>> & { readonly name: OperationName },
): Operation<P> {
  return { isView: false, ggmlInPlace: false, overwrites: [], updates: [], namesItself: [], writesPart: false, ...row };
}

/**
 * Throws `BAD_OPERAND` unless `condition` holds. Models apply thousands of operations per graph, so text is only made
 * for an error.
 *
 * @param value what was found, or what says it; a tensor prints as {@link describe} says
 * @param limit completes the sentence "… must be"
 */
export function requireOperand(
  condition: boolean,
  op: string,
  what: string,
  value: unknown,
  limit: string | (() => string),
): asserts condition {
  if (!condition) badOperand(op, what, found(value), typeof limit === 'string' ? limit : limit());
}

/** Throws `BAD_OPERAND`. */
export function badOperand(op: string, what: string, value: unknown, limit: string): never {
  const remedy = 'Reshape, permute, cast or repeat the operand first.';
  throw new PlannerError('BAD_OPERAND', { culprit: `${op}: ${what}`, value, limit, remedy });
}

function found(value: unknown): unknown {
  if (value instanceof Tensor) return describe(value);
  return typeof value === 'function' ? (value as () => unknown)() : value;
}

/** How operands print in an error: `name f32 [4, 2, 1, 1]`. */
export function describe(tensor: Tensor): string {
  return `${tensor.label} ${tensor.type.name} [${tensor.ne.join(', ')}]`;
}

/** The operand in `slot`, which must be present. */
export function operand(sources: Sources, slot: number, op: string): Tensor {
  const tensor = sources[slot] ?? null;
  if (tensor === null) badOperand(op, `operand ${slot}`, 'missing', 'a tensor');
  return tensor;
}
