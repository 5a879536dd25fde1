/**
 * Uploads and read-backs: the bytes to move for a tensor.
 *
 * Invariant: offsets and sizes are multiples of 4, as WebGPU asks.
 */
import type { PlanLayout } from '../plan/layout.js';
import { WEBGPU_STEP } from '../runtime/webgpu-limits.js';
import { requireTensor } from '../tensor/require-tensor.js';
import type { Tensor } from '../tensor/tensor.js';
import { alignUp } from '../units.js';
import { checkPlanAndPlaces, ownBuffer, placeOf, type OutsidePlace } from './places.js';

/** Bytes of a buffer that an upload or a read-back moves. */
export interface TransferRange<Outside = Tensor> {
  /** The chunk of the plan, or what holds a storage outside of the arena. */
  readonly buffer: number | Outside;
  /** Bytes from the start of the buffer, a multiple of 4. */
  readonly offset: number;
  /** Bytes, a multiple of 4. */
  readonly size: number;
  /** Bytes from `offset` to the first byte of the tensor. */
  readonly residual: number;
}

/**
 * The bytes to move for a tensor of an upload or a read-back: its own, rounded to multiples of 4. Behind a tensor that owns its
 * storage nothing else is, but whoever uploads a view must keep the bytes around it. O(1).
 *
 * @throws PlannerError `NOT_READABLE` for tensors of another graph
 */
export function transferOf(plan: PlanLayout, tensor: Tensor): TransferRange;
/**
 * The same, with storages outside of the arena where you say that they are.
 *
 * @param outside as of {@link bindingsOf}
 */
export function transferOf<Outside extends object | string>(
  plan: PlanLayout,
  tensor: Tensor,
  outside: (owner: Tensor) => OutsidePlace<Outside>,
): TransferRange<Outside>;
export function transferOf(
  plan: PlanLayout,
  tensor: Tensor,
  outside: (owner: Tensor) => OutsidePlace<unknown> = ownBuffer,
): TransferRange<unknown> {
  checkPlanAndPlaces(plan, outside);
  requireTensor(tensor);
  const { buffer, offset } = placeOf(plan, tensor.root, outside);
  return { buffer, ...transferAt(tensor, offset) };
}

/** As {@link transferOf}, for a tensor whose storage begins at an offset. */
export function transferAt(tensor: Tensor, offset: number): Omit<TransferRange, 'buffer'> {
  const first = offset + tensor.viewOffset;
  const from = Math.floor(first / WEBGPU_STEP) * WEBGPU_STEP;
  return { offset: from, size: alignUp(first + tensor.byteLength, WEBGPU_STEP) - from, residual: first - from };
}
