/**
 * What the training of a model takes on one device: its first step and those that follow, planned operation by operation.
 */
import { checkOptions, type OptionNames } from '../errors.js';
import { checkAlignment } from '../units.js';
import { measureStep } from './measure-step.js';
import type { TrainingMeasurement } from './measurement.js';
import type { TrainingModel } from './model.js';
import { describe } from './read-model.js';
import { resolveRun } from './resolve-run.js';
import type { TrainingRun } from './run.js';
import { trainingStep } from './step.js';

/** How bytes are counted. */
export interface TrainingOptions {
  /** Every allocation counts as a multiple of this power of two, bytes: 512 in PyTorch on a GPU. Default 1 */
  readonly alignment?: number;
}

const OPTIONS: OptionNames<TrainingOptions> = { alignment: true };

/**
 * The memory that training takes: every operation of two steps as PyTorch runs them, with the bytes that are alive at
 * each. O(operations).
 *
 * @param model a description, or the name of one that is built in
 * @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT`; `UNKNOWN_ARCHITECTURE`; `BYTES_TOO_LARGE`
 * @example
 * ```ts
 * import { measureTraining } from 'tensor-arena/training';
 * const { steadyPeak, steady } = measureTraining('opt-125m', { batch: 8, sequence: 512 });
 * console.log(steadyPeak, steady.op); // 5814190872 aten._log_softmax_backward_data.default
 * ```
 */
export function measureTraining(
  model: TrainingModel | string,
  run: TrainingRun,
  options: TrainingOptions = {},
): TrainingMeasurement {
  checkOptions(options, OPTIONS);
  const described = describe(model);
  const alignment = checkAlignment(options.alignment ?? 1);
  const resolved = resolveRun(described, run);
  const first = measureStep(trainingStep(described, resolved, 'first'), alignment);
  const step = trainingStep(described, resolved, 'steady');
  const { kept, gradients, ...steady } = measureStep(step, alignment);
  const { parameters, buffers, inputs, optimizerStates } = kept;
  const atRest = parameters + buffers + inputs + optimizerStates;
  return {
    model: described,
    run: resolved,
    counts: step.counts,
    parameters,
    buffers,
    inputs,
    gradients,
    optimizerStates,
    activations: steady.phases.forward.end - atRest,
    firstPeak: first.peak,
    steadyPeak: steady.peak,
    atRest,
    host: step.host,
    first: { peak: first.peak, phase: first.phase, op: first.op, phases: first.phases, byKind: first.byKind },
    steady,
  };
}
