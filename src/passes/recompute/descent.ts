/**
 * Down from the peak: which values to drop so that everything fits in fewer and fewer bytes.
 *
 * While the load is too high somewhere, one value that is live there and read only later is dropped, with what it takes to
 * compute it again: the one that takes most bytes off the excess for its cost. Then drops that are no longer needed are
 * undone, and a few at a time are taken back and replaced, which may turn out cheaper.
 *
 * Invariant: depends on nothing but the problem and the effort. Whatever is measured on the way joins the frontier.
 */
import { createRandom } from '../../solver/random.js';
import type { Budget } from '../../solver/budget.js';
import type { Bounds } from './bounds.js';
import { Candidates, type Candidate } from './candidates.js';
import type { Frontier } from './frontier.js';
import type { RecomputeProblem } from './recompute-problem.js';
import { jobOf, Retention } from './retention.js';
import { Runs } from './runs.js';

/** Drops that are measured, of those that look best. */
const MOST_MEASURED = 12;
/** Runs that are measured for a unit of effort. */
const RUNS_PER_EFFORT = 64;
/** Steps from the peak to nothing. */
const STEP_COUNT = 40;
/** Attempts to find something cheaper, one after another, of which none does. */
const MOST_FRUITLESS = 500;
/** Drops that are taken back at once, at most. */
const MOST_TAKEN_BACK = 6;

export class Descent {
  readonly #problem: RecomputeProblem;
  readonly #bounds: Bounds;
  readonly #frontier: Frontier;
  readonly #budget: Budget;
  readonly #current: Retention;
  readonly #runs: Runs;
  readonly #trial: Runs;
  readonly #candidates: Candidates;
  readonly #random = createRandom(1);

  constructor(problem: RecomputeProblem, bounds: Bounds, frontier: Frontier, budget: Budget) {
    this.#problem = problem;
    this.#bounds = bounds;
    this.#frontier = frontier;
    this.#budget = budget;
    this.#current = new Retention(problem);
    this.#runs = new Runs(problem);
    this.#trial = new Runs(problem);
    this.#candidates = new Candidates(problem);
  }

  /**
   * Goes down from `peak` to `floor` bytes by steps of a 40th, and spends the same effort on each. Pauses now and then.
   */
  *lowerThrough(peak: number): Generator<void, void> {
    const { floor } = this.#bounds;
    const limits: number[] = [];
    for (let step = 1; step < STEP_COUNT; step++) limits.push(Math.floor((peak * (STEP_COUNT - step)) / STEP_COUNT));
    const open = [...limits.filter((limit) => limit > floor), floor].filter((limit) => limit < peak);
    for (const [index, limit] of open.entries()) {
      if (!(yield* this.#lowerTo(limit, this.#budget.slice(1 / (open.length - index))))) return;
    }
  }

  /** Measures the current drops. */
  #measure(runs: Runs): void {
    this.#current.run(runs);
    for (let unit = 0; unit < runs.count; unit += RUNS_PER_EFFORT) this.#budget.spend();
    this.#frontier.offer(runs);
  }

  /**
   * Goes down to `limit` bytes, and then looks for cheaper ways within `budget`. False if no way down was found. Pauses now
   * and then.
   */
  *#lowerTo(limit: number, budget: Budget): Generator<void, boolean> {
    this.#measure(this.#runs);
    if (!(yield* this.#descend(limit))) return false;
    this.#undoNeedless(limit);
    const best = new Retention(this.#problem);
    best.copyFrom(this.#current);
    let leastCost = this.#runs.cost;
    const bound = this.#bounds.costWithin(limit);
    for (let fruitless = 0; leastCost > bound && fruitless < MOST_FRUITLESS && !budget.isSpent; fruitless++) {
      this.#takeBackSome();
      const start = this.#budget.effort;
      const isBack = yield* this.#descend(limit);
      if (isBack) this.#undoNeedless(limit);
      budget.charge(this.#budget.effort - start);
      if (isBack && this.#runs.cost <= leastCost) {
        if (this.#runs.cost < leastCost) fruitless = 0;
        leastCost = this.#runs.cost;
        best.copyFrom(this.#current);
      } else {
        this.#current.copyFrom(best);
      }
      yield;
    }
    return true;
  }

  /** Drops values until nothing exceeds `limit`. */
  *#descend(limit: number): Generator<void, boolean> {
    const runs = this.#runs;
    this.#measure(runs);
    while (runs.peak > limit) {
      if (this.#budget.isSpent) return false;
      const excess = runs.excessOver(limit);
      const cost = runs.cost;
      const candidates = this.#candidates.at(runs, limit, this.#current);
      let best: Candidate | null = null;
      let bestScore = 0;
      for (const [index, candidate] of candidates.entries()) {
        if (best !== null && index >= MOST_MEASURED) break;
        this.#apply(candidate);
        this.#measure(this.#trial);
        this.#takeBack(candidate);
        const gain = excess - this.#trial.excessOver(limit);
        if (gain <= 0) continue;
        const score = gain / Math.max(this.#trial.cost - cost, this.#problem.leastCost);
        if (score > bestScore) {
          bestScore = score;
          best = candidate;
        }
      }
      yield;
      if (best === null) return false;
      this.#apply(best);
      this.#measure(runs);
    }
    return true;
  }

  #apply({ drops, stage }: Candidate): void {
    for (const drop of drops) this.#current.add(drop, stage);
  }

  #takeBack({ drops, stage }: Candidate): void {
    for (const drop of drops) this.#current.remove(drop, stage);
  }

  /** Takes back drops without which everything still fits, the dearest first. */
  #undoNeedless(limit: number): void {
    const { costs } = this.#problem;
    const drops = this.#current.list().sort((a, b) => costs[jobOf(b[0])] - costs[jobOf(a[0])]);
    for (const [drop, stage] of drops) {
      this.#current.remove(drop, stage);
      this.#measure(this.#trial);
      if (this.#trial.peak > limit || this.#trial.cost > this.#runs.cost) this.#current.add(drop, stage);
      else this.#measure(this.#runs);
    }
  }

  /** Takes back a few drops: some at stages close to each other, or anywhere. */
  #takeBackSome(): void {
    const drops = this.#current.list();
    const pick = (most: number): number => Math.floor(this.#random() * most);
    const count = Math.min(drops.length, 1 + pick(MOST_TAKEN_BACK));
    const first = pick(drops.length);
    const areClose = pick(2) === 0;
    for (let n = 0; n < count; n++) {
      const at = areClose ? (first + n) % drops.length : pick(drops.length);
      this.#current.remove(...drops[at]);
    }
  }
}
