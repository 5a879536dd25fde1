/**
 * Values whose drop may lower the load where it is highest.
 *
 * Invariant: ordered by bytes taken off the excess for the cost, as far as that shows without measuring.
 */
import { itemsOf } from '../order/lists.js';
import { NO_STORAGE } from '../order/order-problem.js';
import type { RecomputeProblem } from './recompute-problem.js';
import { early, jobOf, type Retention } from './retention.js';
import { NO_RUN, type Runs } from './runs.js';

/** What is dropped together, before the same stage. */
export interface Candidate {
  readonly drops: readonly number[];
  readonly stage: number;
  readonly score: number;
}

const NEVER = -1;
/** Jobs of one candidate, at most. */
const LONGEST_CHAIN = 64;
/** A dead operand of so much less than what it is for is kept instead of computed again, in one of the candidates. */
const SMALL = 1 / 4;

export class Candidates {
  readonly #problem: RecomputeProblem;
  /**
   * By storage, of what it holds at the position that is looked at: the first and the last read behind it, and the last run
   * or read before it.
   */
  readonly #nextReads: Int32Array;
  readonly #finalReads: Int32Array;
  readonly #lastUses: Int32Array;
  /** By position, how many runs before it exceed the limit. */
  #exceeding = new Int32Array(0);
  /** The position that is looked at: the first with the highest load. */
  #position = 0;

  constructor(problem: RecomputeProblem) {
    this.#problem = problem;
    this.#nextReads = new Int32Array(problem.sizes.length);
    this.#finalReads = new Int32Array(problem.sizes.length);
    this.#lastUses = new Int32Array(problem.sizes.length);
  }

  /** All candidates, the most promising first. O(runs + reads). */
  at(runs: Runs, limit: number, retention: Retention): Candidate[] {
    this.#scan(runs, limit);
    const { sizes, makers, canRerun, reusable, readers } = this.#problem;
    const position = this.#position;
    const found: Candidate[] = [];
    for (let storage = 0; storage < sizes.length; storage++) {
      const job = makers[storage];
      const next = this.#nextReads[storage];
      if (job === -1 || canRerun[job] === 0 || next === NEVER) continue;
      const last = this.#lastUses[storage];
      if (last === NEVER || (last === position && !itemsOf(reusable, runs.jobs[position]).includes(storage))) continue;
      const stage = runs.stages[next];
      // The first run is for somebody.
      const firstReader = readers.items[readers.first[storage]];
      if (stage <= firstReader) continue;
      if (stage === runs.stages[position] && job < runs.jobs[position]) continue;
      const exceeding = (end: number): number => this.#exceeding[end] - this.#exceeding[Math.min(last + 1, position)];
      const add = (drops: readonly number[], at: number, end: number): void => {
        const cost = drops.reduce((sum, drop) => sum + this.#problem.costs[jobOf(drop)], 0);
        found.push({
          drops,
          stage: at,
          score: (sizes[storage] * exceeding(end)) / Math.max(cost, this.#problem.leastCost),
        });
      };
      for (const chain of this.#chains(job, stage, retention)) add(chain, stage, next);
      const soonest = this.#soonestEnd(job);
      if (soonest === NEVER || runs.stages[soonest] >= stage || runs.stages[soonest] <= firstReader) continue;
      const [first, ...others] = this.#chain(job, runs.stages[soonest], retention, 0);
      add([early(first), ...others], runs.stages[soonest], soonest);
    }
    return found.sort((a, b) => b.score - a.score || a.stage - b.stage || a.drops[0] - b.drops[0]);
  }

  /** The last position behind the one that is looked at where all operands that are live there still are. */
  #soonestEnd(job: number): number {
    const { reads, isKept } = this.#problem;
    let soonest = NEVER;
    for (let r = reads.first[job]; r < reads.first[job + 1]; r++) {
      const final = this.#finalReads[reads.items[r]];
      if (final === NEVER || isKept[reads.items[r]] === 1) continue;
      if (soonest === NEVER || final < soonest) soonest = final;
    }
    return soonest;
  }

  #scan(runs: Runs, limit: number): void {
    const { reads, made } = this.#problem;
    const { jobs, loads, count } = runs;
    if (this.#exceeding.length < count + 1) this.#exceeding = new Int32Array(2 * count);
    let position = 0;
    for (let at = 0; at < count; at++) {
      this.#exceeding[at + 1] = this.#exceeding[at] + (loads[at] > limit ? 1 : 0);
      if (loads[at] > loads[position]) position = at;
    }
    this.#position = position;
    const nextReads = this.#nextReads.fill(NEVER);
    const finalReads = this.#finalReads.fill(NEVER);
    const lastUses = this.#lastUses.fill(NEVER);
    for (let at = count - 1; at > position; at--) {
      const job = jobs[at];
      if (job === NO_RUN) continue;
      if (made[job] !== NO_STORAGE) nextReads[made[job]] = finalReads[made[job]] = NEVER;
      for (let r = reads.first[job]; r < reads.first[job + 1]; r++) {
        const read = reads.items[r];
        nextReads[read] = at;
        if (finalReads[read] === NEVER) finalReads[read] = at;
      }
    }
    for (let at = 0; at <= position; at++) {
      const job = jobs[at];
      if (job === NO_RUN) continue;
      if (made[job] !== NO_STORAGE) lastUses[made[job]] = at;
      for (let r = reads.first[job]; r < reads.first[job + 1]; r++) lastUses[reads.items[r]] = at;
    }
  }

  /** The jobs to drop with `job`: it alone, or with operands that are dead by then, all of them or but the small ones. */
  #chains(job: number, stage: number, retention: Retention): number[][] {
    if (retention.has(job, stage)) return [];
    const whole = this.#chain(job, stage, retention, 0);
    if (whole.length === 1) return [whole];
    const partial = this.#chain(job, stage, retention, SMALL * this.#problem.madeBytes[job]);
    return partial.length === whole.length ? [whole, [job]] : [whole, partial, [job]];
  }

  #chain(job: number, stage: number, retention: Retention, smallest: number): number[] {
    const { reads, makers, sizes, canRerun } = this.#problem;
    const chain = [job];
    for (let index = 0; index < chain.length && chain.length < LONGEST_CHAIN; index++) {
      const at = chain[index];
      for (let r = reads.first[at]; r < reads.first[at + 1]; r++) {
        const storage = reads.items[r];
        const maker = makers[storage];
        const isLive = this.#nextReads[storage] !== NEVER;
        if (maker === -1 || canRerun[maker] === 0 || isLive || sizes[storage] <= smallest) continue;
        if (!chain.includes(maker) && !retention.has(maker, stage)) chain.push(maker);
      }
    }
    return chain;
  }
}
