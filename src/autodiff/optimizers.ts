/**
 * The optimisers of ggml, as nodes that change parameters in place.
 */
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
