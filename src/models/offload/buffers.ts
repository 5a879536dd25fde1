/**
 * The buffers that tensors are loaded into, and their bytes.
 *
 * Invariant: the sizes are those of llama.cpp: of `ggml_backend_alloc_ctx_tensors_from_buft`, and of `load_tensors` where
 * the mapped file is the buffer.
 */
import type { BufferType } from '../../device/device.js';
import type { Gguf, GgufTensor } from '../../gguf/types.js';
import { alignUp, checkBytes } from '../../units.js';

/** What a buffer is for. */
export type BufferPurpose = 'weights' | 'adapters' | 'context' | 'compute' | 'output';

/** All buffers of one type for one purpose. */
export interface DeviceBuffer {
  /** The name of the device whose memory it takes; host memory is that of the CPU, whoever offers it. */
  readonly device: string;
  readonly type: BufferType;
  readonly purpose: BufferPurpose;
  readonly bytes: number;
}

/**
 * Bytes of buffers of one type for tensors of these sizes, in the order in which they are made: a new buffer is begun
 * where the limit of the type would be passed.
 */
export function allocatedBytes(sizes: readonly number[], type: BufferType): number {
  let [total, current] = [0, 0];
  for (const size of sizes) {
    const padded = alignUp(size, type.alignment);
    if (current > 0 && current + padded > type.maxSize) {
      total += current + type.overhead;
      current = 0;
    }
    current = checkBytes(current + padded, type.name);
  }
  return checkBytes(current === 0 ? total : total + current + type.overhead, type.name);
}

/** Where each tensor lies in its file. */
export type FileRanges = ReadonlyMap<GgufTensor, { readonly part: number; readonly start: number }>;

const DEFAULT_ALIGNMENT = 32;

/** Tensors follow each other in a file, each at a multiple of the file's alignment. O(tensors). */
export function fileRanges({ metadata, tensors }: Gguf): FileRanges {
  const alignment = Number(metadata['general.alignment'] ?? DEFAULT_ALIGNMENT);
  const ends = new Map<number, number>();
  return new Map(
    tensors.map((tensor) => {
      const { part = 0, bytes, name } = tensor;
      const start = ends.get(part) ?? 0;
      ends.set(part, checkBytes(start + alignUp(bytes, alignment), name));
      return [tensor, { part, start }];
    }),
  );
}

/** Bytes of the file from the first to the last of these tensors, whatever lies between them; the sum over all parts. */
export function mappedBytes(tensors: readonly GgufTensor[], ranges: FileRanges): number {
  const spans = new Map<number, { start: number; end: number }>();
  for (const tensor of tensors) {
    const { part, start } = ranges.get(tensor)!;
    const end = start + tensor.bytes;
    const span = spans.get(part);
    if (span === undefined) spans.set(part, { start, end });
    else spans.set(part, { start: Math.min(span.start, start), end: Math.max(span.end, end) });
  }
  return [...spans.values()].reduce((sum, { start, end }) => sum + end - start, 0);
}
