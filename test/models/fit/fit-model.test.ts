/** The best ways to run a model: each fits to the byte, none beats another, and a search by brute force finds no more. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cpuDevice } from '../../../src/device/cpu.js';
import { cudaDevice } from '../../../src/device/cuda.js';
import type { Device } from '../../../src/device/device.js';
import { vulkanDevice } from '../../../src/device/vulkan.js';
import { readGguf } from '../../../src/gguf/gguf.js';
import { fitModel, type FitModelOptions, type FitPoint } from '../../../src/models/fit/fit-model.js';
import { fitAsLlamaCpp, type LlamaCppFit } from '../../../src/models/fit/llama-cpp.js';
import type { FitOptions } from '../../../src/models/fit/options.js';
import type { MemoryUse } from '../../../src/models/fit/trial.js';
import { measureModel } from '../../../src/models/measure-model.js';
import type { DeviceMeasurement } from '../../../src/models/device-sums.js';
import { readFlags } from '../../support/device-cases.js';
import { describeShared, projectPath, sharedIsPresent, sharedPath } from '../../support/shared.js';

const GIB = 2 ** 30;
const PHI = projectPath('examples/phi-3-mini-4k.gguf');
const MACHINES: readonly (readonly Device[])[] = [
  [cudaDevice({ totalBytes: 4 * GIB })],
  [cudaDevice({ totalBytes: 12 * GIB }), cudaDevice({ totalBytes: 6 * GIB, index: 1 }), cpuDevice()],
  [vulkanDevice({ totalBytes: 8 * GIB })],
];

describeShared('the frontier of real models', () => {
  const headers = sharedIsPresent ? readdirSync(sharedPath('gguf')).sort() : [];
  // The largest graphs take seconds: all of them in `npm run test:recorded`.
  const drawn = process.env.RECORDED === 'all' ? headers : headers.filter((header) => /phi|llama-3.2/.test(header));
  it.each(drawn)('%s', async (header) => {
    const gguf = await readGguf(sharedPath('gguf', header));
    for (const devices of MACHINES) {
      const { points, targets } = fitModel(gguf, devices);
      expect(points.length).toBeGreaterThan(0);
      for (const point of points) {
        const measured = measureModel(gguf, point.options).devices;
        point.devices.forEach(({ name, weights, context, compute, used, freeBytes }, gpu) => {
          expect(measured[gpu]).toMatchObject({ name, weights, context, compute });
          expect(used).toBeLessThanOrEqual(freeBytes - targets[gpu]);
        });
        expect(measured.at(-1)).toMatchObject({ name: 'CPU', total: point.host.used, output: point.host.output });
        expect(points.filter((other) => isAsGood(other, point))).toEqual([point]);
      }
    }
  });

  it.each([3, 4, 6])('finds as many layers as trying every number does, in %i GiB', async (size) => {
    const gguf = await readGguf(sharedPath('gguf', 'gemma-3-4b.gguf'));
    const devices = [cudaDevice({ totalBytes: size * GIB })];
    const { points, targets, layerCount } = fitModel(gguf, devices, { ctxSize: 32768, cacheTypeK: 'f16' });
    const fits = (gpuLayers: number): boolean => {
      const [{ weights, context, compute, freeBytes }] = measureModel(gguf, {
        devices,
        ctxSize: 32768,
        gpuLayers,
      }).devices;
      return weights + context + compute <= freeBytes - targets[0];
    };
    const most = Array.from({ length: layerCount + 1 }, (_, count) => layerCount - count).find(fits);
    expect(points.map(({ gpuLayers }) => gpuLayers)).toEqual(most === undefined ? [] : [most]);
  });
});

/** Whether `a` is at least as good as `b` in everything. */
function isAsGood(a: FitPoint, b: FitPoint): boolean {
  const types = ['q8_0', 'f16'];
  const isAsPrecise = types.indexOf(a.cacheTypeK) >= types.indexOf(b.cacheTypeK);
  const isAsFull = a.gpuLayers >= b.gpuLayers && a.hostExperts <= b.hostExperts;
  return isAsFull && isAsPrecise && a.ctxSize >= b.ctxSize && a.ubatchSize >= b.ubatchSize;
}

describe('a point', () => {
  it('has a command whose flags are its options', async () => {
    const gguf = await readGguf(PHI);
    const devices = [cudaDevice({ totalBytes: 2 * GIB }), cudaDevice({ totalBytes: 3 * GIB, index: 1 })];
    const given = { ubatchSizes: [256, 512], opOffload: false, flashAttention: true, file: 'phi.gguf' } as const;
    const { points } = fitModel(gguf, devices, given);
    expect(points.length).toBeGreaterThan(1);
    for (const { command, options } of points) {
      expect(command.slice(0, 3)).toEqual(['llama-server', '-m', 'phi.gguf']);
      expect(command.slice(-2)).toEqual(['-fit', 'off']);
      const { model, offload } = readFlags(command.slice(3, -2));
      expect({ ...model, ...offload }).toEqual({ ...withoutDevices(options), program: 'library' });
    }
  });

  it.each<readonly [FitModelOptions, program: string]>([
    [{}, 'llama-server'],
    [{ parallel: 2, kvUnified: true }, 'llama-server'],
    [{ program: 'cli', swaFull: true }, 'llama-cli'],
    [{ program: 'library', kvOffload: false, mmap: true }, 'llama-completion'],
    [{ flashAttention: false, mmap: false, host: false, repack: false }, 'llama-server'],
  ])('%o has the command of %s, whose flags give the same sizes', async (given, program) => {
    const gguf = await readGguf(PHI);
    const devices = [cudaDevice({ totalBytes: 2 * GIB }), cudaDevice({ totalBytes: 3 * GIB, index: 1 })];
    const { points } = fitModel(gguf, devices, given);
    expect(points.length).toBeGreaterThan(0);
    for (const point of points) {
      expect(point.command[0]).toBe(program);
      const { model, offload } = readFlags(point.command.slice(3, -2));
      const options = { ...model, program: given.program, ...offload, devices };
      expect(sizesOf(measureModel(gguf, options).devices)).toEqual(sizesOf([...point.devices, point.host]));
    }
  });

  it('has the flag of a URL for a file that is one', async () => {
    const file = 'https://example.org/phi.gguf';
    const { points } = fitModel(await readGguf(PHI), MACHINES[0], { file });
    expect(points[0].command.slice(0, 3)).toEqual(['llama-server', '-mu', file]);
  });

  it('keeps what is given', async () => {
    const given = { ctxSize: 2048, cacheTypeK: 'q4_0', cacheTypeV: 'q4_0', ubatchSize: 128 };
    const { points } = fitModel(await readGguf(PHI), MACHINES[0], given);
    expect(points).toHaveLength(1);
    expect(points[0]).toMatchObject(given);
  });

  it('is none where not even the output layer has room', async () => {
    const { points } = fitModel(await readGguf(PHI), [cudaDevice({ totalBytes: GIB + 2 ** 20 })]);
    expect(points).toEqual([]);
  });

  it('is none where the host has no room', async () => {
    const host = cpuDevice({ totalBytes: 2 ** 20 });
    const { points } = fitModel(await readGguf(PHI), [cudaDevice({ totalBytes: 4 * GIB }), host]);
    expect(points).toEqual([]);
  });
});

/** The figures of a device, under the same names. */
function sizesOf(devices: readonly (DeviceMeasurement | MemoryUse)[]): object[] {
  return devices.map((device) => {
    const { name, weights, context, compute, output } = device;
    return { name, weights, context, compute, output, total: 'used' in device ? device.used : device.total };
  });
}

function withoutDevices({ devices, ...options }: FitPoint['options']): object {
  expect(devices).not.toEqual([]);
  return options;
}

describe('options that make no sense', () => {
  const gpu = [cudaDevice({ totalBytes: 4 * GIB })];
  const wrong: readonly (readonly [
    why: string,
    devices: readonly Device[],
    options: FitModelOptions,
    message: RegExp,
  ])[] = [
    ['no GPU', [cpuDevice()], {}, /none besides the CPU/],
    ['no device', [], {}, /none besides the CPU/],
    ['nothing left', gpu, { targets: 4 * GIB }, /CUDA0 has .* nothing is left/],
    ['targets of other devices', gpu, { targets: [1, 2] }, /`targets` is \[1, 2\], but must be one whole number/],
    ['a negative target', gpu, { targets: -1 }, /`targets` is -1/],
    [
      'a least context above the context',
      gpu,
      { ctxSize: 1024, minContext: 2048 },
      /`minContext` is 2048.*at most 1024/,
    ],
    ['no tokens', gpu, { minContext: 0 }, /`minContext` is 0/],
    ['one type and several', gpu, { cacheTypeK: 'f16', cacheTypes: ['f16'] }, /cacheTypes.*left out where cacheTypeK/],
    ['one batch and several', gpu, { ubatchSize: 1, ubatchSizes: [1] }, /ubatchSizes.*left out where ubatchSize/],
    ['no types', gpu, { cacheTypes: [] }, /cacheTypes/],
    ['an unknown type', gpu, { cacheTypes: ['q9'] }, /cacheTypes.*one of f32/],
    ['a batch of nothing', gpu, { ubatchSizes: [0] }, /ubatchSizes/],
    ['layers, which are the answer', gpu, { gpuLayers: 3 } as FitModelOptions, /no option `gpuLayers`/],
    ['rows', gpu, { splitMode: 'row' }, /splitMode is row/],
    ['a program without such a command', gpu, { program: 'bench' }, /llama-bench has no command.*library/],
    ['no options', gpu, null as unknown as FitModelOptions, /`options` is null/],
  ];
  it.each(wrong)('%s', async (_, devices, options, message) => {
    const gguf = await readGguf(PHI);
    const run = (): unknown => fitModel(gguf, devices, options);
    expect(run).toThrow(message);
    expect(run).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
  });
});

describe('where llama.cpp gives up', () => {
  const small = [cudaDevice({ totalBytes: 2 * GIB })];
  const fit = async (options: Omit<FitOptions, 'devices'>, devices: readonly Device[] = small): Promise<LlamaCppFit> =>
    fitAsLlamaCpp(await readGguf(PHI), { devices, ...options });

  it.each<readonly [Omit<FitOptions, 'devices'>, RegExp]>([
    [{ gpuLayers: 30 }, /gpuLayers is 30/],
    [{ gpuLayers: 'all' }, /gpuLayers is all/],
    [{ overrideTensors: [{ pattern: 'ffn', bufferType: 'CPU' }] }, /elsewhere already/],
    [{ cpuMoe: true }, /elsewhere already/],
  ])('%o', async (options, reason) => {
    const found = await fit(options);
    expect(found).toMatchObject({ status: 'failure', reason: expect.stringMatching(reason) as string, changes: {} });
    expect(found.trials).toHaveLength(1);
  });

  it('gives up where layers are shared out already', async () => {
    const two = [...small, cudaDevice({ totalBytes: 2 * GIB, index: 1 })];
    expect(await fit({ tensorSplit: [1, 1] }, two)).toMatchObject({ status: 'failure', fits: false });
  });

  it('gives up on a CPU that is too small, and is content with one that is not', async () => {
    expect(await fit({}, [cpuDevice({ totalBytes: 2 * GIB })])).toMatchObject({ status: 'failure', fits: false });
    expect(await fit({}, [cpuDevice()])).toMatchObject({ status: 'success', fits: true, changes: {} });
  });

  it('keeps a context that was asked for, be it all', async () => {
    expect((await fit({ ctxSize: 4096, minContext: 512 })).changes).not.toHaveProperty('ctxSize');
    expect((await fit({ ctxSize: 0, minContext: 512 })).changes).not.toHaveProperty('ctxSize');
    expect((await fit({ minContext: 512 })).changes).toMatchObject({ ctxSize: 512 });
  });

  it.each<readonly [Partial<FitOptions>, RegExp]>([
    [{ targets: [1, 2] }, /targets/],
    [{ minContext: 0.5 }, /minContext/],
    [{ devices: null as unknown as Device[] }, /devices/],
  ])('refuses %o', async (options, message) => {
    await expect(fit(options)).rejects.toThrow(message);
  });
});
