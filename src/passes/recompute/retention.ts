/**
 * Which values are kept between two reads, and which are dropped and computed again for the later one.
 *
 *     stage      0      1      2      3             The job of each stage runs for the first time. Before it run those that
 *     job        a    b = f(a)  c    d = g(a, c)    are computed again. Dropped at stage 3, a runs again between c and d;
 *                                                   all that a reads must be there then, kept or computed again.
 *
 * A drop is a job and a stage. An *early* drop computes the value again although only a later stage needs it: its operands
 * may still be there.
 *
 * Invariant: any set of drops can be run. Any other drop of a value that its stage does not need changes nothing.
 */
import type { RecomputeProblem } from './recompute-problem.js';
import type { Runs } from './runs.js';

/** The drop of a job's value that is computed again before anything needs it. */
export const early = (job: number): number => -1 - job;
/** The job of a drop. */
export const jobOf = (drop: number): number => (drop < 0 ? -1 - drop : drop);

export class Retention {
  /** By stage, the jobs whose values are dropped before it, and computed again for it; {@link early} ones as such. */
  readonly drops: number[][];
  readonly #problem: RecomputeProblem;
  /** By job, the last stage that dropped it, and the last that found it needed. */
  readonly #droppedAt: Int32Array;
  readonly #neededAt: Int32Array;

  constructor(problem: RecomputeProblem) {
    const { jobCount } = problem;
    this.#problem = problem;
    this.drops = Array.from({ length: jobCount }, () => []);
    this.#droppedAt = new Int32Array(jobCount);
    this.#neededAt = new Int32Array(jobCount);
  }

  has(job: number, stage: number): boolean {
    return this.drops[stage].includes(job) || this.drops[stage].includes(early(job));
  }

  add(drop: number, stage: number): void {
    this.drops[stage].push(drop);
  }

  remove(drop: number, stage: number): void {
    const list = this.drops[stage];
    const at = list.indexOf(drop);
    if (at !== -1) list.splice(at, 1);
  }

  /** All drops, as pairs of drop and stage. */
  list(): [number, number][] {
    return this.drops.flatMap((jobs, stage) => jobs.map((job): [number, number] => [job, stage]));
  }

  copyFrom(other: Retention): void {
    other.drops.forEach((jobs, stage) => {
      const own = this.drops[stage];
      if (own.length > 0 || jobs.length > 0) this.drops[stage] = [...jobs];
    });
  }

  /** Writes the runs, and their loads. O(runs + reads). */
  run(runs: Runs): void {
    const { jobCount, reads, makers } = this.#problem;
    const droppedAt = this.#droppedAt.fill(-1);
    const neededAt = this.#neededAt.fill(-1);
    const open: number[] = [];
    const again: number[] = [];
    runs.clear();
    for (let stage = 0; stage < jobCount; stage++) {
      const drops = this.drops[stage];
      if (drops.length > 0) {
        again.length = 0;
        open.push(stage);
        for (const drop of drops) {
          const job = jobOf(drop);
          if (drop < 0 && neededAt[job] !== stage) {
            neededAt[job] = stage;
            again.push(job);
            open.push(job);
          }
          droppedAt[job] = stage;
        }
        for (let at = open.pop(); at !== undefined; at = open.pop()) {
          for (let r = reads.first[at]; r < reads.first[at + 1]; r++) {
            const maker = makers[reads.items[r]];
            if (maker === -1 || droppedAt[maker] !== stage || neededAt[maker] === stage) continue;
            neededAt[maker] = stage;
            again.push(maker);
            open.push(maker);
          }
        }
        again.sort((a, b) => a - b);
        for (const job of again) runs.push(job, stage);
      }
      runs.push(stage, stage);
    }
    runs.measure();
  }
}
