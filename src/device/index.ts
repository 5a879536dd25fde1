/**
 * The public names of `tensor-arena/device`: devices, and graphs that are spread over them. Exports only.
 *
 * @module tensor-arena/device
 */
export type { CpuFeatures } from './cpu-repack.js';
export { cpuDevice, type CpuOptions } from './cpu.js';
export { COMPUTE_CAPABILITIES, cudaDevice, type CudaOptions } from './cuda.js';
export type { BufferType, BufferTypeOf, Device } from './device.js';
export { withCpu } from './machine.js';
export type { DeviceMemory } from './memory.js';
export { metalDevice, type MetalOptions } from './metal.js';
export { parseDevice, parseDevices, PROFILE_NAMES } from './parse.js';
export { vulkanDevice, type VulkanOptions } from './vulkan.js';
export type { WebGpuLimits } from './webgpu-limits.js';
export { webgpuDevice, type WebGpuOptions } from './webgpu.js';
export type { Pool, Pools } from '../graph/pools.js';
export type { PoolMeasurement } from '../plan/pools.js';
export type { Copy, Schedule, ScheduleInput, SchedulePolicy, Split } from '../schedule/schedule.js';
export { scheduleGraph, type ScheduleOptions } from '../schedule/schedule-graph.js';
export type { ScheduleViolation } from '../verify/schedule-violation.js';
export type { ScheduleLike } from '../verify/stand-ins.js';
export { verifySchedule, type ScheduleLimits } from '../verify/verify-schedule.js';
