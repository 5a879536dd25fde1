/**
 * Training: losses, gradients, and optimiser steps.
 *
 * Behaviour as in ggml's `ggml_cross_entropy_loss`, `ggml_rms_norm_back`, `ggml_opt_step_adamw`, ….
 */
import { checkOptions, type OptionNames } from '../../errors.js';
import { elementCount } from '../../tensor/shape.js';
import type { Params, Tensor } from '../../tensor/tensor.js';
import { defineOperation, operand, requireOperand } from '../operation.js';
import type { AttentionOptions } from './attention.js';
import { Applier, IN_PLACE, NOT_IN_PLACE, type InPlaceOption } from './applier.js';
import { ANY, f32, into, like, requireIntegers, requireNe, requireType } from './rules.js';

const CROSS_ENTROPY_LOSS = defineOperation({
  name: 'CROSS_ENTROPY_LOSS',
  result: (sources) => {
    const logits = operand(sources, 0, 'CROSS_ENTROPY_LOSS');
    requireNe('CROSS_ENTROPY_LOSS', 'labels', operand(sources, 1, 'CROSS_ENTROPY_LOSS'), logits.ne);
    return { type: logits.type, ne: [1, 1, 1, 1] };
  },
});

const CROSS_ENTROPY_LOSS_BACK = defineOperation({
  name: 'CROSS_ENTROPY_LOSS_BACK',
  overwrites: [1], // a row is read to the end before it is written; labels are read after that
  result: (sources) => {
    const op = 'CROSS_ENTROPY_LOSS_BACK';
    const logits = operand(sources, 1, op);
    requireNe(op, 'gradient', operand(sources, 0, op), [1, 1, 1, 1]);
    requireNe(op, 'labels', operand(sources, 2, op), logits.ne);
    return like(logits);
  },
});

const SILU_BACK = defineOperation({
  name: 'SILU_BACK',
  ggmlInPlace: true,
  overwrites: [0, 1],
  result: (sources) => {
    const gradient = operand(sources, 0, 'SILU_BACK');
    requireNe('SILU_BACK', 'a', operand(sources, 1, 'SILU_BACK'), gradient.ne);
    return like(gradient);
  },
});

const RMS_NORM_BACK = defineOperation<Params & { eps: number }>({
  name: 'RMS_NORM_BACK',
  ggmlInPlace: true,
  overwrites: [0, 1], // sums over a row come first, then index by index
  result: (sources) => {
    const gradient = operand(sources, 0, 'RMS_NORM_BACK');
    requireNe('RMS_NORM_BACK', 'a', operand(sources, 1, 'RMS_NORM_BACK'), gradient.ne);
    return like(gradient);
  },
});

const SOFT_MAX_BACK = defineOperation<Params & { scale: number; maxBias: number }>({
  name: 'SOFT_MAX_BACK',
  ggmlInPlace: true,
  overwrites: [0], // ggml's kernel reads the soft max again after the first write to a row
  result: (sources) => {
    const gradient = operand(sources, 0, 'SOFT_MAX_BACK');
    requireNe('SOFT_MAX_BACK', 'a', operand(sources, 1, 'SOFT_MAX_BACK'), gradient.ne);
    return like(gradient);
  },
});

const GET_ROWS_BACK = defineOperation<Params & { rows: number }>({
  name: 'GET_ROWS_BACK',
  result: (sources, { rows }) => {
    const gradient = operand(sources, 0, 'GET_ROWS_BACK');
    const ids = operand(sources, 1, 'GET_ROWS_BACK');
    requireNe('GET_ROWS_BACK', 'gradient', gradient, [ANY, ANY, 1, 1]);
    requireNe('GET_ROWS_BACK', 'ids', ids, [ANY, 1, 1, 1]);
    requireType('GET_ROWS_BACK', 'ids', ids, 'i32');
    requireIntegers('GET_ROWS_BACK', { rows }, 0);
    return f32([gradient.ne[0], rows, 1, 1]);
  },
});

function requireSettings(op: string, settings: Tensor, count: number): void {
  requireType(op, 'settings', settings, 'f32');
  requireOperand(elementCount(settings) === count, op, 'settings', settings, `of ${count} elements`);
}

/** The moments live outside the plan, so no planned tensor can be in their way. */
const OPT_STEP_ADAMW = defineOperation({
  name: 'OPT_STEP_ADAMW',
  overwrites: [0],
  updates: [2, 3],
  result: (sources) => {
    const op = 'OPT_STEP_ADAMW';
    const weights = operand(sources, 0, op);
    requireNe(op, 'gradient', operand(sources, 1, op), weights.ne);
    for (const [what, slot] of [
      ['firstMoment', 2],
      ['secondMoment', 3],
    ] as const) {
      const moment = operand(sources, slot, op);
      requireNe(op, what, moment, weights.ne);
      requireOperand(
        moment.memory !== 'deferred',
        op,
        what,
        'in deferred memory',
        'in immediate or virtual memory, to outlive the run',
      );
    }
    requireSettings(op, operand(sources, 4, op), 7);
    return into(weights);
  },
});

const OPT_STEP_SGD = defineOperation({
  name: 'OPT_STEP_SGD',
  overwrites: [0],
  result: (sources) => {
    const weights = operand(sources, 0, 'OPT_STEP_SGD');
    requireNe('OPT_STEP_SGD', 'gradient', operand(sources, 1, 'OPT_STEP_SGD'), weights.ne);
    requireSettings('OPT_STEP_SGD', operand(sources, 2, 'OPT_STEP_SGD'), 2);
    return into(weights);
  },
});

/** The rows of this family. */
export const TRAINING_OPERATIONS = [
  ...[CROSS_ENTROPY_LOSS, CROSS_ENTROPY_LOSS_BACK, SILU_BACK, RMS_NORM_BACK, SOFT_MAX_BACK, GET_ROWS_BACK],
  ...[OPT_STEP_ADAMW, OPT_STEP_SGD],
];

/** Settings of `softMaxBack`: those of the `softMax` whose gradient it is. */
export type SoftMaxBackOptions = Pick<AttentionOptions, 'scale' | 'maxBias'> & InPlaceOption;

const SOFT_MAX_BACK_OPTIONS: OptionNames<SoftMaxBackOptions> = { scale: true, maxBias: true, inPlace: true };

/** Losses, gradients, and optimiser steps. `BAD_OPERAND` is thrown where shapes or types don't fit. */
export abstract class TrainingOps extends Applier {
  /** The mean cross entropy of `logits` against `labels`, of equal shape: `[1]`, of the type of `logits`. */
  crossEntropyLoss(logits: Tensor, labels: Tensor): Tensor {
    return this.apply(CROSS_ENTROPY_LOSS, [logits, labels]);
  }

  /** The gradient of `crossEntropyLoss` for its logits, of their shape; `gradient` is that of the loss, one element. */
  crossEntropyLossBack(gradient: Tensor, logits: Tensor, labels: Tensor): Tensor {
    return this.apply(CROSS_ENTROPY_LOSS_BACK, [gradient, logits, labels]);
  }

  /** The gradient of `silu(a)`, from the gradient of its result. */
  siluBack(gradient: Tensor, a: Tensor): Tensor {
    return this.apply(SILU_BACK, [gradient, a]);
  }

  /** The gradient of `rmsNorm(a, eps)`, from the gradient of its result. */
  rmsNormBack(gradient: Tensor, a: Tensor, eps: number): Tensor {
    return this.apply(RMS_NORM_BACK, [gradient, a], { eps });
  }

  /** The gradient of a soft max, from the gradient of its result and the result itself. */
  softMaxBack(gradient: Tensor, result: Tensor, options: SoftMaxBackOptions = {}): Tensor {
    checkOptions(options, SOFT_MAX_BACK_OPTIONS, 'SOFT_MAX_BACK');
    const { scale = 1, maxBias = 0, inPlace } = options;
    return this.apply(
      SOFT_MAX_BACK,
      [gradient, result],
      { scale, maxBias },
      inPlace === true ? IN_PLACE : NOT_IN_PLACE,
    );
  }

  /** The gradient of `getRows` for a table of `rows` rows, f32 `[n, rows]`; `ids` are i32. */
  getRowsBack(gradient: Tensor, ids: Tensor, rows: number): Tensor {
    return this.apply(GET_ROWS_BACK, [gradient, ids], { rows });
  }

  /**
   * One step of AdamW; the result is `weights` after it (a view).
   *
   * @param firstMoment of the shape of `weights`, as are `gradient` and `secondMoment`; both moments are updated too
   * and must not be deferred
   * @param settings f32 `[7]`: step size, both decay rates, epsilon, weight decay, both bias corrections
   */
  optStepAdamw(weights: Tensor, gradient: Tensor, firstMoment: Tensor, secondMoment: Tensor, settings: Tensor): Tensor {
    return this.apply(OPT_STEP_ADAMW, [weights, gradient, firstMoment, secondMoment, settings]);
  }

  /** One step of gradient descent; the result is `weights` after it (a view). `settings` is f32 `[2]`: step size, decay. */
  optStepSgd(weights: Tensor, gradient: Tensor, settings: Tensor): Tensor {
    return this.apply(OPT_STEP_SGD, [weights, gradient, settings]);
  }
}
