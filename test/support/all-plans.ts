/** Every way to plan: each allocator in each in-place mode. */
import { ALLOCATORS, type AllocatorName } from '../../src/solver/allocators.js';
import type { ReuseMode } from '../../src/liveness/liveness.js';
import { REUSE_MODES } from '../../src/plan/options.js';

export const ALLOCATOR_NAMES = Object.keys(ALLOCATORS) as AllocatorName[];

export const ALL_PLANS: readonly { readonly allocator: AllocatorName; readonly reuse: ReuseMode }[] =
  ALLOCATOR_NAMES.flatMap((allocator) => REUSE_MODES.map((reuse) => ({ allocator, reuse })));
