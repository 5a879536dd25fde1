/** LoRA adapters: buffers and compute buffers as llama.cpp b10573 reported them, and what is refused as there. */
import { describe, expect, it } from 'vitest';
import { cpuDevice } from '../../src/device/cpu.js';
import type { PlannerError } from '../../src/errors.js';
import { cudaDevice } from '../../src/device/cuda.js';
import { readGguf } from '../../src/gguf/gguf.js';
import { sumByDevice } from '../../src/models/device-sums.js';
import { measureModel } from '../../src/models/measure-model.js';
import type { MachineMeasurement, MachineOptions } from '../../src/models/measure-on-devices.js';
import { adapterFor, type AdapterRecipe } from '../support/adapters.js';
import { expectSentence } from '../support/expect-error.js';
import { describeShared, sharedPath } from '../support/shared.js';
import { tinyLlama } from '../support/tiny-models.js';

interface Case {
  readonly model: string;
  readonly adapters: readonly (AdapterRecipe & { readonly scale?: number })[];
  readonly options?: Partial<MachineOptions>;
  /** Bytes that llama.cpp reported: of all LoRA buffers, and of the compute buffer with the adapters applied. */
  readonly lora: number;
  readonly compute: number;
}

const EVERYWHERE = /(attn_(q|k|v|output)|ffn_(up|gate|down|gate_inp)(_exps)?|^output|token_embd).*weight$/;

/** With `-c 512 -ub 64 --no-repack`, unless the options say otherwise. */
const RECORDED: readonly Case[] = [
  { model: 'llama', adapters: [], lora: 0, compute: 526080 },
  { model: 'llama', adapters: [{}], lora: 126976, compute: 624384 },
  { model: 'llama-moe', adapters: [{ rank: 64, of: EVERYWHERE }], lora: 1671680, compute: 624384 },
  {
    model: 'llama-scales',
    adapters: [
      { rank: 64, alpha: 16.5, type: 'f32' },
      { rank: 16, of: /attn_q/, scale: 0.5 },
    ],
    lora: 2031616 + 32768,
    compute: 624384,
  },
  { model: 'qwen3moe', adapters: [{ rank: 64 }], lora: 1573376, compute: 624384 },
  { model: 'gemma3', adapters: [{ rank: 64 }], lora: 1015808, compute: 559872 },
  {
    model: 'gemma2',
    adapters: [{ rank: 64 }],
    options: { flashAttention: false },
    lora: 1015808,
    compute: 870144,
  },
  { model: 'gpt2', adapters: [{ rank: 64 }], lora: 720896, compute: 673536 },
  { model: 'phi3', adapters: [{ rank: 64 }], lora: 950272, compute: 722688 },
  { model: 'gpt-oss', adapters: [{ rank: 64 }], lora: 1573376, compute: 559872 },
  {
    model: 'deepseek2',
    adapters: [{ rank: 64, of: /(attn|ffn|^output|token_embd).*(?<!norm.)weight$/ }],
    lora: 1458432,
    compute: 656640,
  },
  { model: 'mamba', adapters: [{ rank: 64, of: /ssm_(in|out|x|dt).weight/ }], lora: 852992, compute: 1126944 },
  {
    model: 'qwen2',
    adapters: [{ rank: 64 }, { rank: 200, scale: 0 }],
    options: { ctxSize: 1024, parallel: 2 },
    lora: 1015808 + 3174400,
    compute: 624384,
  },
  { model: 'qwen2', adapters: [{ rank: 64, type: 'q8_0' }], lora: 539648, compute: 624384 },
  { model: 'qwen3', adapters: [{ rank: 64, of: /token_embd|ffn_up|^output.weight/ }], lora: 262144, compute: 624384 },
];

const ON_CPU = { devices: [cpuDevice()], program: 'library', repack: false, ctxSize: 512, ubatchSize: 64 } as const;

const bytesFor = ({ buffers }: MachineMeasurement, purpose: string): number =>
  buffers.reduce((sum, buffer) => sum + (buffer.purpose === purpose ? buffer.bytes : 0), 0);

describeShared('adapters are what llama.cpp reported', () => {
  it.each(RECORDED.map((each, index) => [`${each.model} ${index}`, each] as const))('%s', async (_, recorded) => {
    const gguf = await readGguf(sharedPath('archs', `${recorded.model}.gguf`));
    const adapters = await Promise.all(
      recorded.adapters.map(async ({ scale, ...recipe }) => ({ gguf: await adapterFor(gguf, recipe), scale })),
    );
    const machine = measureModel(gguf, { ...ON_CPU, ...recorded.options, adapters });
    expect({ lora: machine.adapters, compute: machine.compute }).toEqual({
      lora: recorded.lora,
      compute: recorded.compute,
    });
    expect(bytesFor(machine, 'adapters')).toBe(recorded.lora);
  });
});

describeShared('a checkpoint is as large as llama.cpp’s', () => {
  it.each([
    ['gemma3', {}, 16624],
    ['gpt-oss', { parallel: 2, flashAttention: false }, 16628],
    ['gemma2', { parallel: 2, kvUnified: true, flashAttention: false }, 16624],
    ['mamba', { parallel: 2 }, 536652],
    ['llama', {}, 0],
    ['gemma3', { swaFull: true }, 0],
  ] as const)('%s %o', async (model, options, bytes) => {
    const gguf = await readGguf(sharedPath('archs', `${model}.gguf`));
    expect(measureModel(gguf, { ...ON_CPU, ctxSize: 2048, ...options }).checkpoint).toBe(bytes);
  });
});

describe('adapters on devices', () => {
  const gpu = cudaDevice({ totalBytes: 8 * 2 ** 30 });
  const devices = [gpu, cpuDevice()];

  it('lie where their weights lie, and not in the layout of the CPU', async () => {
    const gguf = await tinyLlama();
    const adapters = [{ gguf: await adapterFor(gguf) }];
    const typesOf = (options: Omit<MachineOptions, 'devices'>): string[] =>
      measureModel(gguf, { devices, ctxSize: 512, adapters, ...options }).buffers.flatMap(({ purpose, type }) =>
        purpose === 'adapters' ? [type.name] : [],
      );
    expect(typesOf({ gpuLayers: 99 })).toEqual(['CUDA0']);
    expect(typesOf({ gpuLayers: 0 })).toEqual(['CPU_Mapped']);
    expect(typesOf({ gpuLayers: 3 })).toEqual(['CPU_Mapped', 'CUDA0']);
    expect(typesOf({ gpuLayers: 0, mmap: false })).toEqual(['CUDA_Host']);
    expect(typesOf({ gpuLayers: 0, mmap: false, host: false })).toEqual(['CPU']);
  });

  it('count for their device, and add up with the buffers of another model', async () => {
    const gguf = await tinyLlama();
    const adapters = [{ gguf: await adapterFor(gguf) }];
    const machine = measureModel(gguf, { devices, ctxSize: 512, adapters });
    const draft = measureModel(gguf, { devices, ctxSize: 512 });
    const [own] = machine.devices;
    expect(own.adapters).toBe(machine.adapters);
    expect(own.total).toBe(own.weights + own.adapters + own.context + own.compute + own.output);
    const [sum] = sumByDevice(machine.devices, [...machine.buffers, ...draft.buffers]);
    expect(sum.total).toBe(own.total + draft.devices[0].total);
    expect(sum.adapters).toBe(own.adapters);
  });

  it('leave the graph as it is with a scale of 0', async () => {
    const gguf = await tinyLlama();
    const adapter = await adapterFor(gguf);
    const nodesAt = (scale: number): number =>
      measureModel(gguf, { devices, ctxSize: 512, adapters: [{ gguf: adapter, scale }] }).nodes.pp;
    const bare = measureModel(gguf, { devices, ctxSize: 512 }).nodes.pp;
    expect(nodesAt(0)).toBe(bare);
    expect(nodesAt(1)).toBe(bare + 4 * 7 * 4); // four nodes for each of seven matrices in four layers
  });
});

describe('an adapter is refused', () => {
  const PAIR = 'blk.0.attn_q.weight';
  const matrices = (a: readonly number[], b: readonly number[], name = PAIR): AdapterRecipe => ({
    tensors: [
      { name: `${name}.lora_a`, type: 'f16', ne: a },
      { name: `${name}.lora_b`, type: 'f16', ne: b },
    ],
  });
  it.each<[string, AdapterRecipe, string]>([
    ['for a weight that the model lacks', matrices([256, 8], [8, 256], 'blk.9.attn_q.weight'), 'blk.9.attn_q.weight'],
    ['of another shape', matrices([128, 8], [8, 256]), PAIR],
    ['that is not transposed', matrices([256, 8], [16, 256]), PAIR],
    ['with half of a pair', { tensors: [{ name: `${PAIR}.lora_a`, type: 'f16', ne: [256, 8] }] }, `${PAIR}.lora_b`],
    ['with another tensor', { tensors: [{ name: 'blk.0.attn_q.bias', type: 'f16', ne: [256] }] }, 'blk.0.attn_q.bias'],
    ['of a table that the output shares', { of: /token_embd/ }, 'token_embd.weight'],
    ['of another architecture', { metadata: { 'general.architecture': 'gemma2' } }, 'general.architecture'],
    ['of another kind', { metadata: { 'adapter.type': 'dora' } }, 'adapter.type'],
    ['that is a model', { metadata: { 'general.type': 'model' } }, 'general.type'],
  ])('%s', async (_, recipe, culprit) => {
    const gguf = await tinyLlama();
    const adapters = [{ gguf: await adapterFor(gguf, recipe) }];
    const error = thrownBy(() => measureModel(gguf, { devices: [cpuDevice()], ctxSize: 512, adapters }));
    expect(error).toMatchObject({ code: 'BAD_MODEL', culprit });
    expectSentence(error as PlannerError);
  });
});

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return null;
}
