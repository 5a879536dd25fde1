/**
 * Every allocator by name.
 */
import type { Allocator } from './allocator.js';
import { ggmlAllocator } from './ggml.js';
import { greedyByArea, greedyByLifetime, greedyByLoad, greedyBySize, greedyByStart } from './greedy/family.js';
import { auto } from './search/auto.js';

/** The allocators that the option `allocator` can name. `auto` is the default of `planGraph` and `measureGraph`. */
export const ALLOCATORS = {
  auto,
  ggml: ggmlAllocator,
  'greedy-by-size': greedyBySize,
  'greedy-by-lifetime': greedyByLifetime,
  'greedy-by-area': greedyByArea,
  'greedy-by-load': greedyByLoad,
  'greedy-by-start': greedyByStart,
} as const satisfies Record<string, Allocator>;

/** The name of an allocator: a key of {@link ALLOCATORS}. */
export type AllocatorName = keyof typeof ALLOCATORS;
