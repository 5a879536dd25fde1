/**
 * The nodes of a graph as jobs: what an order can choose is when each job runs.
 *
 *     x ──▶ a ──▶ view ──▶ b          job 0: a, and the view of it at once
 *                          ▲          job 1: b, and c just before it: c takes nothing that c could free, so that it can
 *     weight ──▶ c ────────┘          only take up room before b needs it
 *
 * A node that only looks at bytes runs with the last node that it waits for. A *lazy* node waits for nothing, takes nothing
 * from the plan, and runs just before the first job that needs it.
 *
 * Invariant: some order with the least peak runs views and lazy nodes so. The jobs are in the given order.
 */
import type { Graph } from '../../graph/graph.js';
import { isPureView } from '../../graph/node-kind.js';
import { isKept, isPlanned } from '../../graph/table.js';
import { precedenceOf } from './precedence.js';

/** Lists of numbers, one after the other: those of `i` are entries `first[i]` to `first[i + 1]` (exclusive) of `items`. */
export interface Lists {
  readonly first: Int32Array;
  readonly items: Int32Array;
}

export function listsOf(lists: readonly (readonly number[])[]): Lists {
  const first = new Int32Array(lists.length + 1);
  lists.forEach((list, index) => (first[index + 1] = first[index] + list.length));
  return { first, items: Int32Array.from(lists.flat()) };
}

export interface Jobs {
  /** Steps of the views that wait for no job: they come first of all. */
  readonly prelude: readonly number[];
  /** By job, the steps that it is made of, in the order in which they run; the first is its own node. */
  readonly steps: readonly (readonly number[])[];
  /** Jobs that each job must follow; the lazy ones among them too. */
  readonly needs: Lists;
  readonly isLazy: Uint8Array;
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
  return { prelude, steps, needs: listsOf(needs), isLazy: lazyJobs(graph, steps, needs) };
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

/** Jobs that wait for nothing, make a storage, read none that could be freed, and that some other job needs. */
function lazyJobs({ table }: Graph, steps: readonly number[][], needs: readonly (readonly number[])[]): Uint8Array {
  const { nodes, sources, sourceFirst, roots, traits, sizes } = table;
  const isNeeded = new Uint8Array(steps.length);
  for (const list of needs) for (const need of list) isNeeded[need] = 1;
  const isFreed = (root: number): boolean => isPlanned(traits[root]) && !isKept(traits[root]) && sizes[root] > 0;
  return Uint8Array.from(steps, (own, job) => {
    if (needs[job].length > 0 || isNeeded[job] === 0) return 0;
    const made = nodes[own[0]];
    const takesNothing = own.every((step) => {
      const node = nodes[step];
      for (let s = sourceFirst[node]; s < sourceFirst[node + 1]; s++) {
        const root = roots[sources[s]];
        if (root !== made && isFreed(root)) return false;
      }
      return true;
    });
    return takesNothing && roots[made] === made ? 1 : 0;
  });
}
