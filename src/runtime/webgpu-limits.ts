/**
 * The limits of a WebGPU device that decide where tensors may lie, under WebGPU's own names.
 *
 * Invariant: limits that are left out are those that every WebGPU device guarantees.
 */
import { checkArgument, checkOptions, type OptionNames } from '../errors.js';
import { checkAlignment } from '../units.js';

/** Limits of a WebGPU device. `device.limits` is such an object; an adapter's limits are of use only if they are asked for. */
export interface WebGpuBufferLimits {
  /** Most bytes of one buffer. Default 256 MiB. */
  readonly maxBufferSize: number;
  /** Most bytes of a buffer that one binding shows to a shader. Default 128 MiB. */
  readonly maxStorageBufferBindingSize: number;
  /** Bytes that the offset of a binding is a multiple of: a power of two of at least 32. Default 256. */
  readonly minStorageBufferOffsetAlignment: number;
  /** Most storage bindings of one dispatch. Default 8. */
  readonly maxStorageBuffersPerShaderStage: number;
}

/** What every WebGPU device guarantees. */
export const GUARANTEED_LIMITS: WebGpuBufferLimits = {
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  minStorageBufferOffsetAlignment: 256,
  maxStorageBuffersPerShaderStage: 8,
};

const NAMES: OptionNames<WebGpuBufferLimits> = {
  maxBufferSize: true,
  maxStorageBufferBindingSize: true,
  minStorageBufferOffsetAlignment: true,
  maxStorageBuffersPerShaderStage: true,
};

/** Bytes that sizes of bindings, uploads and read-backs are multiples of. */
export const WEBGPU_STEP = 4;
/** WebGPU's own lower bound of an alignment. */
const LEAST_ALIGNMENT = 32;

/**
 * The limits that are given, read one by one as a device keeps them on its prototype, and else the guaranteed ones.
 *
 * @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT`
 */
export function resolveLimits(given: Partial<WebGpuBufferLimits> = {}): WebGpuBufferLimits {
  // What a caller has written; a device has its limits, of which many do not matter here, on its prototype.
  checkOptions(typeof given === 'object' && given !== null ? { ...given } : given, NAMES, 'limits');
  const names = Object.keys(NAMES) as (keyof WebGpuBufferLimits)[];
  const entries = names.map((name) => [name, given[name] ?? GUARANTEED_LIMITS[name]] as const);
  const limits = Object.fromEntries(entries) as unknown as WebGpuBufferLimits;
  const alignment = limits.minStorageBufferOffsetAlignment;
  checkAlignment(alignment, 'minStorageBufferOffsetAlignment');
  checkLeast('minStorageBufferOffsetAlignment', alignment, LEAST_ALIGNMENT);
  checkLeast('maxBufferSize', limits.maxBufferSize, alignment);
  checkLeast('maxStorageBufferBindingSize', limits.maxStorageBufferBindingSize, WEBGPU_STEP);
  checkLeast('maxStorageBuffersPerShaderStage', limits.maxStorageBuffersPerShaderStage, 1);
  return limits;
}

function checkLeast(name: keyof WebGpuBufferLimits, value: number, least: number): void {
  const isWhole = Number.isSafeInteger(value) && value >= least;
  checkArgument(isWhole, name, value, `a whole number of at least ${least}`, 'Give the limit that the device has.');
}
