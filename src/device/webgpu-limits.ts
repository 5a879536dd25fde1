/**
 * What a WebGPU adapter allows, under WebGPU's own names, so that a page can give `adapter.limits`.
 *
 * Invariant: limits that are left out are those of a usual desktop adapter, not the least that WebGPU guarantees: with
 * these hardly any weight could be bound.
 */

/** Limits of a WebGPU adapter. */
export interface WebGpuLimits {
  /** Most bytes that one operand may have. Default 4 GiB - 4. */
  readonly maxStorageBufferBindingSize: number;
  /** What operands are aligned to, in bytes. Default 256. */
  readonly minStorageBufferOffsetAlignment: number;
  /** Bytes that a workgroup shares. Default 32768. */
  readonly maxComputeWorkgroupStorageSize: number;
  /** Threads of a workgroup. Default 1024. */
  readonly maxComputeInvocationsPerWorkgroup: number;
  /** Fewest threads of a subgroup; 0 without the feature `subgroups`. Default 32. */
  readonly subgroupMinSize: number;
  /** Most threads of a subgroup; 0 without the feature `subgroups`. Default 32. */
  readonly subgroupMaxSize: number;
}

export const USUAL_LIMITS: WebGpuLimits = {
  maxStorageBufferBindingSize: 2 ** 32 - 4,
  minStorageBufferOffsetAlignment: 256,
  maxComputeWorkgroupStorageSize: 32768,
  maxComputeInvocationsPerWorkgroup: 1024,
  subgroupMinSize: 32,
  subgroupMaxSize: 32,
};
