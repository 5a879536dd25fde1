/**
 * Training: losses, gradients, and optimiser steps.
 *
 * Behaviour as in ggml's `ggml_cross_entropy_loss`, `ggml_rms_norm_back`, `ggml_opt_step_adamw`, ….
 */
import type { OptionNames } from '../../../errors.js';
import { elementCount } from '../../../tensor/layout.js';
import type { OperationParams, Tensor } from '../../../tensor/tensor.js';
import { rowsOf } from '../row.js';
import { ANY, type Operands } from '../operands.js';
import { requireOperand } from '../operand-error.js';
import { checkSettings, like, f32, into, numbers, requireIntegers } from './rules.js';
import type { AttentionOptions } from './attention.js';
import { requireEps } from './norm.js';
import { Applier, inPlaceOf, type InPlaceOption } from './applier.js';

const define = rowsOf('other');

export const CROSS_ENTROPY_LOSS = define({
  name: 'CROSS_ENTROPY_LOSS',
  operands: ['logits', 'labels'],
  result: (o) => {
    const logits = o.tensor('logits');
    o.requireNe('labels', logits.ne);
    return { type: logits.type, ne: [1, 1, 1, 1] };
  },
});

export const CROSS_ENTROPY_LOSS_BACK = define({
  name: 'CROSS_ENTROPY_LOSS_BACK',
  operands: ['gradient', 'logits', 'labels'],
  overwrites: [1], // a row is read to the end before it is written; labels are read after that
  result: (o) => {
    const logits = o.tensor('logits');
    o.requireNe('gradient', [1, 1, 1, 1]);
    o.requireNe('labels', logits.ne);
    return like(logits);
  },
});

export const SILU_BACK = define({
  name: 'SILU_BACK',
  operands: ['gradient', 'a'],
  reusesAny: true,
  overwrites: [0, 1],
  result: (o) => {
    const gradient = o.tensor('gradient');
    o.requireNe('a', gradient.ne);
    return like(gradient);
  },
});

export const RMS_NORM_BACK = define<OperationParams & { eps: number }>({
  name: 'RMS_NORM_BACK',
  operands: ['gradient', 'a'],
  reusesAny: true,
  overwrites: [0, 1], // sums over a row come first, then index by index
  result: (o) => {
    const gradient = o.tensor('gradient');
    o.requireNe('a', gradient.ne);
    return like(gradient);
  },
});

export const SOFT_MAX_BACK = define<OperationParams & { scale: number; maxBias: number }>({
  name: 'SOFT_MAX_BACK',
  operands: ['gradient', 'result'],
  reusesAny: true,
  overwrites: [0], // ggml's kernel reads the soft max again after the first write to a row
  result: (o) => {
    const gradient = o.tensor('gradient');
    o.requireNe('result', gradient.ne);
    return like(gradient);
  },
});

export const GET_ROWS_BACK = define<OperationParams & { rows: number }>({
  name: 'GET_ROWS_BACK',
  operands: ['gradient', 'ids'],
  result: (o, { rows }) => {
    const gradient = o.tensor('gradient');
    o.requireNe('gradient', [ANY, ANY, 1, 1]);
    o.requireNe('ids', [ANY, 1, 1, 1]);
    o.requireType('ids', 'i32');
    requireIntegers(o, { rows }, 0);
    return f32([gradient.ne[0], rows, 1, 1]);
  },
});

function requireSettings(o: Operands, count: number): void {
  o.requireType('settings', 'f32');
  o.require(elementCount(o.tensor('settings')) === count, 'settings', () => `of ${count} elements`);
}

/** The moments live outside the plan, so no planned tensor can overlap them. */
export const OPT_STEP_ADAMW = define({
  name: 'OPT_STEP_ADAMW',
  operands: ['weights', 'gradient', 'firstMoment', 'secondMoment', 'settings'],
  overwrites: [0],
  updates: [2, 3],
  result: (o) => {
    const weights = o.tensor('weights');
    o.requireNe('gradient', weights.ne);
    for (const name of ['firstMoment', 'secondMoment']) {
      o.requireNe(name, weights.ne);
      const isLasting = o.tensor(name).memory !== 'deferred';
      const limit = 'in immediate or virtual memory, to outlive the run';
      const remedy = 'Make it in an immediate or virtual context.';
      requireOperand(isLasting, o.name, name, 'in deferred memory', limit, remedy);
    }
    requireSettings(o, 7);
    return into(weights);
  },
});

export const OPT_STEP_SGD = define({
  name: 'OPT_STEP_SGD',
  operands: ['weights', 'gradient', 'settings'],
  overwrites: [0],
  result: (o) => {
    const weights = o.tensor('weights');
    o.requireNe('gradient', weights.ne);
    requireSettings(o, 2);
    return into(weights);
  },
});

/** The rows of this family. */
export const TRAINING_OPERATIONS = [
  CROSS_ENTROPY_LOSS,
  CROSS_ENTROPY_LOSS_BACK,
  SILU_BACK,
  RMS_NORM_BACK,
  SOFT_MAX_BACK,
  GET_ROWS_BACK,
  OPT_STEP_ADAMW,
  OPT_STEP_SGD,
];

/** Settings of `softMaxBack`: the settings of the `softMax` whose gradient is computed. */
export type SoftMaxBackOptions = Pick<AttentionOptions, 'scale' | 'maxBias'> & InPlaceOption;

const SOFT_MAX_BACK_OPTIONS: OptionNames<SoftMaxBackOptions> = { scale: true, maxBias: true, inPlace: true };

/** Losses, gradients, and optimiser steps. `BAD_OPERAND` is thrown where shapes or types don't fit. */
export abstract class TrainingOps extends Applier {
  /** The mean cross entropy of `logits` against `labels`, of equal shape: `[1]`, of the type of `logits`. */
  crossEntropyLoss(logits: Tensor, labels: Tensor): Tensor {
    return this.apply(CROSS_ENTROPY_LOSS, [logits, labels]);
  }

  /** The gradient of `crossEntropyLoss` for its logits, of their shape; `gradient` is the loss's, one element. */
  crossEntropyLossBack(gradient: Tensor, logits: Tensor, labels: Tensor): Tensor {
    return this.apply(CROSS_ENTROPY_LOSS_BACK, [gradient, logits, labels]);
  }

  /** The gradient of `silu(a)`, from the gradient of its result. */
  siluBack(gradient: Tensor, a: Tensor): Tensor {
    return this.apply(SILU_BACK, [gradient, a]);
  }

  /** The gradient of `rmsNorm(a, eps)`, from the gradient of its result. */
  rmsNormBack(gradient: Tensor, a: Tensor, eps: number): Tensor {
    return this.apply(RMS_NORM_BACK, [gradient, a], { eps: requireEps(RMS_NORM_BACK, eps) });
  }

  /** The gradient of a soft max, from the gradient of its result and the result itself. */
  softMaxBack(gradient: Tensor, result: Tensor, options: SoftMaxBackOptions = {}): Tensor {
    checkSettings(options, SOFT_MAX_BACK_OPTIONS, SOFT_MAX_BACK);
    const { scale = 1, maxBias = 0 } = options;
    const params = numbers(SOFT_MAX_BACK, { scale, maxBias });
    return this.apply(SOFT_MAX_BACK, [gradient, result], params, inPlaceOf(SOFT_MAX_BACK, options));
  }

  /** The gradient of `getRows` for a table of `rows` rows, f32 `[n, rows]`; `ids` are i32. */
  getRowsBack(gradient: Tensor, ids: Tensor, rows: number): Tensor {
    return this.apply(GET_ROWS_BACK, [gradient, ids], { rows });
  }

  /**
   * One step of AdamW; the result is `weights` after the step (a view).
   *
   * @param firstMoment of the shape of `weights`, as are `gradient` and `secondMoment`; both moments are updated too
   * and must not be deferred
   * @param settings f32 `[7]`: step size, both decay rates, epsilon, weight decay, both bias corrections
   */
  optStepAdamw(weights: Tensor, gradient: Tensor, firstMoment: Tensor, secondMoment: Tensor, settings: Tensor): Tensor {
    return this.apply(OPT_STEP_ADAMW, [weights, gradient, firstMoment, secondMoment, settings]);
  }

  /**
   * One step of gradient descent; the result is `weights` after the step (a view). `settings` is f32 `[2]`: step size,
   * decay.
   */
  optStepSgd(weights: Tensor, gradient: Tensor, settings: Tensor): Tensor {
    return this.apply(OPT_STEP_SGD, [weights, gradient, settings]);
  }
}
