/**
 * Checkpoints: a function that keeps only its operands, and runs again once the first of its gradients is due, as
 * `torch.utils.checkpoint` does without reentry.
 *
 * Invariant: the second run stops as soon as the last value that the first run wanted to save is there. The operands are
 * held until no gradient can ask again.
 */
import { kept } from './saved.js';
import type { CastRegion, Checkpoint, Tape } from './tape.js';
import type { Edge, Saved, Value } from './value.js';

/** Ends the second run. */
class Stop extends Error {}

/** The state of one checkpoint. */
class CheckpointFrame implements Checkpoint {
  readonly #tape: Tape;
  readonly #body: (input: Value) => unknown;
  readonly #input: Saved;
  readonly #others: readonly Value[];
  readonly #edge: Edge | null;
  readonly #autocast: CastRegion | null;
  #savedCount = 0;
  #waitingCount = 0;
  /** What the second run has saved; null before it. */
  #values: Value[] | null = null;

  constructor(tape: Tape, input: Value, others: readonly Value[], body: (input: Value) => unknown) {
    this.#tape = tape;
    this.#input = kept(tape, input);
    this.#others = others;
    this.#edge = input.edge;
    this.#body = body;
    this.#autocast = tape.autocast;
  }

  /** Takes a value that a node wants to keep. */
  pack(value: Value): Saved {
    if (this.#values !== null) {
      this.#values.push(value);
      if (this.#values.length === this.#savedCount) throw new Stop();
      return { get: () => value, local: () => null, drop: () => null }; // of a node that never runs
    }
    const index = this.#savedCount++;
    this.#waitingCount++;
    return {
      get: () => this.#recomputed()[index],
      local: () => this.#values?.[index] ?? null,
      drop: () => {
        if (--this.#waitingCount === 0) this.#tape.release([this.#input.local(), this.#input.drop(), ...this.#others]);
        return null;
      },
    };
  }

  #recomputed(): readonly Value[] {
    if (this.#values !== null) return this.#values;
    this.#values = [];
    const tape = this.#tape;
    const input = this.#input.get();
    input.edge ??= this.#edge;
    const { section, isGradEnabled, autocast, checkpoint, block, position } = tape;
    tape.section = 'recompute';
    tape.isGradEnabled = true;
    tape.checkpoint = this;
    tape.autocast = this.#autocast?.anew() ?? null;
    try {
      this.#body(input);
    } catch (stop) {
      if (!(stop instanceof Stop)) throw stop;
    } finally {
      tape.autocast?.end(tape);
      tape.releaseUnread(position);
      Object.assign(tape, { section, isGradEnabled, autocast, checkpoint, block });
    }
    return this.#values;
  }
}

/** Runs `body` on `input` through a checkpoint; `others` is what it reads besides that and parameters. */
export function checkpointed(tape: Tape, input: Value, others: readonly Value[], body: (input: Value) => Value): Value {
  const outer = tape.checkpoint;
  tape.checkpoint = new CheckpointFrame(tape, input, others, body);
  try {
    return body(input);
  } finally {
    tape.checkpoint = outer;
  }
}
