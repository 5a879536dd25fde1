/**
 * The live bytes of a device over a step: the peak, its phase, its operation, and what the bytes are for.
 */
import type { TrainingPhase } from '../measurement.js';
import { SLOTS, phaseOf, type DeviceKind, type Timeline } from './timeline.js';

const PHASES: readonly TrainingPhase[] = ['forward', 'backward', 'step'];

/** One step on one device, in bytes. */
export interface DeviceStep {
  /** Most bytes that are alive at once. */
  readonly peak: number;
  readonly phase: TrainingPhase;
  /** The operation at which the peak is first reached, by its name in PyTorch; null between operations. */
  readonly op: string | null;
  /** The peak of each phase, and what is alive when it ends. */
  readonly phases: Readonly<Record<TrainingPhase, { readonly peak: number; readonly end: number }>>;
  /** The bytes of `peak` by what they are for. */
  readonly byKind: Readonly<Partial<Record<DeviceKind, number>>>;
  /** What the step leaves behind. */
  readonly atRest: number;
}

/** Adds up what is alive. O(spans + slots). */
export function measureTimeline(timeline: Timeline): DeviceStep {
  const { spans, nodeCount, phaseStarts, ops } = timeline;
  const loads = new Float64Array(nodeCount * SLOTS + 1);
  for (const { size, start, end } of spans) {
    loads[start] += size;
    loads[end] -= size;
  }
  for (let slot = 1; slot < loads.length; slot++) loads[slot] += loads[slot - 1];
  // The last node lets go of the gradients and of the loss: the step ends before it.
  const bounds = [0, phaseStarts.backward, phaseStarts.step, nodeCount - 1].map((node) => node * SLOTS);
  const peaks = PHASES.map((_, phase) => highest(loads, bounds[phase], bounds[phase + 1]));
  const at = peaks.reduce((best, each) => (loads[each] > loads[best] ? each : best));
  const byKind: Partial<Record<DeviceKind, number>> = {};
  for (const { size, start, end, kind } of spans) {
    if (start <= at && at < end) byKind[kind] = (byKind[kind] ?? 0) + size;
  }
  const phases = Object.fromEntries(
    PHASES.map((phase, index) => [phase, { peak: loads[peaks[index]], end: loads[bounds[index + 1] - 1] }]),
  ) as Record<TrainingPhase, { peak: number; end: number }>;
  const atRest = spans.reduce((sum, { size, isKept }) => sum + (isKept ? size : 0), 0);
  return { peak: loads[at], phase: phaseOf(timeline, at), op: ops[Math.floor(at / SLOTS)], phases, byKind, atRest };
}

function highest(loads: Float64Array, first: number, end: number): number {
  let at = first;
  for (let slot = first + 1; slot < end; slot++) if (loads[slot] > loads[at]) at = slot;
  return at;
}

/** Bytes of a kind that are there between steps, or gradients when the backward pass ends. */
export function bytesOf({ spans, phaseStarts }: Timeline, kind: DeviceKind): number {
  const slot = phaseStarts.step * SLOTS;
  return spans.reduce((sum, span) => {
    const isCounted =
      span.kind === kind && (span.isKept || (kind === 'gradients' && span.start < slot && span.end > slot));
    return sum + (isCounted ? span.size : 0);
  }, 0);
}
