/**
 * NVIDIA devices, as ggml's CUDA backend uses them.
 *
 * Invariant: what is said here holds for an ordinary build, with CUB and with the kernels of attention that are built
 * by default.
 */
import { checkArgument, checkChoice, checkOptions, type OptionNames } from '../errors.js';
import { isPureView } from '../graph/node-kind.js';
import { GGML_CUDA } from '../runtime/ggml-cuda.js';
import { rowSize } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';
import { attentionBytes, computesAttention } from './cuda-attention.js';
import { CUDA_RULES } from './cuda-rules.js';
import type { BufferTypeOf, Device } from './device.js';
import { checkMemory, deviceBufferType, hostBufferType, type DeviceMemory } from './memory.js';
import { IS_LARGE_BATCH } from './node-rules.js';

/** What is known of an NVIDIA device. */
export interface CudaOptions extends DeviceMemory {
  /** NVIDIA's number for what the device can compute, such as 8.9 for Ada. Default 8.6. */
  readonly computeCapability?: number;
  /** Whether it has the memory of the CPU. Default false. */
  readonly isIntegrated?: boolean;
}

const OPTIONS: OptionNames<CudaOptions> = {
  index: true,
  totalBytes: true,
  freeBytes: true,
  computeCapability: true,
  isIntegrated: true,
};

/** NVIDIA's devices from Maxwell to Blackwell. */
// prettier-ignore
export const COMPUTE_CAPABILITIES: readonly number[] = [
  5.0, 5.2, 5.3, 6.0, 6.1, 6.2, 7.0, 7.2, 7.5, 8.0, 8.6, 8.7, 8.9, 9.0, 10.0, 10.1, 10.3, 11.0, 12.0, 12.1,
];

const ALIGNMENT = 128;

/** Rows of quantised types are read up to a multiple of this many elements. */
const ROW_PADDING = 512;

const CUDA_HOST = hostBufferType({ name: 'CUDA_Host', alignment: 32 });

/** An NVIDIA device. @throws PlannerError `BAD_ARGUMENT` */
export function cudaDevice(options: CudaOptions): Device {
  checkOptions(options, OPTIONS);
  const { computeCapability: capability = 8.6, isIntegrated = false } = options;
  const memory = checkMemory('CUDA', options, ALIGNMENT);
  checkArgument(
    COMPUTE_CAPABILITIES.includes(capability),
    `compute capability of ${memory.name}`,
    capability,
    `one of ${COMPUTE_CAPABILITIES.map((each) => each.toFixed(1)).join(', ')}`,
    'Look it up in NVIDIA’s list of devices; an RTX 3090 has 8.6, an RTX 4090 has 8.9.',
  );
  checkChoice('isIntegrated', isIntegrated, [true, false]);
  const { name } = memory;
  const computes = (node: Tensor): boolean =>
    node.op === 'FLASH_ATTN_EXT' ? computesAttention(node, capability) : (CUDA_RULES.get(node.op)?.(node) ?? false);
  return {
    ...memory,
    bufferType: deviceBufferType({ name, alignment: ALIGNMENT, sizeOf: (tensor) => bytesOf(tensor, capability) }),
    hostBufferType: CUDA_HOST,
    extraBufferTypes: [],
    reads: (type) => type.name === name || (isIntegrated && type.name === CUDA_HOST.name),
    supports: (node, bufferTypeOf) => {
      if (readsOtherDevice(node, name, bufferTypeOf)) return false;
      return node.operation === null || isPureView(node) || computes(node);
    },
    offloads: IS_LARGE_BATCH,
    runtime: GGML_CUDA,
    isAsynchronous: true,
    wrapsHostMemory: false,
    allowsMapping: !isIntegrated,
    reorder: null,
  };
}

function bytesOf(tensor: Tensor, capability: number): number {
  const { type, shape, byteLength, op } = tensor;
  if (op === 'FLASH_ATTN_EXT') return attentionBytes(tensor, capability);
  const excess = shape[0] % ROW_PADDING;
  return type.isQuantized && excess !== 0 ? byteLength + rowSize(type, ROW_PADDING - excess) : byteLength;
}

/** Whether an operand has a buffer of its own on another CUDA device. */
function readsOtherDevice({ sources }: Tensor, name: string, bufferTypeOf: BufferTypeOf): boolean {
  for (const source of sources) {
    const type = source === null ? null : bufferTypeOf(source);
    if (type !== null && !type.isHost && type.name !== name && type.name.startsWith('CUDA')) return true;
  }
  return false;
}
