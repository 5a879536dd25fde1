/**
 * The optimisers of ggml, as nodes that change parameters in place.
 */
import { checkArgument, checkOptions, type OptionNames } from '../errors.js';
import type { Context } from '../dialects/ggml/context.js';
import type { Tensor } from '../tensor/tensor.js';

/** The optimisers that ggml has operations for. */
export type OptimizerName = 'adamw' | 'sgd';

/** What a step is made of. */
interface StepParts {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  readonly moments: readonly Tensor[];
  readonly settings: Tensor;
}

interface Optimizer {
  /** Elements of its settings: see `optStepAdamw` and `optStepSgd`. */
  readonly settingCount: number;
  /** What ggml calls the tensors that it keeps for each parameter. */
  readonly moments: readonly string[];
  readonly step: (ctx: Context, parts: StepParts) => Tensor;
}

export const OPTIMIZERS: Readonly<Record<OptimizerName, Optimizer>> = {
  adamw: {
    settingCount: 7,
    moments: ['AdamW m', 'AdamW v'],
    step: (ctx, { parameter, gradient, moments: [first, second], settings }) =>
      ctx.optStepAdamw(parameter, gradient, first, second, settings),
  },
  sgd: {
    settingCount: 2,
    moments: [],
    step: (ctx, { parameter, gradient, settings }) => ctx.optStepSgd(parameter, gradient, settings),
  },
};

/** What AdamW is told besides the number of the step. */
export interface AdamwOptions {
  /** Step size, above 0. Default 0.001. */
  readonly learningRate?: number;
  /** Decay rate of the first moment, at least 0 and below 1. Default 0.9. */
  readonly beta1?: number;
  /** Decay rate of the second moment, at least 0 and below 1. Default 0.999. */
  readonly beta2?: number;
  /** Keeps divisors away from zero; at least 0. Default 1e-8. */
  readonly epsilon?: number;
  /** Share of a weight that is lost per unit of step size, from 0 to 1. Default 0. */
  readonly weightDecay?: number;
}

const ADAMW_OPTIONS: OptionNames<AdamwOptions> = {
  learningRate: true,
  beta1: true,
  beta2: true,
  epsilon: true,
  weightDecay: true,
};

/**
 * The seven settings of a step of AdamW, for the tensor `settings` of `trainingGraphs`, with the defaults of ggml.
 *
 * @param iteration number of the step, from 1: decides how much the moments, which begin at zero, are enlarged
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function adamwSettings(iteration: number, options: AdamwOptions = {}): number[] {
  const isCount = Number.isSafeInteger(iteration) && iteration >= 1;
  checkArgument(isCount, 'iteration', iteration, 'an integer of at least 1', 'Count optimiser steps from 1.');
  checkOptions(options, ADAMW_OPTIONS);
  const { learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
  const checkSetting = (isRight: boolean, name: string, value: number, limit: string): void =>
    checkArgument(Number.isFinite(value) && isRight, name, value, limit, 'Leave it out for the default.');
  checkSetting(learningRate > 0, 'learningRate', learningRate, 'a number above 0');
  checkSetting(beta1 >= 0 && beta1 < 1, 'beta1', beta1, 'a number from 0 to 1, below 1');
  checkSetting(beta2 >= 0 && beta2 < 1, 'beta2', beta2, 'a number from 0 to 1, below 1');
  checkSetting(epsilon >= 0, 'epsilon', epsilon, 'a number of at least 0');
  checkSetting(weightDecay >= 0 && weightDecay <= 1, 'weightDecay', weightDecay, 'a number from 0 to 1');
  const corrections = [beta1, beta2].map((beta) => 1 / (1 - beta ** iteration));
  return [learningRate, beta1, beta2, epsilon, weightDecay, ...corrections];
}
