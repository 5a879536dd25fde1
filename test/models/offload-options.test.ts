/** The options that spread a model over devices: what each does, and what is refused. */
import { describe, expect, it } from 'vitest';
import { cpuDevice } from '../../src/device/cpu.js';
import { cudaDevice } from '../../src/device/cuda.js';
import type { BufferType, Device } from '../../src/device/device.js';
import { hostBufferType } from '../../src/device/memory.js';
import { metalDevice } from '../../src/device/metal.js';
import { vulkanDevice } from '../../src/device/vulkan.js';
import { allocatedBytes } from '../../src/models/offload/buffers.js';
import type { Offload } from '../../src/models/offload/offload.js';
import type { OffloadOptions } from '../../src/models/offload/options.js';
import { openModel } from '../../src/models/model-graph.js';
import { readFlags } from '../support/device-cases.js';
import { expectError, expectSentence } from '../support/expect-error.js';
import { tinyLlama, tinyPhi3 } from '../support/tiny-models.js';

const GIB = 2 ** 30;
const ONE = [cudaDevice({ totalBytes: 8 * GIB })];
const TWO = [...ONE, cudaDevice({ index: 1, totalBytes: 8 * GIB })];

/** Four layers, and tied embeddings. */
const llama = await tinyLlama();
const model = openModel(llama, {});

const offload = (options: Partial<OffloadOptions>): Offload => model.offload({ devices: TWO, ...options });

/** The device of each layer, and of the output. */
const layers = (options: Partial<OffloadOptions>): string => {
  const { layerDevices } = offload(options);
  return [...layerDevices.layers, layerDevices.output].map(({ name }) => name.replace('CUDA', '')).join(' ');
};

/** The buffer types that a weight is loaded into. */
const typesOf = (name: string, options: Partial<OffloadOptions>, of = model): string[] =>
  of
    .offload({ devices: TWO, ...options })
    .weights.all.filter(({ listed }) => listed.name === name)
    .map(({ type }) => type.name);

describe('layers', () => {
  it.each([
    [0, 'CPU CPU CPU CPU CPU'],
    [1, 'CPU CPU CPU CPU 0'],
    [2, 'CPU CPU CPU 0 1'],
    [4, 'CPU 0 0 1 1'],
    [5, '0 0 0 1 1'],
    [99, '0 0 0 1 1'],
    [-1, '0 0 0 1 1'],
    ['auto', '0 0 0 1 1'],
    ['all', '0 0 0 1 1'],
  ] as const)('with gpuLayers %s', (gpuLayers, expected) => {
    expect(layers({ gpuLayers })).toBe(expected);
  });

  it('are split in 32-bit floating point', () => {
    // With more digits, the first share would end just behind layer 3.
    expect(layers({ tensorSplit: [2.7, 1.8] })).toBe('0 0 0 1 1');
  });

  it('follow the shares that were given, or the free memory', () => {
    expect(layers({ tensorSplit: [0, 1] })).toBe('1 1 1 1 1');
    expect(layers({ tensorSplit: [1] })).toBe('0 0 0 0 0');
    expect(layers({ tensorSplit: [3, 2, 9] })).toBe('0 0 0 1 1');
    const devices = [cudaDevice({ totalBytes: 8 * GIB, freeBytes: GIB }), TWO[1]];
    expect(layers({ devices })).toBe('0 1 1 1 1');
  });

  it('of a device that does not say what it has follow the host', () => {
    const silent = { ...ONE[0], totalBytes: 0, freeBytes: 0 };
    const devices = [silent, TWO[1], cpuDevice({ totalBytes: 8 * GIB })];
    expect(layers({ devices })).toBe('0 0 0 1 1');
  });

  it('go to one device with the split mode none, or to none', () => {
    expect(layers({ splitMode: 'none' })).toBe('0 0 0 0 0');
    expect(layers({ splitMode: 'none', mainGpu: 1 })).toBe('1 1 1 1 1');
    expect(layers({ splitMode: 'none', mainGpu: -1 })).toBe('CPU CPU CPU CPU CPU');
    expect(layers({ mainGpu: 1 })).toBe('0 0 0 1 1');
  });
});

describe('weights', () => {
  it('that are read twice are loaded once for each buffer type', async () => {
    const table = 'token_embd.weight';
    expect(typesOf(table, {})).toEqual(['CPU_Mapped', 'CUDA1']);
    expect(typesOf(table, { gpuLayers: 0 })).toEqual(['CPU_Mapped']);
    expect(typesOf(table, { overrideTensors: [{ pattern: 'embd', bufferType: 'CUDA1' }] })).toEqual(['CUDA1']);
    const phi3 = openModel(await tinyPhi3(), {});
    expect(typesOf('rope_factors_long.weight', {}, phi3)).toEqual(['CUDA0', 'CUDA1']);
    expect(typesOf('rope_factors_long.weight', { gpuLayers: 2 }, phi3)).toEqual(['CPU_Mapped', 'CUDA0']);
  });

  it('go where the first pattern that is found says', () => {
    const norm = 'blk.1.ffn_norm.weight';
    const [first, second]: OffloadOptions['overrideTensors'] & object = [
      { pattern: 'ffn', bufferType: 'CPU' },
      { pattern: 'norm', bufferType: 'CUDA1' },
    ];
    expect(typesOf(norm, { overrideTensors: [first, second] })).toEqual(['CPU_Mapped']);
    expect(typesOf(norm, { overrideTensors: [second, first] })).toEqual(['CUDA1']);
    expect(typesOf('blk.1.ffn_norm.weight', { overrideTensors: [{ pattern: '^ffn', bufferType: 'CPU' }] })).toEqual([
      'CUDA0',
    ]);
  });

  it('of the CPU lie in memory for fast copies unless the file is mapped', () => {
    const name = 'blk.0.attn_q.weight';
    const types = (options: Partial<OffloadOptions>): string[] => typesOf(name, { gpuLayers: 1, ...options });
    expect(types({})).toEqual(['CPU_Mapped']);
    expect(types({ mmap: false })).toEqual(['CUDA_Host']);
    expect(types({ mmap: false, host: false })).toEqual(['CPU']);
    const integrated = [cudaDevice({ totalBytes: 8 * GIB, isIntegrated: true })];
    expect(types({ devices: integrated })).toEqual(['CUDA_Host']);
    expect(types({ devices: integrated, mmap: true })).toEqual(['CPU_Mapped']);
    expect(types({ devices: [metalDevice({ totalBytes: 8 * GIB })], mmap: false })).toEqual(['CPU']);
  });

  it('fill as much of a mapped file as lies between the first and the last of them, part by part', () => {
    const bytesOf = (gguf: typeof llama): number => {
      const { buffers } = openModel(gguf, {}).offload({ devices: [] });
      return buffers.find(({ type }) => type.name === 'CPU_Mapped')!.bytes;
    };
    const whole = llama.tensors.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(bytesOf(llama)).toBe(whole);
    const tensors = llama.tensors.map((tensor, index) => ({ ...tensor, part: index < 10 ? 0 : 1 }));
    expect(bytesOf({ ...llama, tensors })).toBe(whole);

    const only = { pattern: '^blk.0.attn_norm|^blk.3.ffn_down', bufferType: 'CPU' };
    const { buffers } = offload({ overrideTensors: [{ pattern: 'token_embd', bufferType: 'CUDA0' }, only] });
    const sizes = llama.tensors.map(({ bytes }) => bytes);
    const names = llama.tensors.map(({ name }) => name);
    const [start, end] = [names.indexOf('blk.0.attn_norm.weight'), names.indexOf('blk.3.ffn_down.weight')];
    const between = sizes.slice(start, end + 1).reduce((sum, bytes) => sum + bytes, 0);
    expect(buffers.find(({ type }) => type.name === 'CPU_Mapped')!.bytes).toBe(between);
  });
});

describe('a file', () => {
  it.each(['blk.4.attn_q.weight', 'blk.0.attn_z.weight', 'mystery'])('with %s is refused', async (name) => {
    const strange = openModel(await tinyLlama({ tensors: { [name]: [256, 256] } }), {});
    expectSentence(expectError('BAD_MODEL', name, () => strange.offload({ devices: TWO })));
  });

  it('with a weight that no device can compute with is refused', () => {
    const blind = { ...cpuDevice(), supports: () => false };
    const devices = [blind];
    expectSentence(expectError('BAD_MODEL', 'token_embd.weight', () => offload({ devices })));
  });
});

describe('buffers', () => {
  const type = (facts: Partial<BufferType>): BufferType => hostBufferType({ name: 'test', alignment: 32, ...facts });

  it('have a limit, and each what it takes besides its tensors', () => {
    expect(allocatedBytes([], type({ overhead: 8 }))).toBe(0);
    expect(allocatedBytes([60, 60, 60], type({}))).toBe(192);
    expect(allocatedBytes([60, 60, 60], type({ maxSize: 128, overhead: 8 }))).toBe(192 + 2 * 8);
    expect(allocatedBytes([60, 60, 60], type({ maxSize: 127, overhead: 8 }))).toBe(192 + 3 * 8);
    expect(allocatedBytes([300, 60], type({ maxSize: 128, overhead: 8 }))).toBe(320 + 64 + 2 * 8);
  });

  it('of host memory count as the CPU’s, whoever offers it', () => {
    const { buffers } = offload({ devices: [vulkanDevice({ totalBytes: 8 * GIB })], gpuLayers: 3, mmap: false });
    expect(buffers.map(({ device, type, purpose }) => `${device} ${type.name} ${purpose}`)).toEqual([
      'Vulkan0 Vulkan0 weights',
      'CPU Vulkan_Host weights',
      'CPU CPU context',
      'Vulkan0 Vulkan0 context',
      'CPU Vulkan_Host output',
    ]);
  });
});

describe('a pipeline', () => {
  it.each<[string, Partial<OffloadOptions>, number]>([
    ['runs on two devices with all layers', {}, 4],
    ['needs two devices', { devices: ONE }, 1],
    ['needs the output there, too', { gpuLayers: 4 }, 1],
    ['needs the cache there, too', { kvOffload: false }, 1],
    ['needs layers to be split', { splitMode: 'none' }, 1],
    ['needs all weights where their layer is', { cpuMoe: true }, 1],
    ['takes no layers of experts for one override', { nCpuMoe: 0 }, 4],
    ['needs devices that work while data is copied', { devices: [ONE[0], { ...TWO[1], isAsynchronous: false }] }, 1],
  ])('%s', (_, options, copies) => {
    expect(offload(options).copyCount).toBe(copies);
  });
});

describe('flags', () => {
  it('that add to one list keep their order', () => {
    const { overrideTensors } = readFlags(['-cmoe', '-ot', 'a=CUDA0,b=CPU', '-ncmoe', '1']).offload;
    expect(overrideTensors?.map(({ pattern }) => pattern.slice(0, 5))).toEqual(['\\.ffn', 'a', 'b', 'blk\\.']);
  });

  it.each([
    [['-ngl', '12'], { gpuLayers: 12 }],
    [['--gpu-layers', 'all'], { gpuLayers: 'all' }],
    [['-ts', '3,1/2'], { tensorSplit: [3, 1, 2] }],
    [['-mg', '-1', '-sm', 'none'], { mainGpu: -1, splitMode: 'none' }],
    [['--no-mmap', '--mmap'], { mmap: true }],
    [['-lm', 'mlock'], { mmap: false }],
    [['--load-mode', 'auto'], { mmap: 'auto' }],
    [
      ['-nkvo', '-nr', '--no-op-offload', '--no-host'],
      { kvOffload: false, repack: false, opOffload: false, host: false },
    ],
  ])('%j', (args, options) => {
    expect(readFlags(args).offload).toEqual(options);
  });

  it.each([
    ['-ngl', 'many'],
    ['-ts', '3,x'],
    ['-ts', ','],
    ['-ot', 'ffn'],
    ['-ncmoe', '-1'],
    ['-lm', 'fast'],
    ['-mg', ''],
  ])('%s %s is refused', (flag, value) => {
    expect(() => readFlags([flag, value])).toThrow(/^It must be .*\.$/);
  });
});

describe('refuses', () => {
  const cpu = cpuDevice();
  it.each<[string, string, Partial<OffloadOptions>]>([
    ['shares that are all zero', 'tensorSplit', { tensorSplit: [0, 0] }],
    ['shares that are all zero without a device', 'tensorSplit', { devices: [], tensorSplit: [0] }],
    ['shares of other devices only', 'tensorSplit', { tensorSplit: [0, 0, 1] }],
    ['shares below zero', 'tensorSplit', { tensorSplit: [3, -1] }],
    ['shares that are no numbers', 'tensorSplit', { tensorSplit: [3, NaN] }],
    ['shares whose sum is infinite', 'tensorSplit', { tensorSplit: [1e308, 1e308] }],
    ['too many shares', 'tensorSplit', { tensorSplit: new Array<number>(16).fill(1) }],
    ['one share as a number', 'tensorSplit', { tensorSplit: 3 as unknown as number[] }],
    ['a main device that is not there', 'mainGpu', { splitMode: 'none', mainGpu: 2 }],
    ['half a main device', 'mainGpu', { splitMode: 'none', mainGpu: 0.5 }],
    ['split rows', 'splitMode', { splitMode: 'row' }],
    ['split tensors', 'splitMode', { splitMode: 'tensor' }],
    ['an unknown split mode', 'splitMode', { splitMode: 'rows' as 'row' }],
    ['half a layer', 'gpuLayers', { gpuLayers: 1.5 }],
    ['an unknown word for layers', 'gpuLayers', { gpuLayers: 'most' as 'all' }],
    ['experts of fewer than no layers', 'nCpuMoe', { nCpuMoe: -1 }],
    ['an unknown buffer type', 'overrideTensors', { overrideTensors: [{ pattern: 'a', bufferType: 'CUDA7' }] }],
    [
      'the buffer type of a device that takes no part',
      'overrideTensors',
      { splitMode: 'none', overrideTensors: [{ pattern: 'a', bufferType: 'CUDA1' }] },
    ],
    ['an open bracket', 'overrideTensors', { overrideTensors: [{ pattern: 'blk.(1', bufferType: 'CPU' }] }],
    [
      'a class of characters by name',
      'overrideTensors',
      { overrideTensors: [{ pattern: '[[:digit:]]', bufferType: 'CPU' }] },
    ],
    ['look-behind', 'overrideTensors', { overrideTensors: [{ pattern: '(?<=a)b', bufferType: 'CPU' }] }],
    ['a pattern alone', 'overrideTensors', { overrideTensors: 'ffn=CPU' as unknown as [] }],
    ['a pattern without a type', 'overrideTensors', { overrideTensors: [{ pattern: 'a' }] as unknown as [] }],
    ['a word for a switch', 'kvOffload', { kvOffload: 'off' as unknown as boolean }],
    ['another word for mapping', 'mmap', { mmap: 'on' as unknown as boolean }],
    ['a device twice', 'devices', { devices: [ONE[0], ONE[0]] }],
    ['two CPUs', 'devices', { devices: [cpu, { ...cpu, name: 'CPU1' }] }],
    ['a name for a device', 'devices', { devices: ['cuda'] as unknown as Device[] }],
    ['one device for a list', 'devices', { devices: ONE[0] as unknown as Device[] }],
    ['devices without free memory', 'free memory', { devices: [{ ...ONE[0], freeBytes: 0 }] }],
    ['a misspelt option', 'gpuLayer', { gpuLayer: 1 } as Partial<OffloadOptions>],
  ])('%s', (_, culprit, options) => {
    expectSentence(expectError('BAD_ARGUMENT', culprit, () => offload(options)));
  });
});
