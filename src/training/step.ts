/**
 * One step of training as a graph: forward pass with loss, backward pass, step of the optimiser.
 *
 * Invariant: gradients are freed when the step is over, as `zero_grad` frees them, and then the loss.
 */
import { ELEMENT_TYPES } from '../tensor/element-type.js';
import { Builder } from './builder.js';
import { Autocast } from './eager/autocast.js';
import { backward } from './eager/autograd.js';
import { Tape } from './eager/tape.js';
import { elements, type Value } from './eager/value.js';
import type { Program } from './families/family.js';
import { familyOf } from './families/families.js';
import type { TrainingStep } from './measurement.js';
import type { TrainingModel } from './model.js';
import { makeStates, OPTIMIZERS, statesOf } from './optimizers/optimizer.js';
import type { ResolvedRun } from './run.js';

const AUTOCAST = { 'bf16-amp': ELEMENT_TYPES.bf16, 'fp16-amp': ELEMENT_TYPES.f16 } as const;

/**
 * A step: the first one, which makes the states of the optimiser, or one of those that follow. O(operations).
 *
 * @throws PlannerError `UNKNOWN_ARCHITECTURE`, `BYTES_TOO_LARGE`
 */
export function trainingStep(model: TrainingModel, run: ResolvedRun, which: 'first' | 'steady'): TrainingStep {
  const tape = new Tape(run.device);
  if (run.offloadActivations) tape.offload = { bytes: 0 };
  const b = new Builder(tape, model, run);
  const program = familyOf(model.family).build(b);
  const optimizer = OPTIMIZERS[run.optimizer]!;
  const known = which === 'steady' ? statesOf(tape, optimizer, b.trained) : null;
  const loss = forward(tape, run, program);
  tape.begin('backward');
  backward(tape, loss);
  tape.begin('step');
  const trained = b.trained.filter(({ gradient }) => gradient !== null);
  const states = known ?? makeStates(tape, optimizer, trained);
  const updated = trained.map(({ value, gradient }, index) => ({ value, gradient: gradient!, states: states[index] }));
  optimizer.step(tape, updated, run);
  const trainable = b.trained.reduce((sum, { value }) => sum + elements(value.shape), 0);
  const done = tape.finish([...updated.map(({ gradient }) => gradient), ...b.held, loss]);
  return { ...done, counts: { parameters: b.parameterCount, trainable } };
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
