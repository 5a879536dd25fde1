/** What profiles refuse, and what they say then; what holds for every device that they make. */
import { describe, expect, it } from 'vitest';
import { isOperationName } from '../../src/dialects/ggml/operations.js';
import { cpuDevice, type CpuOptions } from '../../src/device/cpu.js';
import { cudaDevice } from '../../src/device/cuda.js';
import { CUDA_RULES } from '../../src/device/cuda-rules.js';
import type { Device } from '../../src/device/device.js';
import type { DeviceMemory } from '../../src/device/memory.js';
import { metalDevice } from '../../src/device/metal.js';
import { METAL_RULES } from '../../src/device/metal-rules.js';
import { vulkanDevice } from '../../src/device/vulkan.js';
import { VULKAN_RULES } from '../../src/device/vulkan-rules.js';
import { USUAL_LIMITS } from '../../src/device/webgpu-limits.js';
import { webGpuRules } from '../../src/device/webgpu-rules.js';
import { webgpuDevice } from '../../src/device/webgpu.js';
import { expectError } from '../support/expect-error.js';

const GIB = 2 ** 30;

const MAKERS: readonly [kind: string, make: (memory: DeviceMemory) => Device, name: string][] = [
  ['cuda', cudaDevice, 'CUDA0'],
  ['metal', metalDevice, 'MTL0'],
  ['vulkan', vulkanDevice, 'Vulkan0'],
];

describe.each(MAKERS)('a %s device', (_, make, name) => {
  it.each([
    [`total memory of ${name}`, { totalBytes: -1 }],
    [`total memory of ${name}`, { totalBytes: 2 ** 53 }],
    [`total memory of ${name}`, { totalBytes: 1.5 }],
    [`total memory of ${name}`, {}],
    [`free memory of ${name}`, { totalBytes: GIB, freeBytes: GIB + 1 }],
    [`free memory of ${name}`, { totalBytes: GIB, freeBytes: NaN }],
    [`free memory of ${name}`, { totalBytes: GIB, freeBytes: 0 }],
    [`free memory of ${name}`, { totalBytes: 8 }],
    ['index', { totalBytes: GIB, index: -1 }],
    ['index', { totalBytes: GIB, index: 0.5 }],
    ['totalByte', { totalByte: GIB }],
    ['options', null],
  ])('refuses a bad %s', (culprit, memory) => {
    expectError('BAD_ARGUMENT', culprit, () => make(memory as DeviceMemory));
  });

  it('says that it has no room', () => {
    const error = expectError('BAD_ARGUMENT', /free memory/, () => make({ totalBytes: GIB, freeBytes: 2 }));
    expect(error.message).toContain(`The free memory of ${name} is 2 bytes, which is no room for a single tensor.`);
  });

  it('has the name of its number, and reads its own memory but no other', () => {
    const [first, second] = [make({ totalBytes: GIB }), make({ index: 1, totalBytes: GIB })];
    expect(first.name).toBe(name);
    expect(second.name).toBe(name.replace('0', '1'));
    expect(second.freeBytes).toBe(GIB);
    expect(first.reads(first.bufferType)).toBe(true);
    expect(first.reads(second.bufferType)).toBe(false);
    expect(first.reads(cpuDevice().bufferType)).toBe(false);
    expect(cpuDevice().reads(first.bufferType)).toBe(false);
  });
});

it('refuses limits that an adapter cannot have', () => {
  const refused = (culprit: string, limits: object): string =>
    expectError('BAD_ARGUMENT', culprit, () => webgpuDevice({ totalBytes: GIB, limits })).message;
  refused('subgroupSize of limits', { subgroupSize: 32 });
  expectError('BAD_ARGUMENT', 'limits', () => webgpuDevice({ totalBytes: GIB, limits: 5 as unknown as object }));
  refused('subgroupMaxSize', { subgroupMaxSize: -1 });
  refused('maxComputeWorkgroupStorageSize', { maxComputeWorkgroupStorageSize: NaN });
  refused('maxStorageBufferBindingSize', { maxStorageBufferBindingSize: 8 });
  expectError('BAD_ALIGNMENT', 'minStorageBufferOffsetAlignment', () =>
    webgpuDevice({ totalBytes: GIB, limits: { minStorageBufferOffsetAlignment: 24 } }),
  );
  expectError('BAD_ARGUMENT', 'free memory of WebGPU', () => webgpuDevice({ totalBytes: 128 }));
});

it('takes the limits of an adapter, which keeps them on its prototype', () => {
  class Limits {
    get minStorageBufferOffsetAlignment(): number {
      return 32;
    }
    get maxTextureDimension1D(): number {
      return 8192;
    }
  }
  const { bufferType } = webgpuDevice({ totalBytes: GIB, limits: new Limits() });
  expect(bufferType).toMatchObject({ alignment: 32, maxSize: 2 ** 32 - 4 });
});

it('refuses settings that a device cannot have', () => {
  const totalBytes = GIB;
  const refused = (culprit: string, make: () => unknown): string => expectError('BAD_ARGUMENT', culprit, make).message;
  expect(refused('compute capability of CUDA0', () => cudaDevice({ totalBytes, computeCapability: 3.5 }))).toContain(
    'but must be one of 5.0, 5.2',
  );
  refused('isIntegrated', () => cudaDevice({ totalBytes, isIntegrated: 1 as unknown as boolean }));
  refused('bfloat', () => metalDevice({ totalBytes, bfloat: 'no' as unknown as boolean }));
  refused('largest buffer of MTL0', () => metalDevice({ totalBytes, maxBufferBytes: 31 }));
  refused('largest allocation of Vulkan0', () => vulkanDevice({ totalBytes, maxAllocationBytes: -1 }));
  refused('largest tensor of Vulkan0', () => vulkanDevice({ totalBytes, maxTensorBytes: 0.5 }));
  expectError('BAD_ALIGNMENT', 'alignment', () => vulkanDevice({ totalBytes, alignment: 24 }));
  expectError('BAD_ALIGNMENT', 'hostAlignment', () => vulkanDevice({ totalBytes, hostAlignment: 0 }));
});

describe('a CPU', () => {
  it.each<[culprit: string, options: object]>([
    ['features', { features: 'avx3' }],
    ['repack', { repack: 'no' }],
    ['total memory of CPU', { totalBytes: -1 }],
    ['free memory of CPU', { totalBytes: GIB, freeBytes: 2 * GIB }],
    ['free memory of CPU', { totalBytes: GIB, freeBytes: 3 }],
    ['cores', { cores: 8 }],
  ])('refuses a bad %s', (culprit, options) => {
    expectError('BAD_ARGUMENT', culprit, () => cpuDevice(options));
  });

  it('has as much memory as it takes, unless it is told', () => {
    expect(cpuDevice()).toMatchObject({ name: 'CPU', totalBytes: Infinity, freeBytes: Infinity });
    expect(cpuDevice({ totalBytes: GIB })).toMatchObject({ totalBytes: GIB, freeBytes: GIB });
  });

  it('rearranges weights only where it has the instructions, and may', () => {
    const typesOf = (options: CpuOptions): string[] => cpuDevice(options).extraBufferTypes.map(({ name }) => name);
    expect(typesOf({})).toEqual(['CPU_REPACK']);
    expect(typesOf({ features: 'i8mm' })).toEqual(['CPU_REPACK']);
    expect(typesOf({ features: 'none' })).toEqual([]);
    expect(typesOf({ repack: false })).toEqual([]);
  });
});

it('names operations that there are in every table of rules', () => {
  for (const rules of [CUDA_RULES, METAL_RULES, VULKAN_RULES, webGpuRules(USUAL_LIMITS)]) {
    for (const name of rules.keys()) expect(isOperationName(name), name).toBe(true);
  }
});
