/**
 * What buffers take on each device.
 */
import { checkArgument, isListLike } from '../errors.js';
import { checkBytes } from '../units.js';
import type { BufferPurpose, DeviceBuffer } from './offload/buffers.js';

/** Bytes by what they are for, and their sum. */
export interface MemorySums extends Readonly<Record<BufferPurpose, number>> {
  /** Bytes of tensors of the model. */
  readonly weights: number;
  /** Bytes of LoRA adapters. */
  readonly adapters: number;
  /** Bytes of the KV cache or state. */
  readonly context: number;
  /** Bytes of compute buffers. */
  readonly compute: number;
  /** Bytes of the buffer of logits, which llama.cpp's table of memory leaves out. */
  readonly output: number;
  /** The sum of the five. */
  readonly total: number;
}

/** What is taken on one device. All sizes in bytes. */
export interface DeviceMeasurement extends MemorySums {
  readonly name: string;
  readonly totalBytes: number;
  /** Bytes that are free before anything is loaded. */
  readonly freeBytes: number;
}

/** A device that memory is taken of. */
export type MeasuredDevice = Pick<DeviceMeasurement, 'name' | 'totalBytes' | 'freeBytes'>;

/** @throws PlannerError `BYTES_TOO_LARGE` */
export function sumsOf(buffers: readonly DeviceBuffer[]): MemorySums {
  const sums = { weights: 0, adapters: 0, context: 0, compute: 0, output: 0, total: 0 };
  for (const { purpose, bytes, type } of buffers) {
    sums[purpose] += bytes;
    sums.total = checkBytes(sums.total + bytes, type.name);
  }
  return sums;
}

/**
 * What buffers take on each device. So the buffers of several measurements add up: a model with its draft model, a
 * projector. O(devices × buffers).
 *
 * @param devices those of the measurement that has all of them
 * @throws PlannerError `BAD_ARGUMENT`, `BYTES_TOO_LARGE`
 */
export function sumByDevice(
  devices: readonly MeasuredDevice[],
  buffers: readonly DeviceBuffer[],
): readonly DeviceMeasurement[] {
  const remedy = 'Give what measureModel says of a machine: its devices, and its buffers.';
  const areDevices =
    isListLike(devices) && devices.every((each) => isText((each as Partial<MeasuredDevice> | null)?.name));
  checkArgument(areDevices, 'devices', devices, 'a list of devices', remedy);
  const isBuffer = (each: Partial<DeviceBuffer> | null): boolean =>
    isText(each?.device) && isText(each.type?.name) && Number.isSafeInteger(each.bytes) && isText(each.purpose);
  checkArgument(isListLike(buffers) && buffers.every(isBuffer), 'buffers', buffers, 'a list of buffers', remedy);
  return devices.map(({ name, totalBytes, freeBytes }) => ({
    name,
    totalBytes,
    freeBytes,
    ...sumsOf(buffers.filter(({ device }) => device === name)),
  }));
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
