/**
 * The passes that `fitGraph` combines, in the order in which it uses them.
 *
 * Invariant: a step makes graphs of one candidate; it decides nothing of what is allowed or wanted.
 */
import type { Rewritten } from '../../graph/rewritten.js';
import { Budget, type StopReason } from '../../solver/budget.js';
import { MEASURES } from '../measures.js';
import { searchOrder } from '../order/order-graph.js';
import { splitGraph } from '../split/split-graph.js';
import { RecomputeSearch } from '../recompute/recompute-search.js';
import { throughOrigin, type Candidate } from './candidate.js';
import type { FitOptions, PassName, ResolvedFitOptions } from './options.js';

/** What a step may know and spend. */
export interface StepContext extends ResolvedFitOptions, Pick<FitOptions, 'signal'> {
  readonly budgetBytes: number;
  readonly maxEffort: number;
  readonly timeLimitMs: number;
  readonly onTick: (effort: number) => void;
}

/** What a step has made of a candidate. */
export interface StepResult {
  readonly candidates: readonly Candidate[];
  /** Bytes that nothing can go below which this step alone can make of the candidate. */
  readonly bound: number;
  readonly effort: number;
  readonly stopped: StopReason;
}

export interface Step {
  readonly name: PassName;
  /** The share of all effort that it may spend. */
  readonly effortShare: number;
  readonly run: (base: Candidate, context: StepContext) => Generator<void, StepResult>;
}

/** Graphs of a frontier that are measured, besides those that are found not to keep to the budget after all. */
const MOST_MEASURED = 12;

export const STEPS: readonly Step[] = [
  { name: 'order', effortShare: 0.3, run: order },
  { name: 'split', effortShare: 0, run: split },
  { name: 'recompute', effortShare: 0.7, run: recompute },
];

function* order(base: Candidate, context: StepContext): Generator<void, StepResult> {
  const { planning, maxEffort, timeLimitMs, signal, onTick } = context;
  const { alignment, reuse, runtime } = planning;
  const onProgress = ({ effort }: { readonly effort: number }): void => onTick(effort);
  const limits = { maxEffort, timeLimitMs, onProgress, ...(signal === undefined ? {} : { signal }) };
  const found = yield* searchOrder(base.graph, { alignment, reuse, runtime, minimise: 'size', ...limits });
  const { bound, effort, stopped } = found;
  const candidate = { ...base, ...throughOrigin(base, found), bufferSize: found.peak };
  return { candidates: [candidate], bound, effort, stopped };
}

/** Its search has no effort to limit: it takes about as long as the graph is large. */
function* split(base: Candidate, context: StepContext): Generator<void, StepResult> {
  const { planning, budgetBytes, maxExtraOps, maxRereadBytes, onTick } = context;
  const { alignment, reuse, runtime } = planning;
  onTick(0);
  yield;
  const made = splitGraph(base.graph, {
    ...{ alignment, reuse, runtime, budget: budgetBytes },
    maxExtraOps: Math.max(0, (maxExtraOps - base.extraOps) / (1 + base.extraOps)),
    maxRereadBytes: Math.max(0, maxRereadBytes - base.rereadBytes),
  });
  const nothing = { bound: 0, effort: 0, stopped: 'done' } as const;
  if (made.regionCount === 0) return { candidates: [], ...nothing };
  const extraOps = base.extraOps + (1 + base.extraOps) * made.extraOps;
  const rereadBytes = base.rereadBytes + made.rereadBytes;
  const candidate = { ...throughOrigin(base, made), bufferSize: sizeOf(made, context), extraOps, rereadBytes };
  return { candidates: [candidate], ...nothing };
}

function* recompute(base: Candidate, context: StepContext): Generator<void, StepResult> {
  const { planning, costOf, budgetBytes, maxEffort, timeLimitMs, signal, onTick } = context;
  const found = new RecomputeSearch(base.graph, planning, costOf);
  const budget = new Budget({ maxEffort, timeLimitMs, signal, onTick: () => onTick(budget.effort) });
  yield* found.run(budget);
  const { points } = found;
  const measured = function* (indices: Iterable<number>): Generator<Candidate, void> {
    for (const index of indices) {
      const point = points[index];
      const made = found.rebuilt(point);
      const extraOps = base.extraOps + (1 + base.extraOps) * found.shareOf(point.cost);
      yield { ...base, ...throughOrigin(base, made), bufferSize: sizeOf(made, context), extraOps };
    }
  };
  const candidates = [...measured(spread(points.length, MOST_MEASURED))];
  const first = points.findIndex(({ peak }) => peak <= budgetBytes);
  for (const candidate of measured(
    first === -1 ? [] : Array.from({ length: points.length - first }, (_, i) => first + i),
  )) {
    candidates.push(candidate);
    if (candidate.bufferSize <= budgetBytes || signal?.aborted === true) break;
    yield;
  }
  if (found.bound < found.frontier.points.at(-1)!.peak) budget.giveUp();
  return { candidates, bound: found.bound, effort: budget.effort, stopped: budget.reason };
}

/** Up to `most` indices below `count`, evenly spread, the last one among them. */
function spread(count: number, most: number): Set<number> {
  const length = Math.min(count, most);
  return new Set(Array.from({ length }, (_, n) => Math.ceil(((n + 1) * count) / length) - 1));
}

/** Bytes of the compute buffer. */
export function sizeOf(
  { graph }: Pick<Rewritten, 'graph'>,
  { planning }: Pick<ResolvedFitOptions, 'planning'>,
): number {
  return MEASURES.size(graph, planning);
}
