/**
 * The check of a context that new tensors are made in.
 */
import { checkArgument } from '../errors.js';
import { Context } from '../dialects/ggml/context.js';
import type { MemoryKind } from '../tensor/tensor.js';

/** @throws PlannerError `BAD_ARGUMENT` unless `value` is a context of one of these kinds */
export function checkContext(culprit: string, value: unknown, kinds: readonly MemoryKind[]): void {
  const isSuitable = value instanceof Context && kinds.includes(value.memory);
  const found = value instanceof Context ? `a ${value.memory} context` : value;
  const makers = kinds.map((kind) => `Context.${kind}()`).join(' or ');
  checkArgument(isSuitable, culprit, found, `a context that is ${kinds.join(' or ')}`, `Make one with ${makers}.`);
}
