/**
 * What is in memory at the worst moment.
 *
 *     step     0    1    2    3
 *     a        ████████                 the peak is step 1, where a, b and c live;
 *     b             ████████            d takes over the bytes of b at step 3, so that b counts as gone there
 *     c        ██████████████
 *     d                      ████
 *
 * Invariant: the bytes of what lives at the peak add up to the live load, which is the lower bound of a plan.
 */
import type { PlannedTensor } from '../plan/layout.js';
import type { Plan } from '../plan/plan.js';
import type { CsvProblem } from '../problem/csv.js';
import { liveLoad } from '../problem/lower-bound.js';
import { neededParts } from '../problem/parts.js';
import type { Placement } from '../solver/allocator.js';
import type { Tensor } from '../tensor/tensor.js';

/** A tensor or a buffer that needs bytes. */
export interface Occupant {
  readonly name: string;
  /** Empty without a graph, as are type and shape. */
  readonly op: string;
  readonly type: string;
  readonly shape: string;
  /** Bytes that it needs at the peak. */
  readonly size: number;
  readonly chunk: number;
  readonly offset: number;
  /** Inclusive. */
  readonly start: number;
  /** Exclusive: where the bytes are given up or taken over. */
  readonly end: number;
}

/** The step at which most bytes are live. */
export interface Peak {
  /** The first one, if several are equal. */
  readonly step: number;
  /** Which step that is, in words. */
  readonly where: string;
  /** Bytes that are live at that step. */
  readonly bytes: number;
  /** The largest first, then by offset. */
  readonly occupants: readonly Occupant[];
}

/** Finds the peak of a plan. O(n log n + steps). */
export function peakOfPlan(plan: Plan): Peak {
  const { graph, nodeCount } = plan;
  const tensors = untilTakenOver(plan);
  const load = new Float64Array(Math.max(1, nodeCount) + 1);
  for (const { start, end, size } of tensors) {
    load[start] += size;
    load[end] -= size;
  }
  let step = 0;
  let bytes = 0;
  for (let s = 0, current = 0; s < load.length; s++) {
    current += load[s];
    if (current > bytes) [step, bytes] = [s, current];
  }
  const where = `step ${step} of ${nodeCount}${nodeCount > 0 ? `, ${graph.nodes[step].name}` : ''}`;
  const alive = tensors.filter(({ start, end }) => start <= step && step < end);
  return {
    step,
    where,
    bytes,
    occupants: largestFirst(alive.map((tensor) => occupant(tensor, graph.tensors[tensor.id]))),
  };
}

/** Finds the peak of a placed problem, in the steps of its text. O(buffers + gaps + steps). */
export function peakOfPlacement({ problem, ids, lowers, uppers, steps }: CsvProblem, placement: Placement): Peak {
  const { step, bytes } = liveLoad(problem);
  const { starts, ends, bufferCount } = problem;
  const alive: Occupant[] = [];
  for (let b = 0; b < bufferCount; b++) {
    if (starts[b] > step || step >= ends[b]) continue;
    const part = neededParts(problem, b).find(({ start, end }) => start <= step && step < end);
    if (part === undefined) continue;
    alive.push({
      name: ids[b],
      op: '',
      type: '',
      shape: '',
      size: part.upper - part.lower,
      chunk: placement.chunkOf[b],
      offset: placement.offsets[b] + part.lower,
      start: lowers[b],
      end: uppers[b],
    });
  }
  const name = steps[step] ?? 0;
  return { step: name, where: `step ${name}`, bytes, occupants: largestFirst(alive) };
}

function largestFirst(occupants: Occupant[]): Occupant[] {
  return occupants.sort((a, b) => b.size - a.size || a.chunk - b.chunk || a.offset - b.offset);
}

/** A shape as its program writes it: ggml begins with the innermost dimension and leaves out what is 1 at the end. */
function shapeText({ shape, origin }: Tensor): string {
  if (origin.dialect !== 'ggml') return shape.length === 0 ? 'scalar' : shape.toReversed().join(' x ');
  const last = shape.findLastIndex((length) => length !== 1);
  return shape.slice(0, Math.max(1, last + 1)).join(' x ');
}

function occupant({ name, size, chunk, offset, start, end }: PlannedTensor, tensor: Tensor): Occupant {
  const { op, type } = tensor;
  const shape = shapeText(tensor);
  return { name, op, type: type.name, shape, size, chunk, offset, start, end };
}

/** The planned tensors that need bytes, each only until another one takes these bytes over. */
function untilTakenOver({ tensors, shares }: Plan): PlannedTensor[] {
  const startOf = new Map(tensors.map(({ id, start }) => [id, start]));
  const takenAt = new Map<number, number>();
  for (const { id, owner: reused, why } of shares) {
    const start = startOf.get(id);
    if (why === 'reuse' && start !== undefined) takenAt.set(reused, start);
  }
  return tensors
    .map((tensor) => ({ ...tensor, end: takenAt.get(tensor.id) ?? tensor.end }))
    .filter(({ start, end, size }) => start < end && size > 0);
}
