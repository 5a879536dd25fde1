/**
 * What is asked of a value that must be a tensor of this copy of the library: `import` and `require` load two copies,
 * and a tensor of the other one is told apart from what is no tensor at all.
 */
import { wrongValue } from '../errors.js';
import { Tensor } from './tensor.js';

/** What messages call a tensor that another copy of the library has made. */
export const FOREIGN_TENSOR = 'a tensor of another copy of the library';

/** Whether another copy of the library has made this tensor. */
export function isForeignTensor(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return false;
  const { root, origin, sources } = value as Partial<Tensor>;
  return typeof root === 'object' && typeof origin === 'object' && Array.isArray(sources);
}

/** What to do about a value that is no tensor of this copy of the library. */
export function tensorRemedy(value: unknown): string {
  if (value instanceof Promise) return 'Await the promise first.';
  if (!isForeignTensor(value)) return 'Give a tensor that a Context has returned.';
  return 'Load the library by import alone, or by require alone: tensors of two copies do not mix.';
}

/** @throws PlannerError `BAD_ARGUMENT` unless `value` is a tensor of this copy of the library */
export function requireTensor(value: unknown, culprit = 'tensor'): asserts value is Tensor {
  if (value instanceof Tensor) return;
  const details = { culprit, value, limit: 'a Tensor', remedy: tensorRemedy(value) };
  throw isForeignTensor(value)
    ? wrongValue('BAD_ARGUMENT', { ...details, limit: 'one of this copy' }, FOREIGN_TENSOR)
    : wrongValue('BAD_ARGUMENT', details);
}
