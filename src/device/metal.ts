/**
 * Apple's GPUs, as ggml's Metal backend uses them.
 *
 * Invariant: memory is shared with the CPU, but a device of its own in what is counted: `totalBytes` is what Metal
 * recommends to use, about three quarters of the machine's.
 */
import { checkChoice, checkOptions, type OptionNames } from '../errors.js';
import { isPureView } from '../graph/node-kind.js';
import { GGML_METAL } from '../runtime/ggml-metal.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Device } from './device.js';
import { checkBytesOption, checkMemory, deviceBufferType, mappedBufferType, type DeviceMemory } from './memory.js';
import { metalBytes } from './metal-bytes.js';
import { METAL_RULES } from './metal-rules.js';
import { metalOrder } from './metal-order.js';
import { IS_LARGE_BATCH } from './node-rules.js';

/** What is known of an Apple GPU. */
export interface MetalOptions extends DeviceMemory {
  /** Most bytes of one buffer, Metal's `maxBufferLength`. Default: three quarters of `totalBytes`. */
  readonly maxBufferBytes?: number;
  /** Whether it computes in bf16. Default true. */
  readonly bfloat?: boolean;
}

const OPTIONS: OptionNames<MetalOptions> = {
  index: true,
  totalBytes: true,
  freeBytes: true,
  maxBufferBytes: true,
  bfloat: true,
};

const ALIGNMENT = 32;

/** An Apple GPU. @throws PlannerError `BAD_ARGUMENT` */
export function metalDevice(options: MetalOptions): Device {
  checkOptions(options, OPTIONS);
  const { bfloat = true } = options;
  checkChoice('bfloat', bfloat, [true, false]);
  const memory = checkMemory('MTL', options, ALIGNMENT);
  const maxSize = options.maxBufferBytes ?? Math.floor(memory.totalBytes * 0.75);
  checkBytesOption(`largest buffer of ${memory.name}`, maxSize, ALIGNMENT);
  const bufferType = deviceBufferType({ name: memory.name, alignment: ALIGNMENT, maxSize, sizeOf: metalBytes });
  const mapped = mappedBufferType(bufferType).name;
  return {
    ...memory,
    bufferType,
    hostBufferType: null,
    extraBufferTypes: [],
    reads: (type) => type.name === bufferType.name || type.name === mapped,
    supports: (node) => {
      if (!bfloat && isBfloat(node)) return false;
      return node.operation === null || isPureView(node) || (METAL_RULES.get(node.op)?.(node) ?? false);
    },
    offloads: (node) => (node.op === 'MUL_MAT' || node.op === 'MUL_MAT_ID') && IS_LARGE_BATCH(node),
    runtime: GGML_METAL,
    isAsynchronous: true,
    wrapsHostMemory: true,
    allowsMapping: true,
    reorder: metalOrder,
  };
}

/** Whether the result or one of the first operands is bf16. */
function isBfloat({ type, sources }: Tensor): boolean {
  return type.name === 'bf16' || sources.slice(0, 3).some((source) => source?.type.name === 'bf16');
}
