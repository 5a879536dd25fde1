/**
 * What an operation keeps for its gradient: the value itself, or its place among what a checkpoint computes again.
 */
import type { Tape } from './tape.js';
import type { Value } from './value.js';

/** A value that was kept for a gradient. */
export interface Saved {
  readonly get: () => Value;
  /** Says that the gradient is computed; yields what is held no longer, or null. */
  readonly drop: () => Value | null;
}

/** Keeps `value`. */
export function saved(tape: Tape, value: Value): Saved {
  return tape.checkpoint === null ? { get: () => value, drop: () => value } : tape.checkpoint.pack(value);
}
