/**
 * What a caller may ask of a plan, with the defaults filled in and everything checked once.
 */
import { ALLOCATORS, type AllocatorName } from '../solver/allocators.js';
import { checkChoice, checkOptions, wrongValue, type OptionNames } from '../errors.js';
import type { ReuseMode } from '../liveness/liveness.js';
import type { Runtime } from '../runtime/runtime.js';
import { resolveRuntime, type RuntimeName } from '../runtime/runtimes.js';
import { checkAlignment } from '../units.js';

/** Settings of `measureGraph` and `planGraph`. */
export interface PlanOptions {
  /** How offsets are chosen. Default `auto`: the best that there is. */
  readonly allocator?: AllocatorName;
  /** Offsets and sizes are multiples of this power of two, bytes. Default 32, as ggml's CPU backend. */
  readonly alignment?: number;
  /** Bytes that one chunk may hold, where a device limits the size of a buffer. Default: unlimited, one chunk. */
  readonly maxChunkSize?: number;
  /** Whether a tensor above `maxChunkSize` gets a chunk of its own size, as in ggml. Default false: an error. */
  readonly allowOversize?: boolean;
  /**
   * Which nodes may overwrite a source that dies with them: `full` (all that are provably right), `ggml` (those that
   * ggml overwrites) or `off`. With `full`, the allocator `auto` may leave one out if that makes the buffer smaller. Default `full`; `ggml` for the allocator of that name, so that the two match ggml.
   */
  readonly reuse?: ReuseMode;
  /**
   * What runs the graph, by the groups of nodes that it may compute at once: `ggml-cpu`, `ggml-cuda`, `ggml-metal`,
   * `ggml-vulkan`, `none` (nodes run one by one), or rules of your own. Default `ggml-cpu`.
   */
  readonly runtime?: RuntimeName | Runtime;
}

const PLAN_OPTIONS: OptionNames<PlanOptions> = {
  allocator: true,
  alignment: true,
  maxChunkSize: true,
  allowOversize: true,
  reuse: true,
  runtime: true,
};

export interface ResolvedOptions {
  readonly allocator: AllocatorName;
  readonly alignment: number;
  readonly maxChunkSize: number;
  readonly allowOversize: boolean;
  readonly reuse: ReuseMode;
  readonly runtime: Runtime;
}

export const REUSE_MODES: readonly ReuseMode[] = ['full', 'ggml', 'off'];

/** @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT` */
export function resolveOptions(options: PlanOptions = {}): ResolvedOptions {
  checkOptions(options, PLAN_OPTIONS);
  const { allocator = 'auto', alignment = 32, maxChunkSize = Infinity, allowOversize = false } = options;
  const { reuse = allocator === 'ggml' ? 'ggml' : 'full' } = options;
  checkAlignment(alignment);
  checkChoice('allocator', allocator, Object.keys(ALLOCATORS));
  checkChoice('reuse', reuse, REUSE_MODES);
  if (maxChunkSize !== Infinity && !(Number.isSafeInteger(maxChunkSize) && maxChunkSize >= 1)) {
    throw wrongValue('BAD_ARGUMENT', {
      culprit: 'maxChunkSize',
      value: maxChunkSize,
      limit: 'an integer from 1 to 2^53 - 1',
      remedy: 'Give the device’s limit in bytes, or leave it out.',
    });
  }
  const runtime = resolveRuntime(options.runtime);
  return { allocator, alignment, maxChunkSize, allowOversize, reuse, runtime };
}
