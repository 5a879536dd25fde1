/**
 * A machine: its devices, the CPU last.
 */
import { checkArgument, isListLike } from '../errors.js';
import { cpuDevice } from './cpu.js';
import type { Device } from './device.js';

/** Checks a list of devices that a caller gives, which may be empty. @throws PlannerError `BAD_ARGUMENT` */
export function checkDevices(devices: unknown): asserts devices is readonly Device[] {
  const areDevices = isListLike(devices) && Array.from(devices as readonly unknown[]).every(isDevice);
  const remedy = 'Make devices with parseDevices, or with cudaDevice, metalDevice, vulkanDevice and cpuDevice.';
  checkArgument(areDevices, 'devices', devices, 'a list of devices', remedy);
}

function isDevice(value: unknown): boolean {
  const { name, supports, bufferType } = (value ?? {}) as Partial<Record<keyof Device, unknown>>;
  return typeof name === 'string' && typeof supports === 'function' && typeof bufferType === 'object';
}

/**
 * The devices, and behind them the CPU that is most likely beside them unless there is one: that of Apple’s ARM beside
 * Metal, that of an x86 with AVX2 beside all else. O(devices).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 *
 * @example
 * ```ts
 * import { parseDevices, withCpu } from 'tensor-arena/device';
 * const machine = withCpu(parseDevices(['cuda:24GiB']));
 * console.log(machine.map(({ name }) => name).join(' ')); // CUDA0 CPU
 * ```
 */
export function withCpu(devices: readonly Device[]): readonly Device[] {
  checkDevices(devices);
  if (devices.some(({ bufferType }) => bufferType.isHost)) return devices;
  const isApple = devices.some(({ wrapsHostMemory }) => wrapsHostMemory);
  return [...devices, cpuDevice({ features: isApple ? 'i8mm' : 'avx2' })];
}
