/**
 * What an operation keeps for its gradient: the value itself, its place among what a checkpoint computes again, or a copy
 * in the host's memory.
 */
import type { Tape } from './tape.js';
import type { Saved, Value } from './value.js';

/** Keeps `value`. */
export function saved(tape: Tape, value: Value): Saved {
  return tape.checkpoint === null ? kept(tape, value) : tape.checkpoint.pack(value);
}

/** Keeps `value` outside of checkpoints. */
export function kept(tape: Tape, value: Value): Saved {
  if (
    tape.offload === null ||
    tape.section !== 'forward' ||
    value.tensor.byteLength < LEAST ||
    tape.isKept(value.tensor)
  ) {
    return { get: () => value, local: () => null, drop: () => value };
  }
  return offloaded(tape, value, tape.offload);
}

/** Bytes below which a copy is not worth its while. */
const LEAST = 1024;

/** Waits in the host's memory: it is freed on the device unless the program goes on to use it, and copied back once. */
function offloaded(tape: Tape, value: Value, host: { bytes: number }): Saved {
  host.bytes += value.tensor.byteLength;
  tape.release([value]);
  let returned: Value | null = null;
  const get = (): Value => {
    if (returned !== null) return returned;
    const { section } = tape;
    tape.section = 'recompute';
    const { type, shape, strides } = value;
    const [copy] = tape.emit('aten._to_copy.default', [], [{ type, shape, strides }]);
    tape.section = section;
    returned = copy;
    return copy;
  };
  return { get, local: () => returned, drop: () => null };
}
