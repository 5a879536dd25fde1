/**
 * The options of a plan, checked once and with their defaults filled in.
 */
import type { Allocator } from '../solver/allocator.js';
import { ALLOCATORS, type AllocatorName } from '../solver/allocators.js';
import { checkArgument, checkChoice, checkOptions, wrongValue, type OptionNames } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import { checkPools, type Pools } from '../graph/pools.js';
import type { ReuseMode } from '../liveness/liveness.js';
import type { Runtime } from '../runtime/runtime.js';
import { resolveRuntime, type RuntimeName } from '../runtime/runtimes.js';
import { checkAlignment } from '../units.js';
import { resolveAllocator } from './allocator-choice.js';

/** What runs a plan, where that asks for more than single options say; `webgpuTarget` of `tensor-arena/webgpu` makes one. */
export interface Target {
  /** In place of the options of these names. */
  readonly alignment: number;
  readonly maxChunkSize: number;
  readonly runtime: Runtime;
  /** Throws a `PlannerError` for a graph of which no plan is right. */
  readonly check: (graph: Graph) => void;
  /** The memories that a graph is planned into, by which operands its nodes reuse; null for one memory. */
  readonly poolsOf: ((graph: Graph, reuse: ReuseMode) => Pools) | null;
}

/** Settings of `measureGraph` and `planGraph`. */
export interface PlanOptions {
  /**
   * How offsets are chosen: the name of an allocator, or one of your own, whose placements are checked. Default `auto`,
   * which makes the smallest buffers.
   */
  readonly allocator?: AllocatorName | Allocator;
  /** Offsets and sizes are multiples of this power of two, bytes. Default 32, as ggml's CPU backend. */
  readonly alignment?: number;
  /** Bytes that one chunk may hold, where a device limits the size of a buffer. Default: unlimited, one chunk. */
  readonly maxChunkSize?: number;
  /** Whether a tensor above `maxChunkSize` gets a chunk of its own size, as in ggml. Default false: an error. */
  readonly allowOversize?: boolean;
  /**
   * Which nodes may reuse an operand that dies at them: `full` (all nodes that provably can), `ggml` (the nodes that do
   * so in ggml) or `off` (none). With `full`, the allocator `auto` leaves out a reuse if that makes the buffer smaller.
   * Default `full`; `ggml` with the allocator `ggml`, so that both match ggml.
   */
  readonly reuse?: ReuseMode;
  /**
   * What runs the graph, by the groups of nodes that it may compute at once: `ggml-cpu`, `ggml-cuda`, `ggml-metal`,
   * `ggml-vulkan`, `none` (nodes run one by one), or rules of your own. Default `ggml-cpu`.
   */
  readonly runtime?: RuntimeName | Runtime;
  /**
   * The memories that the graph is planned into, such as those of several devices; `scheduleGraph` returns them. Each has an
   * alignment and a largest chunk of its own. Default: one memory.
   */
  readonly pools?: Pools;
  /** What runs the plan. It decides alignment, chunks, runtime and pools, which are left out then. Default: none. */
  readonly target?: Target;
}

const PLAN_OPTIONS: OptionNames<PlanOptions> = {
  allocator: true,
  alignment: true,
  maxChunkSize: true,
  allowOversize: true,
  reuse: true,
  runtime: true,
  pools: true,
  target: true,
};

export interface ResolvedOptions {
  readonly allocator: Allocator;
  readonly alignment: number;
  readonly maxChunkSize: number;
  readonly allowOversize: boolean;
  readonly reuse: ReuseMode;
  readonly runtime: Runtime;
  readonly pools: Pools | null;
  readonly target: Target | null;
}

export const REUSE_MODES: readonly ReuseMode[] = ['full', 'ggml', 'off'];

/** @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT` */
export function resolveOptions(options: PlanOptions = {}): ResolvedOptions {
  checkOptions(options, PLAN_OPTIONS);
  const target = options.target ?? null;
  if (target !== null) checkTarget(target, options);
  const asked = { ...options, ...target };
  const { allocator: choice = 'auto', alignment = 32, maxChunkSize = Infinity, allowOversize = false } = asked;
  const allocator = resolveAllocator(choice);
  const { reuse = allocator === ALLOCATORS.ggml ? 'ggml' : 'full' } = options;
  checkAlignment(alignment);
  checkChoice('reuse', reuse, REUSE_MODES);
  if (maxChunkSize !== Infinity && !(Number.isSafeInteger(maxChunkSize) && maxChunkSize >= 1)) {
    throw wrongValue('BAD_ARGUMENT', {
      culprit: 'maxChunkSize',
      value: maxChunkSize,
      limit: 'an integer from 1 to 2^53 - 1',
      remedy: 'Give a limit in bytes, or leave it out.',
    });
  }
  const runtime = resolveRuntime(asked.runtime);
  const pools = options.pools ?? null;
  if (pools !== null) {
    checkLeftOut(options, 'each pool has its own', ['alignment', 'maxChunkSize']);
    checkPools(pools);
  }
  return {
    allocator,
    alignment: pools === null ? alignment : Math.max(...pools.list.map((pool) => pool.alignment)),
    maxChunkSize,
    allowOversize,
    reuse,
    runtime,
    pools,
    target,
  };
}

function checkTarget(target: Partial<Target>, options: PlanOptions): void {
  const isTarget = typeof (Object(target) as Partial<Target>).check === 'function';
  checkArgument(isTarget, 'target', target, 'a target', 'Give what webgpuTarget returns.');
  checkLeftOut(options, 'the target has its own', ['alignment', 'maxChunkSize', 'allowOversize', 'runtime', 'pools']);
}

/** These options are left out. */
function checkLeftOut(options: PlanOptions, because: string, names: readonly (keyof PlanOptions)[]): void {
  for (const name of names) {
    const value = options[name];
    checkArgument(value === undefined, name, value, `left out: ${because}`, `Leave out \`${name}\`.`);
  }
}
