/**
 * The reference kernel of every operation that computes something, except `CUSTOM`, the caller's own operation.
 */
import { ATTENTION_KERNELS } from './attention.js';
import { CONVOLUTION_KERNELS } from './convolution.js';
import { ELEMENTWISE_KERNELS } from './elementwise.js';
import { HYPER_CONNECTION_KERNELS } from './hyper-connections.js';
import type { Operation } from '../../../tensor/operation.js';
import type { Kernel } from './kernel.js';
import { MATRIX_KERNELS } from './matrix.js';
import { MEMORY_KERNELS } from './memory.js';
import { RECURRENCE_KERNELS } from './recurrence.js';
import { RESAMPLING_KERNELS } from './resampling.js';
import { ROW_KERNELS } from './rows.js';
import { TRAINING_KERNELS } from './training.js';

const KERNELS: ReadonlyMap<Operation, Kernel> = new Map(
  [
    ELEMENTWISE_KERNELS,
    MEMORY_KERNELS,
    ROW_KERNELS,
    MATRIX_KERNELS,
    ATTENTION_KERNELS,
    RECURRENCE_KERNELS,
    HYPER_CONNECTION_KERNELS,
    CONVOLUTION_KERNELS,
    RESAMPLING_KERNELS,
    TRAINING_KERNELS,
  ].flat(),
);

/** `undefined` for views, custom operations and operations that the library does not know. */
export function findKernel(operation: Operation): Kernel | undefined {
  return KERNELS.get(operation);
}
