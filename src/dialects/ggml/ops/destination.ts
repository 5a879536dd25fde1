/**
 * What `setOutput` asks of a result and of the tensor that the result is written into.
 */
import { sameShape } from '../../../tensor/layout.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { describe, requireOperand } from '../operand-error.js';

/** Throws `BAD_OPERAND` unless `tensor` can be written straight into `destination`. */
export function checkDestination(tensor: Tensor, destination: Tensor): void {
  const check = (isFine: boolean, what: string, value: Tensor | string, limit: string, remedy: string): void =>
    requireOperand(isFine, 'setOutput', what, value, limit, remedy);
  const copy = 'Copy it there with cpy() instead.';
  check(tensor.operation !== null, 'tensor', `the leaf ${tensor.label}`, 'computed by an operation', copy);
  const successor = 'A result has one destination: go on with the tensor that the first call returned.';
  const isCurrent = tensor.origin.replaced?.has(tensor) !== true;
  check(isCurrent, 'tensor', tensor, 'the tensor that setOutput returned in its place', successor);
  check(
    !tensor.isView,
    'tensor',
    `the view ${tensor.label}`,
    'the owner of its storage, which cont() or cpy() makes',
    copy,
  );
  const fits = tensor.type === destination.type && sameShape(tensor, destination);
  const view = 'Give a view of that type and shape, or copy the result there with cpy().';
  check(fits, 'destination', destination, `like the result, ${describe(tensor)}`, view);
  const found = destination === tensor ? `${tensor.label} itself` : `a view of ${tensor.label}`;
  const other = 'Leave the destination out to mark the result alone, or give a tensor of another storage.';
  check(destination.root !== tensor, 'destination', found, 'in another storage', other);
}
