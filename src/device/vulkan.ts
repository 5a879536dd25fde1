/**
 * Any vendor's GPU, as ggml's Vulkan backend uses it.
 *
 * Invariant: what is said here holds for drivers with subgroup operations and the memory model of Vulkan 1.3, as all
 * current ones have.
 */
import { checkAlignment } from '../units.js';
import { checkChoice, checkOptions, type OptionNames } from '../errors.js';
import { isPureView } from '../graph/node-kind.js';
import { GGML_VULKAN } from '../runtime/ggml-vulkan.js';
import type { Device } from './device.js';
import { checkBytesOption, checkMemory, deviceBufferType, hostBufferType, type DeviceMemory } from './memory.js';
import { IS_LARGE_BATCH } from './node-rules.js';
import { vulkanOrder } from './vulkan-order.js';
import { VULKAN_RULES } from './vulkan-rules.js';

/** What is known of a GPU with a Vulkan driver; its limits have the driver's own names. */
export interface VulkanOptions extends DeviceMemory {
  /** `minStorageBufferOffsetAlignment`, in bytes. Default 16. */
  readonly alignment?: number;
  /** `maxMemoryAllocationSize`, in bytes: a buffer has no more, nor more than 1 GiB. Default 4 GiB. */
  readonly maxAllocationBytes?: number;
  /** Most bytes of one tensor: the lower one of `maxStorageBufferRange` and `maxBufferSize`. Default 4 GiB - 1. */
  readonly maxTensorBytes?: number;
  /** `minMemoryMapAlignment`, in bytes. Default 64. */
  readonly hostAlignment?: number;
  /** Whether it has the memory of the CPU. Default false. */
  readonly isIntegrated?: boolean;
}

const OPTIONS: OptionNames<VulkanOptions> = {
  index: true,
  totalBytes: true,
  freeBytes: true,
  alignment: true,
  maxAllocationBytes: true,
  maxTensorBytes: true,
  hostAlignment: true,
  isIntegrated: true,
};

/** ggml allocates no larger buffers. */
const MAX_BUFFER_BYTES = 2 ** 30;

/** What ggml adds to each buffer of host memory. */
const HOST_OVERHEAD = 32;

/** A GPU with a Vulkan driver. @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT` */
export function vulkanDevice(options: VulkanOptions): Device {
  checkOptions(options, OPTIONS);
  const { alignment = 16, hostAlignment = 64, isIntegrated = false } = options;
  const { maxAllocationBytes = 2 ** 32, maxTensorBytes = 2 ** 32 - 1 } = options;
  checkAlignment(alignment);
  checkAlignment(hostAlignment, 'hostAlignment');
  checkChoice('isIntegrated', isIntegrated, [true, false]);
  const memory = checkMemory('Vulkan', options, alignment);
  checkBytesOption(`largest allocation of ${memory.name}`, maxAllocationBytes, alignment);
  checkBytesOption(`largest tensor of ${memory.name}`, maxTensorBytes, alignment);
  const { name } = memory;
  const maxSize = Math.min(MAX_BUFFER_BYTES, maxAllocationBytes);
  const host = { name: 'Vulkan_Host', alignment: hostAlignment, maxSize, overhead: HOST_OVERHEAD };
  return {
    ...memory,
    bufferType: deviceBufferType({ name, alignment, maxSize }),
    hostBufferType: hostBufferType(host),
    extraBufferTypes: [],
    reads: (type) => type.name === name,
    supports: (node) => {
      const isLarge = node.sources.some((source) => source !== null && source.byteLength > maxTensorBytes);
      if (isLarge || node.byteLength > maxTensorBytes) return false;
      return node.operation === null || isPureView(node) || (VULKAN_RULES.get(node.op)?.(node) ?? false);
    },
    offloads: IS_LARGE_BATCH,
    runtime: GGML_VULKAN,
    isAsynchronous: true,
    wrapsHostMemory: false,
    allowsMapping: !isIntegrated,
    reorder: vulkanOrder,
  };
}
