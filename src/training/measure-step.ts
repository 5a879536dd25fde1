/**
 * The live bytes of a step, added up by phase and by what they are for.
 */
import { RELEASE } from '../dialects/torch/operations.js';
import { analyzeLiveness, NO_BUFFER } from '../liveness/liveness.js';
import type { Problem } from '../problem/problem.js';
import type { PhaseMeasurement, StepMeasurement, TrainingKind, TrainingPhase, TrainingStep } from './measurement.js';

const PHASES: readonly TrainingPhase[] = ['forward', 'backward', 'step'];

const NO_BYTES: Readonly<Record<TrainingKind, number>> = {
  parameters: 0,
  buffers: 0,
  inputs: 0,
  gradients: 0,
  optimizerStates: 0,
  activations: 0,
  recomputed: 0,
  temporaries: 0,
};

/** A step with what it leaves behind. */
export interface MeasuredStep extends StepMeasurement {
  /** Bytes of what the step leaves behind, by what it is for. */
  readonly kept: Readonly<Record<TrainingKind, number>>;
  /** Bytes of gradients when the backward pass ends. */
  readonly gradients: number;
}

/** The live bytes of a step. O(nodes + sources). */
export function measureStep(step: TrainingStep, alignment: number): MeasuredStep {
  const { graph, phaseStarts } = step;
  const { problem, bufferOf } = analyzeLiveness(graph.table, 'off', alignment);
  const loads = loadsOf(problem);
  // The last node lets go of the gradients and of the loss: the step ends before it.
  const bounds = [0, phaseStarts.backward, phaseStarts.step, graph.nodes.length - 1];
  const measured = PHASES.map((_, phase) => measurePhase(step, problem, loads, bounds[phase], bounds[phase + 1]));
  const highest = measured.reduce((best, each, phase) => (each.peak > measured[best].peak ? phase : best), 0);
  const { peak, op, at } = measured[highest];
  const sumOf = (isCounted: (buffer: number) => boolean): Record<TrainingKind, number> => {
    const sums = { ...NO_BYTES };
    bufferOf.forEach((buffer, tensor) => {
      if (buffer !== NO_BUFFER && isCounted(buffer)) sums[step.kinds[tensor]] += problem.sizes[buffer];
    });
    return sums;
  };
  const { starts, ends } = problem;
  const byKind = sumOf((buffer) => starts[buffer] <= at && ends[buffer] > at);
  const { gradients } = sumOf((buffer) => starts[buffer] < phaseStarts.step && ends[buffer] > phaseStarts.step);
  const kept = { ...NO_BYTES };
  for (const tensor of graph.outputs) {
    const id = graph.idOf(tensor);
    kept[step.kinds[id]] += problem.sizes[bufferOf[id]];
  }
  const phases = Object.fromEntries(PHASES.map((phase, index) => [phase, measured[index]])) as unknown as Record<
    TrainingPhase,
    PhaseMeasurement
  >;
  return { peak, phase: PHASES[highest], op, phases, byKind, kept, gradients };
}

/** The live bytes at each step. */
function loadsOf({ bufferCount, stepCount, starts, ends, sizes }: Problem): Float64Array {
  const loads = new Float64Array(stepCount + 1);
  for (let buffer = 0; buffer < bufferCount; buffer++) {
    loads[starts[buffer]] += sizes[buffer];
    loads[ends[buffer]] -= sizes[buffer];
  }
  for (let at = 1; at < loads.length; at++) loads[at] += loads[at - 1];
  return loads;
}

function measurePhase(
  { graph }: TrainingStep,
  problem: Problem,
  loads: Float64Array,
  first: number,
  end: number,
): PhaseMeasurement & { readonly at: number } {
  let at = first;
  for (let node = first + 1; node < end; node++) if (loads[node] > loads[at]) at = node;
  const node = graph.nodes[at];
  const op = node.isView || node.operation === RELEASE ? null : node.op;
  return { peak: loads[at], op, end: aliveAcross(problem, end), at };
}

/** Bytes of what is there before the step and needed at it or later. */
function aliveAcross({ bufferCount, starts, ends, sizes }: Problem, step: number): number {
  let bytes = 0;
  for (let buffer = 0; buffer < bufferCount; buffer++) {
    if (starts[buffer] < step && ends[buffer] > step) bytes += sizes[buffer];
  }
  return bytes;
}
