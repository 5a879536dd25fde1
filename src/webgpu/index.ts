/** Plans for WebGPU: what they keep to, and what each dispatch binds. */
export { webgpuTarget, type WebGpuTarget, type WebGpuTargetOptions } from './target.js';
export {
  bindingsOf,
  type BindingTarget,
  type BoundTensor,
  type BufferBinding,
  type DispatchBindings,
  type OutsidePlace,
  type StorageAccess,
} from './dispatch.js';
export { GUARANTEED_LIMITS, type WebGpuBufferLimits } from '../runtime/webgpu-limits.js';
export { WEBGPU } from './runtime.js';
