/**
 * What a planner has to know of a device: its memory, what it computes, and what it can read.
 *
 * Invariant: plain data and small functions without state. A profile is one file that makes devices; a caller may write
 * devices of their own.
 */
import type { Runtime } from '../runtime/runtime.js';
import type { Tensor } from '../tensor/tensor.js';

/** A kind of buffer: which rules tensors follow that are put there. */
export interface BufferType {
  /** As the runtime prints it, such as `CUDA0` or `CUDA_Host`; buffer types of the same name are one. */
  readonly name: string;
  /** Whether the CPU can read and write it. */
  readonly isHost: boolean;
  /** Every tensor starts at a multiple of this many bytes and is padded to one. */
  readonly alignment: number;
  /** Most bytes of one buffer; `Infinity` without a limit. */
  readonly maxSize: number;
  /** Bytes that each buffer takes besides its tensors. */
  readonly overhead: number;
  /** Bytes that a tensor takes, before padding: its own, and what the device wants beside them. */
  readonly sizeOf: (tensor: Tensor) => number;
}

/** The buffer type of a tensor that has a buffer of its own already; null for all others, and for views. */
export type BufferTypeOf = (tensor: Tensor) => BufferType | null;

/** A device: something that computes nodes, and memory. */
export interface Device {
  /** Such as `CUDA0`; no two devices of a machine share a name. */
  readonly name: string;
  /** Bytes of memory, and those that are free before anything is loaded. */
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Where the results of the nodes that it computes go, unless a caller says otherwise. */
  readonly bufferType: BufferType;
  /** Host memory that it copies from and to fastest; null if it offers none. */
  readonly hostBufferType: BufferType | null;
  /** Further buffer types that weights may be put into, the best first, such as those of repacked weights. */
  readonly extraBufferTypes: readonly BufferType[];
  /** Whether it can compute on what lies in buffers of this type. */
  readonly reads: (type: BufferType) => boolean;
  /** Whether it can compute a node whose operands lie where they do. */
  readonly supports: (node: Tensor, bufferTypeOf: BufferTypeOf) => boolean;
  /** Whether it should compute a node whose weight is in host memory, as the copy of the weight costs less than it saves. */
  readonly offloads: (node: Tensor) => boolean;
  /** Which nodes it computes at once. */
  readonly runtime: Runtime;
  /** Whether it computes while the next batch is copied. */
  readonly isAsynchronous: boolean;
  /** Whether a mapped file is its memory: weights need not be copied there. */
  readonly wrapsHostMemory: boolean;
  /** Whether a model file may be mapped while the device takes part. */
  readonly allowsMapping: boolean;
  /**
   * The order in which it computes the nodes of a split, whose operands are copies where they cross; null if it keeps the
   * order. `usesOf` says how many operands of the whole graph a node is.
   */
  readonly reorder: ((nodes: readonly Tensor[], usesOf: (node: Tensor) => number) => readonly Tensor[]) | null;
}
