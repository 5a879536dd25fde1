/**
 * Checkpoints: a function that keeps only its operands, and runs again once the first of its gradients is due, as
 * `torch.utils.checkpoint` does without reentry.
 *
 * Invariant: the second run stops as soon as the last value that the first run wanted to save is there. The operands are
 * held until no gradient can ask again.
 */
import type { Autocast } from './autocast.js';
import type { Saved } from './saved.js';
import type { Tape } from './tape.js';
import type { Value } from './value.js';

/** Ends the second run. */
const STOP = Symbol('stop');

/** The state of one checkpoint. */
export class CheckpointFrame {
  readonly #tape: Tape;
  readonly #body: () => unknown;
  readonly #operands: readonly Value[];
  readonly #autocast: Autocast | null;
  #savedCount = 0;
  #waitingCount = 0;
  /** What the second run has saved; null before it. */
  #values: Value[] | null = null;

  constructor(tape: Tape, operands: readonly Value[], body: () => unknown) {
    this.#tape = tape;
    this.#operands = operands;
    this.#body = body;
    this.#autocast = tape.autocast;
  }

  /** Takes a value that a node wants to keep. */
  pack(value: Value): Saved {
    if (this.#values !== null) {
      this.#values.push(value);
      if (this.#values.length === this.#savedCount) throw STOP;
      return { get: () => value, local: () => null, drop: () => null }; // of a node that never runs
    }
    const index = this.#savedCount++;
    this.#waitingCount++;
    return {
      get: () => this.#recomputed()[index],
      local: () => this.#values?.[index] ?? null,
      drop: () => {
        if (--this.#waitingCount === 0) this.#tape.release(this.#operands);
        return null;
      },
    };
  }

  #recomputed(): readonly Value[] {
    if (this.#values !== null) return this.#values;
    this.#values = [];
    const tape = this.#tape;
    const { section, isGradEnabled, autocast, checkpoint, block, position } = tape;
    tape.section = 'recompute';
    tape.isGradEnabled = true;
    tape.checkpoint = this;
    tape.autocast = this.#autocast?.anew() ?? null;
    try {
      this.#body();
    } catch (stop) {
      if (stop !== STOP) throw stop;
    } finally {
      tape.autocast?.end(tape);
      tape.releaseUnread(position);
      Object.assign(tape, { section, isGradEnabled, autocast, checkpoint, block });
    }
    return this.#values;
  }
}

/** Runs `body`, which reads `operands` besides parameters, through a checkpoint. */
export function checkpointed(tape: Tape, operands: readonly Value[], body: () => Value): Value {
  const outer = tape.checkpoint;
  tape.checkpoint = new CheckpointFrame(tape, operands, body);
  try {
    return body();
  } finally {
    tape.checkpoint = outer;
  }
}
