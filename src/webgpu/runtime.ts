/**
 * What this library's kernels for WebGPU may do to operands, as data.
 *
 * Invariant: WGSL has no two bindings for the same bytes if one of them writes. So a shader that overwrites an operand is
 * one of its own, with one binding for both, and an operation without a row has no such shader.
 */
import { UNARY } from '../device/node-rules.js';
import { RMS_NORM_MUL } from '../runtime/fusions.js';
import type { Runtime } from '../runtime/runtime.js';

/** Operations by the source slots that a shader may overwrite. */
const ROWS: readonly (readonly [operations: readonly string[], slots: readonly number[]])[] = [
  [UNARY, [0]],
  [['CLAMP', 'LOG', 'SQR', 'SQRT', 'SIN', 'COS', 'SCALE'], [0]],
  [
    ['ADD', 'SUB', 'MUL', 'DIV'],
    [0, 1],
  ],
  [['ADD_ID', 'SET'], [0]],
  [['RMS_NORM', 'NORM', 'L2_NORM'], [0]],
  [['ROPE', 'SOFT_MAX'], [0]],
];

/**
 * The runtime of plans for WebGPU: it may compute a norm and a product at once, and overwrites operands of operations that
 * ggml's WebGPU backend has such shaders for. Kernels of your own are rows of your own: `{ ...WEBGPU, name, reuses }`.
 */
export const WEBGPU: Runtime = {
  name: 'webgpu',
  fusions: [RMS_NORM_MUL],
  reuses: Object.fromEntries(ROWS.flatMap(([names, slots]) => names.map((name) => [name, slots]))),
};
