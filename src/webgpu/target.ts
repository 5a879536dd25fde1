/**
 * Plans that WebGPU accepts: what `planGraph(graph, { target })` keeps to.
 *
 * Invariant: a dispatch is legal wherever the allocator puts its tensors, and whether or not it reuses an operand: all that
 * could make it illegal is checked before anything is placed.
 */
import { checkChoice, checkOptions, PlannerError, subject, type OptionNames } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import { isPlanned } from '../graph/table.js';
import type { Target } from '../plan/options.js';
import type { Runtime } from '../runtime/runtime.js';
import { resolveRuntime } from '../runtime/runtimes.js';
import { resolveLimits, type WebGpuBufferLimits } from '../runtime/webgpu-limits.js';
import { alignUp } from '../units.js';
import { colouredPools } from './colours.js';
import { checkDispatch, isDispatched, type BindingTarget, type StorageAccess } from './dispatch.js';
import { WEBGPU } from './runtime.js';

/** Settings of {@link webgpuTarget}. */
export interface WebGpuTargetOptions {
  /**
   * How dispatches bind operands in the arena that they only read. WebGPU refuses a dispatch that binds one buffer both for
   * reading and for writing, so `read` takes two or more arenas, of which no dispatch reads the one that it writes.
   * `read-write` takes one arena, and the fewest bytes. Default `read-write`.
   */
  readonly operands?: StorageAccess;
  /** What runs the graph: groups computed at once, and operands that kernels overwrite. Default {@link WEBGPU}. */
  readonly runtime?: Runtime;
}

/** What a plan for WebGPU keeps to: limits of the device, and how operands are bound. */
export interface WebGpuTarget extends Target, BindingTarget {}

const OPTIONS: OptionNames<WebGpuTargetOptions> = { operands: true, runtime: true };

/**
 * A target for `planGraph`, `measureGraph` and, with operands bound `read-write`, for `Planner` and `planFamily`. Plans for
 * it have chunks that are legal buffers, and {@link bindingsOf} tells what each dispatch binds.
 *
 * Planning throws `UNBINDABLE` if a dispatch would need a binding larger than a binding may be, or more bindings than a
 * dispatch may have, and `OVERSIZE` for a tensor that is larger than a buffer. Weights count as well.
 *
 * @param limits of the device, for instance `device.limits`. Default: what every WebGPU device guarantees
 * @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT`
 * @example
 * ```ts
 * import { Context, Graph, planGraph } from 'tensor-arena';
 * import { bindingsOf, webgpuTarget } from 'tensor-arena/webgpu';
 * const ctx = Context.deferred();
 * const [a, b] = [ctx.newTensor('f32', [64], 'a'), ctx.newTensor('f32', [64], 'b')];
 * const y = ctx.setOutput(ctx.mulMat(ctx.setInput(a), ctx.setInput(b)));
 * const target = webgpuTarget({ maxBufferSize: 2 ** 30 });
 * const plan = planGraph(Graph.forward(y), { target });
 * console.log(bindingsOf(plan, y, target).bindings); // 3 of { buffer, offset, size, access }
 * ```
 */
export function webgpuTarget(
  limits: Partial<WebGpuBufferLimits> = {},
  options: WebGpuTargetOptions = {},
): WebGpuTarget {
  const resolved = resolveLimits(limits);
  checkOptions(options, OPTIONS);
  const { operands = 'read-write', runtime = WEBGPU } = options;
  checkChoice('operands', operands, ['read-write', 'read']);
  resolveRuntime(runtime);
  const alignment = resolved.minStorageBufferOffsetAlignment;
  const maxChunkSize = Math.floor(resolved.maxBufferSize / alignment) * alignment;
  const memory = { alignment, maxChunkSize };
  return {
    limits: resolved,
    operands,
    runtime,
    ...memory,
    check: (graph) => checkLegal(graph, resolved, operands, memory.maxChunkSize),
    poolsOf: operands === 'read' ? (graph, reuse) => colouredPools(graph, { runtime, reuse, ...memory }) : null,
  };
}

/** @throws PlannerError `OVERSIZE`, `UNBINDABLE` */
function checkLegal(graph: Graph, limits: WebGpuBufferLimits, operands: StorageAccess, most: number): void {
  const { tensors, table } = graph;
  for (let id = 0; id < tensors.length; id++) {
    if (!isPlanned(table.traits[id]) || alignUp(table.sizes[id], limits.minStorageBufferOffsetAlignment) <= most)
      continue;
    const culprit = tensors[id].label;
    throw new PlannerError('OVERSIZE', {
      message: `${subject(culprit)} takes ${table.sizes[id]} bytes, but a buffer may have at most ${most}.`,
      culprit,
      value: table.sizes[id],
      limit: `at most ${most} bytes, by the maxBufferSize of ${limits.maxBufferSize}`,
      remedy: 'Ask for a device with a larger maxBufferSize, or plan a smaller graph.',
    });
  }
  for (const node of graph.nodes) if (isDispatched(node)) checkDispatch(node, limits, operands);
}
