/**
 * The adapter of a browser, as ggml's WebGPU backend uses it.
 *
 * Invariant: one device, and no memory of the CPU that it reads. All limits are the adapter's; the profile has not been
 * compared with a recording.
 */
import { checkArgument, checkChoice, checkOptions, type OptionNames } from '../errors.js';
import { isPureView } from '../graph/node-kind.js';
import { RMS_NORM_MUL } from '../runtime/fusions.js';
import type { Runtime } from '../runtime/runtime.js';
import { elementCount } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';
import { alignUp, checkAlignment } from '../units.js';
import type { Device } from './device.js';
import { checkBytesOption, checkRoom, deviceBufferType, type DeviceMemory } from './memory.js';
import { operand } from './node-rules.js';
import { attentionBytes, quantisesValues } from './webgpu-attention.js';
import { USUAL_LIMITS, type WebGpuLimits } from './webgpu-limits.js';
import { webGpuRules } from './webgpu-rules.js';

/** What is known of a WebGPU adapter. */
export interface WebGpuOptions extends Omit<DeviceMemory, 'index'> {
  /** Limits, as an adapter says them; those left out are the usual ones of a desktop. */
  readonly limits?: Partial<WebGpuLimits>;
  /** Whether it multiplies four bytes at once, on hardware of AMD, Intel or NVIDIA. Default false. */
  readonly packedDotProduct?: boolean;
}

const OPTIONS: OptionNames<WebGpuOptions> = {
  totalBytes: true,
  freeBytes: true,
  limits: true,
  packedDotProduct: true,
};

const LIMITS: OptionNames<WebGpuLimits> = {
  maxStorageBufferBindingSize: true,
  minStorageBufferOffsetAlignment: true,
  maxComputeWorkgroupStorageSize: true,
  maxComputeInvocationsPerWorkgroup: true,
  subgroupMinSize: true,
  subgroupMaxSize: true,
};

const NAME = 'WebGPU';
const INT_BYTES = 4;
/** Bytes that a binding's size is a multiple of. */
const BINDING_STEP = 4;

const RUNTIME: Runtime = { name: 'ggml-webgpu', fusions: [RMS_NORM_MUL] };

/** The WebGPU adapter of a browser. @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT` */
export function webgpuDevice(options: WebGpuOptions): Device {
  checkOptions(options, OPTIONS);
  const { totalBytes, freeBytes = totalBytes, packedDotProduct = false } = options;
  checkChoice('packedDotProduct', packedDotProduct, [true, false]);
  const limits = checkLimits(options.limits ?? {});
  const { minStorageBufferOffsetAlignment: alignment, maxStorageBufferBindingSize: maxSize } = limits;
  checkRoom(NAME, totalBytes, freeBytes, alignment);
  const rules = webGpuRules(limits);
  const sizeOf = (tensor: Tensor): number => bytesOf(tensor, limits, packedDotProduct);
  return {
    ...{ name: NAME, totalBytes, freeBytes },
    bufferType: deviceBufferType({ name: NAME, alignment, maxSize, sizeOf }),
    hostBufferType: null,
    extraBufferTypes: [],
    reads: (type) => type.name === NAME,
    supports: (node) => {
      const isLarge = node.sources.slice(0, 3).some((source) => source !== null && source.byteLength > maxSize);
      if (isLarge || node.byteLength > maxSize) return false;
      return node.operation === null || isPureView(node) || (rules.get(node.op)?.(node) ?? false);
    },
    offloads: () => false,
    runtime: RUNTIME,
    isAsynchronous: false,
    wrapsHostMemory: false,
    allowsMapping: true,
    reorder: null,
  };
}

/** The limits that are given, read one by one as an adapter keeps them on its prototype, and the usual ones. */
function checkLimits(given: Partial<WebGpuLimits>): WebGpuLimits {
  checkOptions(ownLimits(given), LIMITS, 'limits');
  const names = Object.keys(LIMITS) as (keyof WebGpuLimits)[];
  const entries = names.map((name) => [name, given[name] ?? USUAL_LIMITS[name]] as const);
  for (const [name, value] of entries) {
    const isWhole = Number.isSafeInteger(value) && value >= 0;
    checkArgument(isWhole, name, value, 'a whole number of at least 0', 'Give the limit that the adapter has.');
  }
  const limits = Object.fromEntries(entries) as unknown as WebGpuLimits;
  checkAlignment(limits.minStorageBufferOffsetAlignment, 'minStorageBufferOffsetAlignment');
  const { maxStorageBufferBindingSize: largest, minStorageBufferOffsetAlignment: alignment } = limits;
  checkBytesOption('maxStorageBufferBindingSize', largest, alignment);
  return limits;
}

/** What a caller has written; an adapter has its limits, of which many do not matter here, on its prototype. */
function ownLimits(given: Partial<WebGpuLimits>): Partial<WebGpuLimits> {
  return typeof given === 'object' && given !== null ? { ...given } : given;
}

/** Bytes of a tensor: its own, and behind them what the shader of its operation writes for itself. */
function bytesOf(tensor: Tensor, limits: WebGpuLimits, packedDotProduct: boolean): number {
  const { op, byteLength } = tensor;
  const alignment = limits.minStorageBufferOffsetAlignment;
  switch (op) {
    case 'FLASH_ATTN_EXT':
      return attentionBytes(tensor, limits);
    case 'ARGSORT':
      return alignUp(2 * byteLength + alignment, BINDING_STEP);
    case 'TOP_K':
      return alignUp(2 * INT_BYTES * elementCount(operand(tensor, 0)) + alignment, BINDING_STEP);
    case 'MUL_MAT':
      if (!packedDotProduct || !quantisesValues(tensor)) return byteLength;
      return alignUp(byteLength + quantisedBytes(operand(tensor, 1)) + alignment, BINDING_STEP);
    case 'MUL_MAT_ID': {
      const [experts, tokens] = [operand(tensor, 0).shape[2], operand(tensor, 1).shape[2]];
      return alignUp(byteLength + INT_BYTES * experts * (2 * tokens + 1) + 3 * alignment, BINDING_STEP);
    }
    default:
      return byteLength;
  }
}

/** Bytes of values as q8_1. */
function quantisedBytes({ shape }: Tensor): number {
  return 36 * Math.floor(shape[0] / 32) * shape[1] * shape[2] * shape[3];
}
