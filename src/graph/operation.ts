/**
 * What the library knows about an operation: one row says its shape rule, whether it is a view, and which operands its
 * result may overwrite. Nothing else in the code depends on an operation's name.
 *
 * Invariant: rows are pure; a shape rule either returns a complete result or throws `BAD_OPERAND`.
 */
import { PlannerError, shown, wrongValue } from '../errors.js';
import type { ElementType } from '../tensor/element-type.js';
import type { Dims4 } from '../tensor/shape.js';
import { Tensor, type InPlaceRule, type OperationTraits, type Params } from '../tensor/tensor.js';
import type { OperationName } from './operation-name.js';

/** What an operation yields. */
export interface Result {
  readonly type: ElementType;
  readonly ne: Dims4;
  /** Byte strides. Default: contiguous. */
  readonly nb?: Dims4 | undefined;
  /** The tensor that the result looks into, and at which byte. Default: the result has its own storage. */
  readonly view?: { readonly of: Tensor; readonly offset: number };
  /** ggml's default name. */
  readonly name?: string;
  /** What may be overwritten, where only the settings tell. Default: what the row says. */
  readonly inPlaceRule?: InPlaceRule;
}

export type Sources = readonly (Tensor | null)[];

/** One row of the operation table. */
export interface Operation<P extends Params = Params> extends OperationTraits {
  /** ggml's name, or one that the caller gave to an operation of its own. */
  readonly name: string;
  /** Source slots in which the result may name itself, as what is written into: it is not read there. */
  readonly namesItself: readonly number[];
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
 * @param value what was found; a tensor prints as {@link describe} says, a text as it is
 * @param limit completes the sentence "… must be"
 */
export function requireOperand(
  condition: boolean,
  op: string,
  what: string,
  value: Tensor | readonly number[] | string,
  limit: string | (() => string),
): asserts condition {
  if (!condition) badOperand(op, what, value, typeof limit === 'string' ? limit : limit());
}

/** Throws `BAD_OPERAND`. Takes the same as {@link requireOperand}. */
export function badOperand(
  op: string,
  what: string,
  value: Tensor | readonly number[] | string,
  limit: string,
  remedy = 'Give another one, or reshape, permute or cast this one first.',
): never {
  const found = value instanceof Tensor ? describe(value) : typeof value === 'string' ? value : shown(value);
  const details = { culprit: `${op}: ${what}`, value: value instanceof Tensor ? found : value, limit, remedy };
  throw wrongValue('BAD_OPERAND', details, found);
}

/** Throws `BAD_OPERAND`: where a tensor must be, there is none. */
export function missingOperand(op: string, what: string, value: unknown): never {
  const culprit = `${op}: ${what}`;
  const isAbsent = value === undefined || value === null;
  throw new PlannerError('BAD_OPERAND', {
    message: isAbsent
      ? `${culprit}${what.startsWith('operand') ? ', counted from 0,' : ''} is missing.`
      : `${culprit} is ${shown(value)}, not a tensor.`,
    culprit,
    value: value ?? 'missing',
    limit: 'a tensor',
    remedy: value instanceof Promise ? 'Await the promise first.' : 'Give a tensor that a Context has returned.',
  });
}

/** How operands print in an error: `name (f32 [4, 2])`, without the dimensions of length 1 at the end. */
export function describe(tensor: Tensor): string {
  return `${tensor.label} (${typeAndShape(tensor)})`;
}

/** As {@link describe}, where strides are at fault: `name (f32 [4, 2] with strides [4, 32, 64, 64])`. */
export function describeStrides(tensor: Tensor): string {
  return `${tensor.label} (${typeAndShape(tensor)} with strides [${tensor.nb.join(', ')}])`;
}

function typeAndShape({ type, ne }: Tensor): string {
  const rank = Math.max(1, ne.findLastIndex((length) => length !== 1) + 1);
  return `${type.name} [${ne.slice(0, rank).join(', ')}]`;
}

/** The operand in `slot`, which must be present. */
export function operand(sources: Sources, slot: number, op: string): Tensor {
  const tensor = sources[slot] ?? null;
  if (tensor === null) missingOperand(op, `operand ${slot}`, null);
  return tensor;
}
