/**
 * One step of training as a graph: forward pass with loss, backward pass, step of the optimiser.
 *
 * Invariant: gradients are freed when the step is over, as `zero_grad` frees them, and then the loss.
 */
import { checkChoice } from '../errors.js';
import { ELEMENT_TYPES } from '../tensor/element-type.js';
import { Builder, type Trained } from './builder.js';
import { Autocast } from './eager/autocast.js';
import { backward } from './eager/autograd.js';
import { Tape } from './eager/tape.js';
import { elements, type Value } from './eager/value.js';
import { familyOf } from './families/families.js';
import type { Program } from './families/family.js';
import type { TrainingStep } from './measurement.js';
import type { TrainingModel } from './model.js';
import { hostStateBytes, makeShared, makeStates, statesOf, type Updated } from './optimizers/optimizer.js';
import { OPTIMIZERS } from './optimizers/optimizers.js';
import { describe } from './read-model.js';
import { resolveRun } from './resolve-run.js';
import type { ResolvedRun, TrainingRun } from './run.js';

const AUTOCAST = { 'bf16-amp': ELEMENT_TYPES.bf16, 'fp16-amp': ELEMENT_TYPES.f16 } as const;

/**
 * A step of training as a graph of the dialect `torch`, in the order in which PyTorch runs it. O(operations).
 *
 * @param model a description, or the name of one that is built in
 * @param which the first step, which makes the states of the optimiser, or one of those that follow. Default `steady`
 * @throws PlannerError `BAD_ARGUMENT`, `UNKNOWN_ARCHITECTURE`, `BYTES_TOO_LARGE`
 * @example
 * ```ts
 * import { measureGraph } from 'tensor-arena';
 * import { trainingStep } from 'tensor-arena/training';
 * const { graph } = trainingStep('opt-125m', { batch: 1, sequence: 128 });
 * console.log(measureGraph(graph, { reuse: 'off', alignment: 512 }).nodeCount);
 * ```
 */
export function trainingStep(
  model: TrainingModel | string,
  run: TrainingRun,
  which: 'first' | 'steady' = 'steady',
): TrainingStep {
  const described = describe(model);
  checkChoice('which', which, ['first', 'steady']);
  return stepOf(described, resolveRun(described, run), which);
}

function stepOf(model: TrainingModel, run: ResolvedRun, which: 'first' | 'steady'): TrainingStep {
  const tape = new Tape(run.device);
  const offload = run.offloadActivations ? { bytes: 0 } : null;
  tape.offload = offload;
  const b = new Builder(tape, model, run);
  const program = familyOf(model.family).build(b);
  const { update, left } = updater(b, which);
  const loss = forward(tape, run, program);
  if (run.stepInBackward) b.onGradient = (trained) => update([trained]);
  tape.begin('backward');
  backward(tape, loss);
  tape.begin('step');
  if (!run.stepInBackward) update(b.trained.filter(({ gradient }) => gradient !== null));
  const done = tape.finish([...left(), ...b.held, loss]);
  const trainable = b.trained.reduce((sum, { value }) => sum + elements(value.shape), 0);
  const host = {
    activations: offload?.bytes ?? 0,
    optimizerStates: hostStateBytes(OPTIMIZERS[run.optimizer], b.trained, run),
  };
  return { ...done, counts: { parameters: b.parameterCount, trainable }, host };
}

/** How parameters are updated, together or one by one, and the gradients that are alive after all. */
function updater(
  { tape, run, trained }: Builder,
  which: 'first' | 'steady',
): { readonly update: (parameters: readonly Trained[]) => void; readonly left: () => readonly Value[] } {
  const optimizer = OPTIMIZERS[run.optimizer];
  const known = which === 'steady' ? statesOf(tape, optimizer, trained, run) : null;
  const places = new Map(trained.map((each, index) => [each, index]));
  let isFirst = which === 'first';
  const update = (parameters: readonly Trained[]): void => {
    if (isFirst) makeShared(tape, optimizer);
    isFirst = false;
    const updated = parameters.map((each): Updated => {
      const states = known?.[places.get(each)!] ?? makeStates(tape, optimizer, each, run);
      return { value: each.value, gradient: each.gradient!, states };
    });
    optimizer.step(tape, updated, run);
    if (!run.stepInBackward) return;
    tape.release(updated.map(({ gradient }) => gradient));
    for (const each of parameters) each.gradient = null;
  };
  const left = (): readonly Value[] => trained.flatMap(({ gradient }) => (gradient === null ? [] : [gradient]));
  return { update, left };
}

function forward(tape: Tape, { precision }: ResolvedRun, program: Program): Value {
  if (precision !== 'bf16-amp' && precision !== 'fp16-amp') return program();
  const region = new Autocast(AUTOCAST[precision]);
  tape.autocast = region;
  const loss = program();
  region.end(tape);
  tape.autocast = null;
  return loss;
}
