/**
 * Jobs in the sequence in which they run, some more than once, and the bytes that are live meanwhile.
 *
 * A storage that is made again is a new one: each *version* lives from its run to the last read before the next version.
 *
 * Invariant: for jobs that run once each, the load is that of the order, as `OrderProblem` has it. A version that nobody
 * reads would be a result of the graph, so a further run that makes one does not take place.
 */
import { NO_STORAGE } from '../order/order-problem.js';
import type { RecomputeProblem } from './recompute-problem.js';

/** No position. */
const NEVER = -1;
/** In place of a job: a run that does not take place. */
export const NO_RUN = -1;

/** The runs and their loads: columns that are written anew for each sequence. */
export class Runs {
  /** By position, the job that runs, or {@link NO_RUN}; entries below `count`. */
  jobs: Int32Array;
  /** By position, the job that runs for the first time then or next: the stage. */
  stages: Int32Array;
  /** By position, the bytes that are live while the job runs. */
  loads: Float64Array;
  count = 0;
  /** The most bytes that are live at once. */
  peak = 0;
  /** The cost of all runs but the first of each job. */
  cost = 0;
  readonly #problem: RecomputeProblem;
  readonly #lastReads: Int32Array;

  constructor(problem: RecomputeProblem) {
    this.#problem = problem;
    const room = 2 * problem.jobCount + 1;
    this.jobs = new Int32Array(room);
    this.stages = new Int32Array(room);
    this.loads = new Float64Array(room);
    this.#lastReads = new Int32Array(problem.sizes.length);
  }

  clear(): void {
    this.count = 0;
    this.cost = 0;
  }

  push(job: number, stage: number): void {
    if (this.count === this.jobs.length) this.#grow();
    this.jobs[this.count] = job;
    this.stages[this.count++] = stage;
    if (job !== stage) this.cost += this.#problem.costs[job];
  }

  #grow(): void {
    const room = 2 * this.jobs.length;
    const [jobs, stages] = [this.jobs, this.stages];
    this.jobs = new Int32Array(room);
    this.stages = new Int32Array(room);
    this.jobs.set(jobs);
    this.stages.set(stages);
    this.loads = new Float64Array(room);
  }

  /** Works out the loads, from the end to the start, where it is known who reads each version last. O(runs + reads). */
  measure(): void {
    const { reads, reusable, sizes, made, madeBytes, isKept, firstLoad, costs } = this.#problem;
    const { jobs, stages, loads } = this;
    const lastReads = this.#lastReads;
    let load = 0;
    for (let storage = 0; storage < sizes.length; storage++) {
      lastReads[storage] = isKept[storage] === 1 ? this.count : NEVER;
      if (isKept[storage] === 1) load += sizes[storage];
    }
    this.peak = Math.max(firstLoad, load);
    for (let position = this.count - 1; position >= 0; position--) {
      const job = jobs[position];
      const storage = made[job];
      if (storage !== NO_STORAGE) {
        if (lastReads[storage] === NEVER && job !== stages[position]) {
          this.cost -= costs[job];
          jobs[position] = NO_RUN;
          loads[position] = 0;
          continue;
        }
        if (lastReads[storage] !== NEVER) load -= sizes[storage];
        lastReads[storage] = NEVER;
      }
      for (let at = reads.first[job]; at < reads.first[job + 1]; at++) {
        const read = reads.items[at];
        if (lastReads[read] !== NEVER) continue;
        lastReads[read] = position;
        load += sizes[read];
      }
      let reused = 0;
      for (let at = reusable.first[job]; at < reusable.first[job + 1]; at++) {
        const read = reusable.items[at];
        if (lastReads[read] === position && sizes[read] > reused) reused = sizes[read];
      }
      const most = load + Math.max(0, madeBytes[job] - reused);
      loads[position] = most;
      if (most > this.peak) this.peak = most;
    }
  }

  /** Bytes above a limit, over all runs. */
  excessOver(limit: number): number {
    let excess = 0;
    for (let position = 0; position < this.count; position++) {
      if (this.loads[position] > limit) excess += this.loads[position] - limit;
    }
    return excess;
  }
}
