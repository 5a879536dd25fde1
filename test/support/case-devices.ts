/**
 * The devices of recorded cases.
 */
import type { BufferType, Device } from '../../src/device/device.js';
import type { DeviceCase } from './device-cases.js';
import { devicesOf as real } from './recorded-devices.js';

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

export function devicesOf(recorded: DeviceCase): Device[] {
  const { meta } = recorded;
  if (meta.profile === 'cuda' || meta.profile === 'cpu') return real(recorded);
  const [cpu] = real({ ...recorded, meta: { ...meta, devices: [] } }).slice(-1);
  const make = {
    vulkan: (name: string) =>
      stub(name, bt(name, false, 16, { maxSize: 2 ** 30 }), {
        hostBufferType: bt('Vulkan_Host', true, 64, { maxSize: 2 ** 30, overhead: 32 }),
      }),
    metal: (name: string) => stub(name, bt(name, false, 32), { wrapsHostMemory: true }),
  }[meta.profile];
  return [...meta.devices.map(({ name, total, free }) => ({ ...make(name), totalBytes: total, freeBytes: free })), cpu];
}
