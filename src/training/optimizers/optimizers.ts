/**
 * The optimisers by name.
 */
import type { OptimizerName } from '../run.js';
import { ADAFACTOR } from './adafactor.js';
import { ADAMW, ADAMW_8BIT, LION, PAGED_ADAMW, PAGED_ADAMW_8BIT } from './adamw.js';
import { like, type Optimizer } from './optimizer.js';

const SGD: Optimizer = { states: () => [], make: 'aten.zeros_like.default', step: () => undefined };

/** The first step copies the gradient. */
const SGD_MOMENTUM: Optimizer = {
  states: (parameter) => [{ name: 'momentum_buffer', ...like(parameter) }],
  make: 'aten.clone.default',
  step: () => undefined,
};

export const OPTIMIZERS: Readonly<Record<OptimizerName, Optimizer>> = {
  adamw: ADAMW,
  sgd: SGD,
  'sgd-momentum': SGD_MOMENTUM,
  'adamw-8bit': ADAMW_8BIT,
  'paged-adamw': PAGED_ADAMW,
  'paged-adamw-8bit': PAGED_ADAMW_8BIT,
  adafactor: ADAFACTOR,
  lion: LION,
};
