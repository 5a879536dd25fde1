/**
 * The memory of a device: its buffer types, and the check of what a caller says of its size.
 *
 * Invariant: a profile is made of checked numbers, so that planners need no checks.
 */
import { checkArgument, PlannerError } from '../errors.js';
import { exactBytes } from '../format.js';
import type { Tensor } from '../tensor/tensor.js';
import type { BufferType } from './device.js';

/** How much memory a device has; what every profile asks for. */
export interface DeviceMemory {
  /** Which one of its kind it is, counted from 0. Default 0. */
  readonly index?: number;
  /** Bytes of memory. */
  readonly totalBytes: number;
  /** Bytes that are free before anything is loaded. Default: all. */
  readonly freeBytes?: number;
}

/** The same without gaps. */
export interface CheckedMemory {
  /** Such as `CUDA0`. */
  readonly name: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** Checks the memory of a device of a kind, such as `CUDA`, and names the device. @throws PlannerError `BAD_ARGUMENT` */
export function checkMemory(kind: string, memory: DeviceMemory, alignment: number): CheckedMemory {
  const { index = 0, totalBytes, freeBytes = totalBytes } = memory;
  const isIndex = Number.isSafeInteger(index) && index >= 0;
  checkArgument(isIndex, 'index', index, 'an integer of at least 0', 'Count the devices of one kind from 0.');
  const name = `${kind}${index}`;
  checkRoom(name, totalBytes, freeBytes, alignment);
  return { name, totalBytes, freeBytes };
}

/** Throws `BAD_ARGUMENT` unless a device has memory for a tensor, of which no more is free than there is. */
export function checkRoom(name: string, totalBytes: unknown, freeBytes: unknown, alignment: number): void {
  const [total, free] = [`total memory of ${name}`, `free memory of ${name}`];
  const whole = 'a whole number of bytes from 0 to 2^53 - 1';
  checkArgument(isBytes(totalBytes), total, totalBytes, whole, 'Give the bytes of memory that the device has.');
  const limit = `a whole number of bytes from 0 to ${totalBytes}, all that it has`;
  checkArgument(isBytes(freeBytes) && freeBytes <= totalBytes, free, freeBytes, limit, 'Leave it out if all is free.');
  if (freeBytes >= alignment) return;
  throw new PlannerError('BAD_ARGUMENT', {
    message: `The ${free} is ${exactBytes(freeBytes)}, which is no room for a single tensor.`,
    culprit: free,
    value: freeBytes,
    limit: `at least ${alignment}, the alignment of its tensors`,
    remedy: 'Leave the device out, or give it more memory.',
  });
}

/** Throws `BAD_ARGUMENT` unless `value` is a whole number of bytes that one tensor fits into. */
export function checkBytesOption(culprit: string, value: unknown, alignment: number): void {
  const limit = `a whole number of bytes from ${alignment}, the alignment of tensors, to 2^53 - 1`;
  const isRoom = isBytes(value) && value >= alignment;
  checkArgument(isRoom, culprit, value, limit, 'Leave it out for what most devices have.');
}

function isBytes(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** What most buffer types ask for: the tensor's own bytes. */
export function ownBytes(tensor: Tensor): number {
  return tensor.byteLength;
}

/** What differs from a buffer type that is host memory without limits. */
type BufferTypeFacts = Partial<BufferType> & Pick<BufferType, 'name' | 'alignment'>;

/** A buffer type of host memory that asks for no more than the tensors' own bytes, unless `facts` says otherwise. */
export function hostBufferType(facts: BufferTypeFacts): BufferType {
  return { isHost: true, maxSize: Infinity, overhead: 0, sizeOf: ownBytes, ...facts };
}

/** A buffer type of a device's own memory. */
export function deviceBufferType(facts: BufferTypeFacts): BufferType {
  return { ...hostBufferType(facts), isHost: false, ...facts };
}

/** The buffer type of weights that stay in the mapped file, on a device whose memory it is. */
export function mappedBufferType(type: BufferType): BufferType {
  return { ...type, name: `${type.name}_Mapped` };
}
