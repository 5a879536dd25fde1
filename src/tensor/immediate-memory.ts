/**
 * Where immediate tensors get their bytes: a fresh `ArrayBuffer` each, or consecutive aligned pieces of memory that
 * the user provides (as in `ggml_tallocr`).
 */
import { checkArgument, checkOptions, PlannerError, type OptionNames } from '../errors.js';
import { alignUp, checkAlignment } from '../units.js';

/** Hands out zero-overlap ranges of bytes. */
export interface ByteSource {
  /** @throws PlannerError `OUT_OF_MEMORY` */
  take(byteLength: number, culprit: string): Uint8Array;
}

/** A range of memory that the user owns, for instance of a `WebAssembly.Memory`. */
export interface MemoryRange {
  readonly buffer: ArrayBufferLike;
  /** First byte of the range. Default 0. */
  readonly byteOffset?: number;
  /** Bytes in the range. Default: to the end of the buffer. */
  readonly byteLength?: number;
  /** Every tensor starts at a multiple of this power of two within `buffer`. Default 32. */
  readonly alignment?: number;
}

const RANGE_FIELDS: OptionNames<MemoryRange> = { buffer: true, byteOffset: true, byteLength: true, alignment: true };

/** A fresh, zeroed `ArrayBuffer` for every tensor. */
export const FRESH_MEMORY: ByteSource = {
  take(byteLength, culprit) {
    try {
      return new Uint8Array(byteLength);
    } catch {
      throw noRoom(culprit, byteLength, BEYOND_ENGINE);
    }
  },
};

/** Consecutive aligned pieces of `range`. @throws PlannerError `BAD_ALIGNMENT`, `BAD_ARGUMENT` */
export function memoryFrom(range: MemoryRange): ByteSource {
  checkOptions(range, RANGE_FIELDS, 'memory range');
  checkBuffer(range.buffer);
  const { buffer, byteOffset = 0, byteLength = buffer.byteLength - byteOffset, alignment = 32 } = range;
  checkAlignment(alignment);
  const end = byteOffset + byteLength;
  if (
    ![byteOffset, byteLength].every(Number.isSafeInteger) ||
    byteOffset < 0 ||
    byteLength < 0 ||
    end > buffer.byteLength
  ) {
    throw new PlannerError('BAD_ARGUMENT', {
      message: `The memory range of bytes ${byteOffset} to ${end} is not within the buffer's ${buffer.byteLength} bytes.`,
      culprit: 'memory range',
      value: `[${byteOffset}, ${end})`,
      limit: `within the buffer's ${buffer.byteLength} bytes`,
      remedy: 'Give byteOffset and byteLength in bytes, inside the buffer.',
    });
  }
  let next = byteOffset;
  return {
    take(size, culprit) {
      const start = alignUp(next, alignment);
      const left = Math.max(0, end - start);
      if (start + size > end)
        throw noRoom(culprit, size, {
          limit: `at most ${left}, what is left`,
          reason: `only ${left} of the memory range are left`,
        });
      next = start + size;
      return new Uint8Array(buffer, start, size);
    },
  };
}

function noRoom(culprit: string, byteLength: number, shortage: Shortage): PlannerError {
  const remedy = 'Give the immediate context more memory, or make the tensor in a virtual or deferred one.';
  return outOfMemory(culprit, byteLength, shortage, remedy);
}

/** Why bytes cannot be had. */
interface Shortage {
  readonly limit: string;
  /** Completes "There is no room for …:". */
  readonly reason: string;
}

export const BEYOND_ENGINE: Shortage = {
  limit: 'what the JavaScript engine can allocate in one piece',
  reason: 'JavaScript cannot allocate as many in one piece',
};

/** The error for bytes that cannot be had. */
export function outOfMemory(owner: string, value: number, { limit, reason }: Shortage, remedy: string): PlannerError {
  const culprit = `bytes of ${owner}`;
  const message = `There is no room for the ${value} ${culprit}: ${reason}.`;
  return new PlannerError('OUT_OF_MEMORY', { message, culprit, value, limit, remedy });
}

/** Throws `BAD_ARGUMENT` unless `buffer` is an `ArrayBuffer` or a `SharedArrayBuffer`, of whichever realm. */
export function checkBuffer(buffer: unknown): void {
  const isBuffer = /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(buffer));
  const limit = 'an ArrayBuffer or a SharedArrayBuffer';
  checkArgument(isBuffer, 'buffer', buffer, limit, 'Of a typed array or a WebAssembly.Memory, give its buffer.');
}
