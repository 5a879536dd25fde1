/**
 * Which buffer a storage lies in: a chunk of the plan, or one outside of the arena, which only the caller knows.
 */
import { checkArgument } from '../errors.js';
import type { PlanLayout } from '../plan/layout.js';
import type { Tensor } from '../tensor/tensor.js';

/** Where a storage outside of the arena is. */
export interface OutsidePlace<Outside> {
  /** Anything that stands for the buffer, such as a `GPUBuffer`: the same one for all storages in it. */
  readonly buffer: Outside;
  /** Bytes from the start of the buffer. */
  readonly offset: number;
}

/** A buffer for each storage. */
export const ownBuffer = (owner: Tensor): OutsidePlace<Tensor> => ({ buffer: owner, offset: 0 });

/** Where a storage begins. @throws PlannerError `NOT_READABLE` if the plan has no place for it */
export function placeOf(
  plan: PlanLayout,
  owner: Tensor,
  outside: (owner: Tensor) => OutsidePlace<unknown>,
): OutsidePlace<unknown> {
  if (owner.memory !== 'deferred') return outside(owner);
  const { chunk, offset } = plan.locate(owner);
  return { buffer: chunk, offset };
}

/** Checks what the functions of bindings are given. @throws PlannerError `BAD_ARGUMENT` */
export function checkPlanAndPlaces(plan: PlanLayout, outside: unknown): void {
  const isPlan = typeof (Object(plan) as Partial<PlanLayout>).locate === 'function';
  checkArgument(isPlan, 'plan', plan, 'a plan', 'Give what planGraph or a planner returns, or planFromJson.');
  const remedy = 'Leave it out where each has a buffer of its own.';
  checkArgument(typeof outside === 'function', 'outside', outside, 'a function from a tensor to a place', remedy);
}
