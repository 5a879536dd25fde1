/**
 * The WGSL kernel of every operation that has one.
 */
import type { Operation } from '../../../tensor/operation.js';
import { ATTENTION_SHADERS } from './attention.js';
import { CONVOLUTION_SHADERS } from './convolution.js';
import { ELEMENTWISE_SHADERS } from './elementwise.js';
import type { ShaderKernel } from './kernel.js';
import { MATRIX_SHADERS } from './matrix.js';
import { MEMORY_SHADERS } from './memory.js';
import { ROW_SHADERS } from './rows.js';

export const SHADERS: ReadonlyMap<Operation, ShaderKernel> = new Map(
  [ELEMENTWISE_SHADERS, MEMORY_SHADERS, ROW_SHADERS, MATRIX_SHADERS, ATTENTION_SHADERS, CONVOLUTION_SHADERS].flat(),
);

/** `undefined` for operations without a kernel. */
export function findShader(operation: Operation): ShaderKernel | undefined {
  return SHADERS.get(operation);
}
