/**
 * What an operation keeps for its gradient: the value itself, or its place among what a checkpoint computes again.
 */
import type { Tape } from './tape.js';
import type { Value } from './value.js';

/** A value that was kept for a gradient. */
export interface Saved {
  readonly get: () => Value;
  /** What is held until the gradient is computed, but not until it has its shape and type; null if there is none. */
  readonly local: () => Value | null;
  /** Says that the node is done; yields what it held until then, or null. */
  readonly drop: () => Value | null;
}

/** Keeps `value`. */
export function saved(tape: Tape, value: Value): Saved {
  return tape.checkpoint === null ? { get: () => value, local: () => null, drop: () => value } : tape.checkpoint.pack(value);
}
