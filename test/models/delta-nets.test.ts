/** Hybrids of delta nets or lightning attention: what their memory holds, and what llama.cpp refuses. */
import { expect, it } from 'vitest';
import { cpuDevice } from '../../src/device/cpu.js';
import { cudaDevice } from '../../src/device/cuda.js';
import type { Gguf } from '../../src/gguf/types.js';
import { measureModel, type ModelOptions } from '../../src/models/index.js';
import { openModel } from '../../src/models/model-graph.js';
import { elementType } from '../../src/tensor/element-type.js';
import { expectError } from '../support/expect-error.js';
import { changedHeader, type HeaderChange } from '../support/changed-header.js';
import { describeShared } from '../support/shared.js';

const CONTEXT = 512;
const F16 = 2;
const F32 = 4;

const bytes = (gguf: Gguf, options: ModelOptions = {}): number =>
  measureModel(gguf, { ctxSize: CONTEXT, parallel: 1, ...options }).context;

const ops = (gguf: Gguf): string[] => measureModel(gguf, { ctxSize: CONTEXT }).graph.nodes.map(({ op }) => op);
const count = (gguf: Gguf, op: string): number => ops(gguf).filter((name) => name === op).length;

describeShared('the memory of a hybrid', () => {
  it.each(['qwen35', 'qwen35moe', 'qwen3next'])(
    '%s: keys and values of one layer, a state in the other',
    async (name) => {
      const cache = 2 * 256 * CONTEXT * F16;
      const state = (3 * (256 + 2 * 2 * 128) + 128 * 256) * F32;
      const gguf = await changedHeader(name, {});
      expect(bytes(gguf)).toBe(cache + state);
      expect(bytes(gguf, { parallel: 3, kvUnified: true })).toBe(cache + 3 * state);
    },
  );

  it.each(['kimi-linear', 'kimi-k3', 'bailingmoe3'])('%s: one compressed row per token in one layer', async (name) => {
    const row = (512 + 64) * F16;
    const state = (3 * 3 * 128 + 128 * 128) * F32;
    expect(bytes(await changedHeader(name, {}))).toBe(row * CONTEXT + state);
  });

  it('minimax-01: no columns of a convolution', async () => {
    expect(bytes(await changedHeader('minimax-01', {}))).toBe(2 * 256 * CONTEXT * F16 + 128 * 128 * 2 * F32);
  });

  it('lies in the layers that the file lists', async () => {
    const listed = await changedHeader('qwen35', { keys: { 'attention.recurrent_layers': [1, 0] } });
    expect(bytes(listed)).toBe(bytes(await changedHeader('qwen35', {})));
  });
});

describeShared('on a GPU', () => {
  it.each(['qwen35', 'qwen35moe', 'qwen3next'])('%s leaves only its table of tokens on the CPU', async (name) => {
    const gguf = await changedHeader(name, {});
    const table = gguf.tensors.find((tensor) => tensor.name === 'token_embd.weight')!;
    const devices = [cudaDevice({ totalBytes: 24 * 2 ** 30 }), cpuDevice({})];
    const { buffers } = openModel(gguf, { ctxSize: CONTEXT }).offload({ devices, gpuLayers: 99 });
    const mapped = buffers.find(({ purpose, type }) => purpose === 'weights' && type.name === 'CPU_Mapped');
    expect(mapped?.bytes).toBe(table.bytes);
  });
});

describeShared('what a file may say of a hybrid', () => {
  it('limits of gates of experts', async () => {
    const limited = async (limit: number): Promise<number> =>
      count(await changedHeader('bailingmoe3', { keys: { swiglu_clamp_exp: [0, limit] } }), 'CLAMP');
    expect((await limited(4)) - (await limited(0))).toBe(2);
  });

  it('whether a gate has a lowest value in Kimi K3', async () => {
    const rates = async (change: HeaderChange): Promise<number> =>
      ops(await changedHeader('kimi-k3', change)).filter((op) => op === 'SOFTPLUS').length;
    expect(await rates({})).toBe(0);
    expect(await rates({ dropKey: 'gate_lower_bound' })).toBe(1);
  });

  it('that Kimi K3 keeps no residuals', async () => {
    const plain = { keys: { 'attn_res.block_size': 0 }, drop: /res_score/ };
    expect(count(await changedHeader('kimi-k3', plain), 'DSV4_HC_PRE')).toBe(0);
    expect(count(await changedHeader('kimi-k3', {}), 'DSV4_HC_PRE')).toBeGreaterThan(0);
  });

  it('keys and values of all heads in Kimi Linear', async () => {
    const keys = {
      'attention.key_length_mla': 0,
      'attention.value_length_mla': 0,
      'attention.key_length': 192,
      'attention.value_length': 128,
    };
    const whole = { name: 'blk.0.attn_kv_b.weight', type: elementType('f32'), ne: [512, 256, 1, 1] as const, bytes: 0 };
    const add = [{ ...whole, bytes: 512 * 256 * F32 }];
    const gguf = await changedHeader('kimi-linear', { keys, drop: /attn_[kv]_b/, add });
    expect(count(gguf, 'REPEAT')).toBe(1);
    expect(bytes(gguf)).toBe((192 + 128) * CONTEXT * F16 + (3 * 3 * 128 + 128 * 128) * F32);
  });
});

describeShared('refused, by the name of what is at fault', () => {
  it.each<[string, HeaderChange, string]>([
    ['qwen35', { keys: { 'ssm.inner_size': 512 } }, 'qwen35.ssm.inner_size'],
    ['qwen35', { keys: { 'ssm.group_count': 0 } }, 'qwen35.ssm.group_count'],
    ['qwen35', { keys: { full_attention_interval: 0 } }, 'qwen35.full_attention_interval'],
    ['qwen35', { keys: { 'attention.recurrent_layers': [1] } }, 'qwen35.attention.recurrent_layers'],
    ['qwen35', { dropKey: 'dimension_sections' }, 'qwen35.rope.dimension_sections'],
    ['qwen35moe', { keys: { expert_count: 0, expert_used_count: 0 } }, 'qwen35moe.expert_count'],
    ['qwen3next', { drop: /ssm_in|attn_qkv/ }, 'blk.0.ssm_in.weight'],
    ['kimi-linear', { keys: { 'attention.head_count_kv': [2, 0] } }, 'kimi-linear.attention.head_count_kv'],
    ['kimi-linear', { keys: { 'attention.key_length_mla': 0 } }, 'kimi-linear.attention.value_length_mla'],
    ['kimi-linear', { dropKey: 'kda.head_dim' }, 'kimi-linear.kda.head_dim'],
    ['kimi-k3', { dropKey: 'situ_beta' }, 'kimi-k3.activation.situ_beta'],
    ['bailingmoe3', { keys: { 'kda.safe_gate': false } }, 'bailingmoe3.kda.safe_gate'],
    ['bailingmoe3', { keys: { 'kda.gate_lower_bound': 1 } }, 'bailingmoe3.kda.gate_lower_bound'],
    ['bailingmoe3', { keys: { swiglu_clamp_exp: [4] } }, 'bailingmoe3.swiglu_clamp_exp'],
    ['bailingmoe3', { dropKey: 'leading_dense_block_count' }, 'bailingmoe3.leading_dense_block_count'],
    ['minimax-01', { dropKey: 'residual_scale' }, 'minimax-01.residual_scale'],
  ])('%s with %j', async (name, change, culprit) => {
    const gguf = await changedHeader(name, change);
    expectError('BAD_MODEL', culprit, () => measureModel(gguf));
  });

  it('keys and values of different types in one compressed row', async () => {
    const gguf = await changedHeader('kimi-linear', {});
    expectError('BAD_ARGUMENT', 'cacheTypeV', () => measureModel(gguf, { cacheTypeK: 'q8_0' }));
  });
});
