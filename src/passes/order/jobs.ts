/**
 * The nodes of a graph as jobs: what an order can choose is when each job runs.
 *
 *     x ──▶ a ──▶ view ──▶ b          job 0: a, and the view of it at once
 *           └────▶ c ──────┘          job 1: c; job 2: b
 *
 * A node that only looks at bytes runs with the last node that it waits for: no later step makes fewer bytes live.
 *
 * Invariant: some order with the least peak runs views so. The jobs are in the given order.
 */
import type { Graph } from '../../graph/graph.js';
import { isPureView } from '../../graph/node-kind.js';
import { itemsOf, listsOf, type Lists } from './lists.js';
import { precedenceOf } from './precedence.js';

export interface Jobs {
  /** Steps of the views that wait for no job: they come first of all. */
  readonly prelude: readonly number[];
  /** By job, the steps that it is made of, in the order in which they run; the first is its own node. */
  readonly steps: readonly (readonly number[])[];
  /** Jobs that each job must follow. */
  readonly needs: Lists;
}

/** At the start, before all jobs. */
const START = -1;
/** Jobs that are looked at to find out whether a view can go with one job. */
const MOST_LOOKED_AT = 5000;

/** O(nodes + sources), and the search for hazards. */
export function jobsOf(graph: Graph): Jobs {
  const { table, tensors } = graph;
  const { first, steps: befores } = precedenceOf(graph);
  const prelude: number[] = [];
  const steps: number[][] = [];
  const needs: number[][] = [];
  /** By step, the job that it belongs to. */
  const jobOf = new Int32Array(table.nodes.length);
  const ancestry = new Ancestry(needs);
  for (let step = 0; step < table.nodes.length; step++) {
    const waitsFor = new Set<number>();
    for (let at = first[step]; at < first[step + 1]; at++) waitsFor.add(jobOf[befores[at]]);
    waitsFor.delete(START);
    if (isPureView(tensors[table.nodes[step]])) {
      const last = waitsFor.size === 0 ? START : ancestry.lastOf([...waitsFor]);
      if (last !== null) {
        jobOf[step] = last;
        (last === START ? prelude : steps[last]).push(step);
        continue;
      }
    }
    jobOf[step] = steps.push([step]) - 1;
    needs.push([...waitsFor].sort((a, b) => a - b));
  }
  return { prelude, steps, needs: listsOf(needs) };
}

class Ancestry {
  readonly #needs: readonly (readonly number[])[];

  constructor(needs: readonly (readonly number[])[]) {
    this.#needs = needs;
  }

  /** The one of some jobs that all others come before; null if there is none, or if that takes too long to find out. */
  lastOf(jobs: readonly number[]): number | null {
    const last = jobs.reduce((a, b) => Math.max(a, b));
    const limit = jobs.reduce((a, b) => Math.min(a, b));
    const missing = new Set(jobs);
    const seen = new Set([last]);
    for (const job of seen) {
      missing.delete(job);
      if (missing.size === 0) return last;
      if (seen.size > MOST_LOOKED_AT) return null;
      for (const need of this.#needs[job]) if (need >= limit) seen.add(need);
    }
    return null;
  }
}

/** The same jobs, given in another order, which must keep their needs. O(jobs + needs). */
export function inOrder({ prelude, steps, needs }: Jobs, order: readonly number[]): Jobs {
  const positions = new Int32Array(order.length);
  order.forEach((job, position) => (positions[job] = position));
  return {
    prelude,
    steps: order.map((job) => steps[job]),
    needs: listsOf(order.map((job) => Array.from(itemsOf(needs, job), (need) => positions[need]))),
  };
}
