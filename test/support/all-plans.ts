/** Every way to plan: each allocator in each in-place mode. */
import { ALLOCATORS, type AllocatorName } from '../../src/solver/allocators.js';
import type { InPlaceMode } from '../../src/liveness/liveness.js';
import { IN_PLACE_MODES } from '../../src/plan/options.js';

export const ALLOCATOR_NAMES = Object.keys(ALLOCATORS) as AllocatorName[];

export const ALL_PLANS: readonly { readonly allocator: AllocatorName; readonly inPlace: InPlaceMode }[] =
  ALLOCATOR_NAMES.flatMap((allocator) => IN_PLACE_MODES.map((inPlace) => ({ allocator, inPlace })));
