/**
 * Errors about operands, and how tensors print in them.
 *
 * Invariant: every error is a `BAD_OPERAND` that names the operation, the operand, the value found and the limit.
 */
import { PlannerError, shown, wrongValue } from '../../errors.js';
import { FOREIGN_TENSOR, isForeignTensor, tensorRemedy } from '../../tensor/require-tensor.js';
import { Tensor } from '../../tensor/tensor.js';

/**
 * Throws `BAD_OPERAND` unless `condition` holds. Models apply thousands of operations per graph, so text is only made
 * for an error.
 *
 * @param value the value found; a tensor prints as in {@link describe}, a text as it is
 * @param limit completes the sentence "… must be"
 */
export function requireOperand(
  condition: boolean,
  op: string,
  what: string,
  value: Tensor | readonly number[] | string,
  limit: string,
  remedy: string,
): asserts condition {
  if (!condition) badOperand(op, what, value, limit, remedy);
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

/** Throws `BAD_OPERAND` for a value that must be a tensor and is not. */
export function missingOperand(op: string, what: string, value: unknown): never {
  const culprit = `${op}: ${what}`;
  const isAbsent = value === undefined || value === null;
  throw new PlannerError('BAD_OPERAND', {
    message: isAbsent
      ? `${culprit}${what.startsWith('operand') ? ', counted from 0,' : ''} is missing.`
      : isForeignTensor(value)
        ? `${culprit} is ${FOREIGN_TENSOR}, not of this one.`
        : `${culprit} is ${shown(value)}, not a tensor.`,
    culprit,
    value: value ?? 'missing',
    limit: 'a tensor',
    remedy: tensorRemedy(value),
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
