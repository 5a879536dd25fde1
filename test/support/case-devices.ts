/**
 * The devices of recorded cases.
 */
import type { BufferType, Device } from '../../src/device/device.js';
import type { DeviceCase } from './device-cases.js';
import { rowSize } from '../../src/tensor/layout.js';
import type { Tensor } from '../../src/tensor/tensor.js';

function cudaBytes(t: Tensor): number {
  return t.byteLength + (t.type.isQuantized && t.ne[0] % 512 !== 0 ? rowSize(t.type, 512 - (t.ne[0] % 512)) : 0);
}

function bt(name: string, isHost: boolean, alignment: number, extra: Partial<BufferType> = {}): BufferType {
  return { name, isHost, alignment, maxSize: Infinity, overhead: 0, sizeOf: (t) => t.byteLength, ...extra };
}

function stub(name: string, bufferType: BufferType, extra: Partial<Device>): Device {
  return {
    name,
    totalBytes: 0,
    freeBytes: 0,
    bufferType,
    hostBufferType: null,
    extraBufferTypes: [],
    reads: () => true,
    supports: () => true,
    offloads: () => false,
    runtime: { name: 'none', rules: [] } as never,
    isAsynchronous: true,
    wrapsHostMemory: false,
    allowsMapping: true,
    reorder: null,
    ...extra,
  };
}

export function devicesOf(meta: DeviceCase['meta']): Device[] {
  const cpu = stub('CPU', bt('CPU', true, 32), { wrapsHostMemory: true });
  const make = {
    cuda: (name: string) =>
      stub(name, bt(name, false, 128, { sizeOf: cudaBytes }), { hostBufferType: bt('CUDA_Host', true, 32) }),
    vulkan: (name: string) =>
      stub(name, bt(name, false, 16, { maxSize: 2 ** 30 }), {
        hostBufferType: bt('Vulkan_Host', true, 64, { maxSize: 2 ** 30, overhead: 32 }),
      }),
    metal: (name: string) => stub(name, bt(name, false, 32), { wrapsHostMemory: true }),
    cpu: (name: string) => stub(name, bt(name, false, 32), {}),
  }[meta.profile];
  return [...meta.devices.map(({ name, total, free }) => ({ ...make(name), totalBytes: total, freeBytes: free })), cpu];
}
