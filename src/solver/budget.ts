/**
 * How much effort a search may still spend, and what ended it.
 *
 * Invariant: without a time limit and a signal, only the steps count, so that the same input gives the same answer on
 * every machine. The clock and the signal are looked at every 256 steps. What a slice spends, the whole has spent.
 */

/** Why a search came to an end: it had its answer, or it ran out of something. */
export type StopReason = 'done' | 'steps' | 'time' | 'abort';

export interface Limits {
  readonly maxSteps: number;
  readonly timeLimitMs: number;
  readonly signal: { readonly aborted: boolean } | undefined;
  /** Called every 256 steps. */
  readonly onTick: (() => void) | undefined;
}

const CLOCK_INTERVAL = 256;
/** Steps of the first slice of an unlimited budget. */
const FIRST_SLICE = 50_000;

export class Budget {
  steps = 0;
  reason: StopReason = 'done';
  private readonly deadline: number;

  constructor(
    private readonly limits: Limits,
    private readonly whole: Budget | null = null,
  ) {
    const { timeLimitMs } = limits;
    this.deadline = timeLimitMs === Infinity ? Infinity : performance.now() + timeLimitMs;
    this.checkClock();
  }

  get isSpent(): boolean {
    return this.reason !== 'done';
  }

  /** A part of what is left. */
  slice(share: number): Budget {
    this.checkClock();
    const { maxSteps } = this.limits;
    const left = maxSteps === Infinity ? FIRST_SLICE + this.steps : (maxSteps - this.steps) * share;
    return new Budget({ maxSteps: Math.ceil(left), timeLimitMs: Infinity, signal: undefined, onTick: undefined }, this);
  }

  /** Counts one step; false once the budget is spent. */
  spend(): boolean {
    if (this.isSpent) return false;
    if (this.whole !== null && !this.whole.spend()) this.reason = this.whole.reason;
    else if (this.steps >= this.limits.maxSteps) this.reason = 'steps';
    else if (++this.steps % CLOCK_INTERVAL === 0) this.tick();
    return !this.isSpent;
  }

  /** Counts several steps that have been taken already, and looks at the clock and the signal. */
  charge(steps: number): void {
    this.whole?.charge(steps);
    this.steps += steps;
    if (this.isSpent) return;
    if (this.whole?.isSpent === true) this.reason = this.whole.reason;
    else if (this.steps >= this.limits.maxSteps) this.reason = 'steps';
    else this.checkClock();
  }

  /** There is nothing left to try. */
  giveUp(): void {
    if (!this.isSpent) this.checkClock();
    if (!this.isSpent) this.reason = 'steps';
  }

  private tick(): void {
    this.limits.onTick?.();
    this.checkClock();
  }

  /** Looks at the clock and the signal, which may change whenever the caller's code has run. */
  private checkClock(): void {
    if (this.limits.signal?.aborted) this.reason = 'abort';
    else if (this.deadline !== Infinity && performance.now() >= this.deadline) this.reason = 'time';
  }
}
