/** The machines that cases were recorded on, as devices of the built-in profiles. */
import { cpuDevice } from '../../src/device/cpu.js';
import type { CpuFeatures } from '../../src/device/cpu-repack.js';
import { cudaDevice } from '../../src/device/cuda.js';
import type { BufferType, Device } from '../../src/device/device.js';
import { mappedBufferType, type DeviceMemory } from '../../src/device/memory.js';
import { metalDevice } from '../../src/device/metal.js';
import { vulkanDevice } from '../../src/device/vulkan.js';
import type { DeviceCase } from './raw-graph.js';

const PROFILES: Readonly<Record<string, (memory: DeviceMemory) => Device>> = {
  cuda: (memory) => cudaDevice({ ...memory, computeCapability: 8.6 }),
  metal: metalDevice,
  vulkan: vulkanDevice,
};

/** The devices of a recorded case in the order of the scheduler: the CPU is the last. */
export function devicesOf({ meta }: DeviceCase): Device[] {
  const devices = meta.devices.map(({ total, free }, index) =>
    PROFILES[meta.profile]({ index, totalBytes: total, freeBytes: free }),
  );
  const features = (meta.cpu ?? 'avx2').replace('arm-', '') as CpuFeatures;
  return [...devices, cpuDevice({ features, repack: !meta.args.includes('--no-repack') })];
}

/** Every buffer type of a machine. */
export function bufferTypesOf(devices: readonly Device[]): BufferType[] {
  return devices.flatMap((device) => [
    device.bufferType,
    ...(device.hostBufferType === null ? [] : [device.hostBufferType]),
    ...device.extraBufferTypes,
    ...(device.wrapsHostMemory ? [mappedBufferType(device.bufferType)] : []),
  ]);
}
