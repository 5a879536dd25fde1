/**
 * The public names of `tensor-arena/webgpu`: plans for WebGPU, what they keep to and what each dispatch binds, and a backend that
 * runs them. Exports only.
 *
 * @module tensor-arena/webgpu
 */
export { GpuArena } from '../exec/webgpu/arena.js';
export { GpuProgram, type PlanOfGraph, type ProgramOptions } from '../exec/webgpu/program.js';
export { PipelineCache } from '../exec/webgpu/pipelines.js';
export { whyNotExecutableOnWebGpu } from '../exec/webgpu/executable.js';
export type {
  GpuBuffer,
  GpuBufferDescriptor,
  GpuComputePass,
  GpuDevice,
  GpuEncoder,
  GpuEntry,
  GpuLayoutEntry,
  GpuObject,
} from '../exec/webgpu/gpu.js';
export { webgpuTarget, type WebGpuTarget, type WebGpuTargetOptions } from './target.js';
export {
  bindingsOf,
  dispatchesOf,
  type BindingTarget,
  type BoundTensor,
  type BufferBinding,
  type DispatchBindings,
  type StorageAccess,
} from './dispatch.js';
export { transferOf, type TransferRange } from './transfer.js';
export type { OutsidePlace } from './places.js';
export { verifyDispatches, type BoundLike, type DispatchLike, type WebGpuCheckOptions } from '../verify/webgpu-plan.js';
export {
  verifyWebGpuCommands,
  type BoundRange,
  type BufferPlace,
  type WebGpuCommand,
  type WebGpuRule,
  type WebGpuViolation,
} from '../verify/webgpu-commands.js';
export { GUARANTEED_LIMITS, type WebGpuBufferLimits } from '../runtime/webgpu-limits.js';
export { WEBGPU } from './runtime.js';
