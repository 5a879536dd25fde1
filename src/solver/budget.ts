/**
 * How much effort a search may still spend, and why it ended.
 *
 * A unit of effort is one node of the exact search, or other work that takes about as long.
 *
 * Invariant: without a time limit and a signal, only effort counts, so that the same input gives the same answer on
 * every machine. The clock and the signal are checked every 256 units. A slice charges its parent.
 */

import { checkArgument } from '../errors.js';

/** Why a search ended: it had its answer, or it reached a limit. */
export type StopReason = 'done' | 'effort' | 'time' | 'abort';

export interface Limits {
  readonly maxEffort: number;
  readonly timeLimitMs: number;
  readonly signal: { readonly aborted: boolean } | undefined;
  /** Called every 256 units of effort. */
  readonly onTick: (() => void) | undefined;
}

/** What a caller may say of a search, as `SolveOptions` does. @throws PlannerError `BAD_ARGUMENT` */
export function checkSearchLimits(options: {
  readonly maxEffort?: number;
  readonly timeLimitMs?: number;
  readonly signal?: { readonly aborted: boolean };
  readonly onProgress?: unknown;
}): void {
  const { maxEffort = 0, timeLimitMs = 0, signal, onProgress } = options;
  const check = (culprit: string, value: unknown, valid: boolean, limit: string): void =>
    checkArgument(valid, culprit, value, limit, 'Correct it, or leave it out.');
  const isCount = maxEffort === Infinity || (Number.isSafeInteger(maxEffort) && maxEffort >= 0);
  check('maxEffort', maxEffort, isCount, 'an integer from 0 to 2^53 - 1, or Infinity');
  check('timeLimitMs', timeLimitMs, typeof timeLimitMs === 'number' && timeLimitMs >= 0, 'at least 0');
  const isSignal = signal === undefined || typeof (signal as typeof signal | null)?.aborted === 'boolean';
  check('signal', signal, isSignal, 'an AbortSignal');
  check('onProgress', onProgress, onProgress === undefined || typeof onProgress === 'function', 'a function');
}

const CLOCK_INTERVAL = 256;
/** Effort of the first slice of an unlimited budget. */
const FIRST_SLICE = 50_000;

export class Budget {
  effort = 0;
  reason: StopReason = 'done';
  readonly #deadline: number;
  readonly #limits: Limits;
  readonly #whole: Budget | null;

  constructor(limits: Limits, whole: Budget | null = null) {
    this.#limits = limits;
    this.#whole = whole;
    const { timeLimitMs } = limits;
    this.#deadline = timeLimitMs === Infinity ? Infinity : performance.now() + timeLimitMs;
    this.#checkClock();
  }

  get isSpent(): boolean {
    return this.reason !== 'done';
  }

  /** A budget with a share of the effort that is left. */
  slice(share: number): Budget {
    this.#checkClock();
    const { maxEffort } = this.#limits;
    const left = maxEffort === Infinity ? FIRST_SLICE + this.effort : (maxEffort - this.effort) * share;
    return new Budget(
      { maxEffort: Math.ceil(left), timeLimitMs: Infinity, signal: undefined, onTick: undefined },
      this,
    );
  }

  /** Spends one unit; false once the budget is spent. */
  spend(): boolean {
    if (this.isSpent) return false;
    if (this.#whole !== null && !this.#whole.spend()) this.reason = this.#whole.reason;
    else if (this.effort >= this.#limits.maxEffort) this.reason = 'effort';
    else if (++this.effort % CLOCK_INTERVAL === 0) this.#tick();
    return !this.isSpent;
  }

  /** Counts effort that has been spent already, and checks the clock and the signal. */
  charge(effort: number): void {
    this.#whole?.charge(effort);
    this.effort += effort;
    if (this.isSpent) return;
    if (this.#whole?.isSpent === true) this.reason = this.#whole.reason;
    else if (this.effort >= this.#limits.maxEffort) this.reason = 'effort';
    else this.#checkClock();
  }

  /** Ends the budget because nothing is left to try. */
  giveUp(): void {
    if (!this.isSpent) this.#checkClock();
    if (!this.isSpent) this.reason = 'effort';
  }

  #tick(): void {
    this.#limits.onTick?.();
    this.#checkClock();
  }

  /** Checks the clock and the signal. The signal can change whenever the caller's code has run. */
  #checkClock(): void {
    if (this.#limits.signal?.aborted) this.reason = 'abort';
    else if (this.#deadline !== Infinity && performance.now() >= this.#deadline) this.reason = 'time';
  }
}
