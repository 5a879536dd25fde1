/** Headers that llama.cpp refuses to load although all of their parts look right, and odd ones that it takes. */
import { describe, expect, it } from 'vitest';
import type { Gguf, GgufTensor, GgufValue } from '../../src/gguf/types.js';
import { measureModel, type ModelOptions } from '../../src/models/index.js';
import { elementType, type ElementTypeName } from '../../src/tensor/element-type.js';
import { expectError } from '../support/expect-error.js';
import { deepseek2, gemma, gpt2, gptOss, llama, mamba, phi3, qwen2, qwen3 } from '../support/models/architectures.js';

const SMALL = { layers: 4, width: 256, heads: 4, kvHeads: 2, feedForward: 768, vocabulary: 512, context: 4096 };
const EXPERTS = { experts: 8, usedExperts: 2, expertLength: 128 };

const MODELS = {
  llama: await llama(SMALL).gguf(),
  mixtral: await llama({ ...SMALL, experts: 8 }).gguf(),
  phi3: await phi3({ ...SMALL, originalContext: 512 }).gguf(),
  qwen2: await qwen2(SMALL).gguf(),
  qwen3: await qwen3(SMALL).gguf(),
  qwen3moe: await qwen3({ ...SMALL, ...EXPERTS }).gguf(),
  gemma2: await gemma({ ...SMALL, generation: 2, window: 512 }).gguf(),
  gemma3: await gemma({ ...SMALL, layers: 6, generation: 3, window: 512 }).gguf(),
  gpt2: await gpt2({ ...SMALL, kvHeads: 4, context: 64 }).gguf(),
  'gpt-oss': await gptOss({ ...SMALL, experts: 8, window: 128 }).gguf(),
  deepseek2: await deepseek2({
    ...SMALL,
    ...EXPERTS,
    queryRank: 128,
    plainLength: 64,
    valueLength: 64,
    sharedExperts: 1,
    denseLayers: 1,
  }).gguf(),
};
type Model = keyof typeof MODELS;

interface Change {
  readonly keys?: Readonly<Record<string, GgufValue | undefined>>;
  /** Tensors to add. */
  readonly add?: Readonly<Record<string, readonly number[]>>;
  readonly drop?: string;
  /** Type of all matrices. */
  readonly type?: ElementTypeName;
}

function changed(model: Model, { keys = {}, add = {}, drop, type }: Change): Gguf {
  const gguf = MODELS[model];
  const prefix = `${String(gguf.metadata['general.architecture'])}.`;
  const own = Object.fromEntries(Object.entries(keys).map(([key, value]) => [prefix + key, value]));
  const metadata = { ...gguf.metadata, ...own } as Record<string, GgufValue>;
  const kept = gguf.tensors.filter(({ name }) => name !== drop);
  const tensors = kept.map((tensor) =>
    type !== undefined && tensor.ne[1] > 1 ? { ...tensor, type: elementType(type) } : tensor,
  );
  const added = Object.entries(add).map(([name, [n0, n1 = 1, n2 = 1]]): GgufTensor => {
    return { name, type: elementType('f32'), ne: [n0, n1, n2, 1], bytes: 4 * n0 * n1 * n2 };
  });
  return { ...gguf, metadata, tensors: [...tensors, ...added] };
}

describe('refused, by the name of what is at fault', () => {
  it.each<[string, Model, Change, string | RegExp]>([
    ['a tensor of no architecture', 'llama', { add: { 'blk.0.odd.weight': [32] } }, 'blk.0.odd.weight'],
    ['a tensor of another architecture', 'qwen2', { add: { 'rope_freqs.weight': [32] } }, 'rope_freqs.weight'],
    ['a layer too many', 'gemma2', { add: { 'blk.4.attn_norm.weight': [256] } }, 'blk.4.attn_norm.weight'],
    ['fewer layers than the tensors make', 'qwen3', { keys: { block_count: 3 } }, 'blk.3.attn_norm.weight'],
    ['a bias that has no place', 'gemma3', { add: { 'blk.0.ffn_down.bias': [256] } }, 'blk.0.ffn_down.bias'],
    ['output weights where there are none', 'gemma2', { add: { 'output.weight': [256, 512] } }, 'output.weight'],
    ['missing output weights', 'gpt-oss', { drop: 'output.weight' }, 'output.weight'],
    ['a missing bias', 'gpt2', { drop: 'blk.3.ffn_up.bias' }, 'blk.3.ffn_up.bias'],
    ['a missing bias of the router', 'gpt-oss', { drop: 'blk.1.ffn_gate_inp.bias' }, 'blk.1.ffn_gate_inp.bias'],
    [
      'a bias for the choice of experts',
      'mixtral',
      { add: { 'blk.0.exp_probs_b.bias': [8] } },
      'blk.0.exp_probs_b.bias',
    ],
    ['a scale without its matrix', 'llama', { add: { 'blk.0.attn_qkv.scale': [1] } }, 'blk.0.attn_qkv.scale'],
    ['a scale of the output that is no NVFP4', 'llama', { add: { 'output.scale': [1] } }, 'output.scale'],
    [
      'a scale of output weights that are those of the embedding',
      'gemma3',
      { type: 'nvfp4', add: { 'output.scale': [1] } },
      'output.scale',
    ],
    ['a scale of two numbers', 'gemma2', { add: { 'blk.0.ffn_up.input_scale': [2] } }, 'blk.0.ffn_up.input_scale'],
    [
      'scales for some of the experts',
      'mixtral',
      { add: { 'blk.0.ffn_up_exps.input_scale': [4] } },
      'blk.0.ffn_up_exps.input_scale',
    ],
    ['a missing gate', 'qwen3moe', { drop: 'blk.2.ffn_gate_exps.weight' }, 'blk.2.ffn_gate_exps.weight'],
    [
      'one of two lengths of heads before compression',
      'deepseek2',
      { keys: { 'attention.value_length_mla': 0 } },
      'deepseek2.attention.value_length_mla',
    ],
    [
      'numbers of heads that differ, and none for keys',
      'gpt2',
      { keys: { 'attention.head_count': [4, 4, 2, 4], 'attention.head_count_kv': undefined } },
      /gpt2\.attention\.head_count$/,
    ],
    ['a pooling that is no number', 'llama', { keys: { pooling_type: 'mean' } }, 'llama.pooling_type'],
    [
      'a length for windows that there are none of',
      'qwen2',
      { keys: { 'attention.key_length_swa': 'short' } },
      'qwen2.attention.key_length_swa',
    ],
    [
      'a list that is too long',
      'llama',
      { keys: { feed_forward_length: [768, 768, 768, 768, 768] } },
      'llama.feed_forward_length',
    ],
    [
      'heads that differ from layer to layer',
      'llama',
      { keys: { 'attention.head_count_kv': [2, 2, 1, 2] } },
      'llama.attention.head_count_kv',
    ],
    [
      'a window that no layer has',
      'gemma2',
      { keys: { 'attention.sliding_window_pattern': 1 } },
      'gemma2.attention.sliding_window_pattern',
    ],
    [
      'heads of another length behind the window',
      'gemma3',
      { keys: { 'attention.key_length_swa': 32 } },
      'gemma3.attention.key_length_swa',
    ],
    [
      'heads that are not as wide as the embedding',
      'phi3',
      { keys: { 'attention.key_length': 32, 'attention.value_length': 32 } },
      'length of all heads',
    ],
    ['experts that are used but not there', 'llama', { keys: { expert_used_count: 2 } }, 'llama.expert_used_count'],
    ['experts that are there but not used', 'qwen2', { keys: { expert_count: 4 } }, 'qwen2.expert_used_count'],
    ['groups of no experts', 'gpt2', { keys: { expert_group_count: 2 } }, 'gpt2.expert_group_count'],
    ['as many groups as experts', 'qwen3moe', { keys: { expert_group_count: 8 } }, 'qwen3moe.expert_group_count'],
    [
      'a way to stretch positions that is none',
      'llama',
      { keys: { 'rope.scaling.type': 'rubber' } },
      'llama.rope.scaling.type',
    ],
    [
      'more heads for keys than divide the heads',
      'llama',
      { keys: { 'attention.head_count_kv': 3 } },
      'number of heads',
    ],
    ['no heads for keys', 'qwen3', { keys: { 'attention.head_count_kv': 0 } }, 'number of heads'],
    [
      'cached rows of another length',
      'deepseek2',
      { keys: { 'attention.key_length': 64 } },
      'deepseek2.attention.key_length',
    ],
    [
      'several cached rows',
      'deepseek2',
      { keys: { 'attention.head_count_kv': 2 } },
      'deepseek2.attention.head_count_kv',
    ],
    [
      'a layer for predicting further tokens that lacks a norm',
      'deepseek2',
      {
        keys: { nextn_predict_layers: 1 },
        add: { 'blk.3.nextn.eh_proj.weight': [512, 256], 'blk.3.nextn.hnorm.weight': [256] },
      },
      'blk.3.nextn.enorm.weight',
    ],
    [
      'a layer for predicting further tokens in another shape',
      'deepseek2',
      {
        keys: { nextn_predict_layers: 1 },
        add: {
          'blk.3.nextn.eh_proj.weight': [512, 256],
          'blk.3.nextn.enorm.weight': [256],
          'blk.3.nextn.hnorm.weight': [255],
        },
      },
      'blk.3.nextn.hnorm.weight',
    ],
    [
      'nothing but layers for predicting further tokens',
      'deepseek2',
      { keys: { nextn_predict_layers: 4 } },
      'deepseek2.nextn_predict_layers',
    ],
    [
      'a window that is no number',
      'phi3',
      { keys: { 'attention.sliding_window': 'wide' } },
      'phi3.attention.sliding_window',
    ],
  ])('%s', (_, model, change, culprit) => {
    const gguf = changed(model, change);
    expectError('BAD_MODEL', culprit, () => measureModel(gguf, { ctxSize: 512 }));
  });

  it('a type that an operation doesn’t take, named with the tensor', () => {
    const tensors = MODELS['gpt-oss'].tensors.map((tensor) =>
      tensor.name === 'blk.1.attn_sinks.weight' ? { ...tensor, type: elementType('i32') } : tensor,
    );
    const gguf = { ...MODELS['gpt-oss'], tensors };
    const { value } = expectError('BAD_MODEL', 'FLASH_ATTN_EXT: sinks', () => measureModel(gguf, { ctxSize: 512 }));
    expect(value).toBe('blk.1.attn_sinks.weight (i32 [4])');
  });

  it.each<[string, 'u64' | 'u16' | 'u32' | 'f64']>([
    ['block_count', 'u64'],
    ['embedding_length', 'u16'],
    ['attention.layer_norm_rms_epsilon', 'u32'],
    ['attention.layer_norm_rms_epsilon', 'f64'],
    ['attention.head_count_kv', 'u64'],
  ])('%s stored as %s', (key, type) => {
    const gguf = { ...MODELS.llama, types: { [`llama.${key}`]: type } };
    const { value } = expectError('BAD_MODEL', `llama.${key}`, () => measureModel(gguf, { ctxSize: 512 }));
    expect(value).toBe(`stored as ${type}`);
  });

  it('an embedding of integers', () => {
    const tensors = MODELS.gemma3.tensors.map((tensor) =>
      tensor.name === 'token_embd.weight' ? { ...tensor, type: elementType('i32') } : tensor,
    );
    expectError('BAD_MODEL', 'token_embd.weight', () => measureModel({ ...MODELS.gemma3, tensors }, { ctxSize: 512 }));
  });

  it('no context, neither in the file nor in the options', () => {
    const gguf = changed('llama', { keys: { context_length: 0 } });
    expectError('BAD_ARGUMENT', 'ctxSize', () => measureModel(gguf));
    expect(measureModel(gguf, { ctxSize: 512 }).run.contextSize).toBe(512);
  });
});

/** Bytes that tensors add to the weights: 32 each, however short. */
const addedBytes = (model: Model, change: Change): number =>
  measureModel(changed(model, change), { ctxSize: 512 }).weights -
  measureModel(MODELS[model], { ctxSize: 512 }).weights;

describe('taken', () => {
  it.each<[string, Model, Change, number]>([
    ['biases in a Llama', 'llama', { add: { 'blk.0.attn_q.bias': [256], 'blk.0.ffn_up.bias': [768] } }, 1024 + 3072],
    ['lists of as many entries as layers', 'llama', { keys: { 'attention.head_count': [4, 4, 4, 4] } }, 0],
    [
      'further numbers of heads, which nobody asks for',
      'llama',
      { keys: { 'attention.head_count': [4, 1, 2, 3], 'attention.head_count_kv': 2 } },
      0,
    ],
    ['scales of inputs', 'llama', { add: { 'blk.0.attn_q.input_scale': [1] } }, 32],
    ['scales that the architecture doesn’t heed', 'gemma2', { add: { 'blk.0.ffn_down.scale': [1] } }, 32],
    ['a head that ranks', 'qwen3', { add: { 'cls.output.weight': [256] } }, 1024],
    [
      'a head that classifies',
      'qwen3',
      { keys: { 'classifier.output_labels': ['a', 'b', 'c'] }, add: { 'cls.output.weight': [256, 3] } },
      3072,
    ],
    ['a number of experts in a dense architecture', 'qwen2', { keys: { expert_count: 4, expert_used_count: 2 } }, 0],
  ])('%s', (_, model, change, bytes) => {
    expect(addedBytes(model, change)).toBe(bytes);
  });

  it('lists of heads in a Mamba, which has none', async () => {
    const gguf = await mamba(SMALL).gguf();
    const metadata = { ...gguf.metadata, 'mamba.attention.head_count_kv': [2, 1, 1, 2] };
    const sizes = (each: Gguf): number => measureModel(each, { ctxSize: 512 }).total;
    expect(sizes({ ...gguf, metadata })).toBe(sizes(gguf));
  });

  it('experts of a Llama without a gate', () => {
    const { graph } = measureModel(changed('mixtral', { drop: 'blk.2.ffn_gate_exps.weight' }), { ctxSize: 512 });
    const names = graph.nodes.map(({ name }) => name).filter((name) => /^ffn_moe_(gate|up|silu|swiglu)/.test(name));
    expect(names.filter((name) => name.endsWith('-1'))).toEqual(['ffn_moe_gate-1', 'ffn_moe_up-1', 'ffn_moe_swiglu-1']);
    expect(names.filter((name) => name.endsWith('-2'))).toEqual(['ffn_moe_up-2', 'ffn_moe_silu-2']);
  });

  it('a window in all layers, whose heads have a length of their own', () => {
    const swa = { 'attention.key_length_swa': 64, 'attention.value_length_swa': 64 };
    const keys = {
      ...swa,
      'attention.sliding_window_pattern': 0,
      'attention.key_length': 32,
      'attention.value_length': 32,
    };
    const measured = measureModel(changed('gemma2', { keys }), { ctxSize: 2048, ubatchSize: 256, parallel: 1 });
    expect(measured.context).toBe(4 * 768 * 2 * 2 * 64 * 2);
  });

  it('a window beyond 32 bits wraps around, as in llama.cpp', () => {
    const gguf = changed('gemma2', { keys: { 'attention.sliding_window': 2 ** 32 - 1 } });
    const { context } = measureModel(gguf, { ctxSize: 1024, ubatchSize: 512 });
    expect(context).toBe((2 * 1024 + 2 * 512) * 2 * 2 * 64 * 2);
  });
});

describe('scales of matrices in NVFP4', () => {
  const names = (model: Model, part: string, options: ModelOptions = { ctxSize: 512 }): string[] => {
    const add = { [`blk.1.${part}.scale`]: part.endsWith('exps') ? [8] : [1] };
    const { graph } = measureModel(changed(model, { type: 'nvfp4', add }), options);
    const scaled = graph.nodes.filter(({ op, sources }) => op === 'MUL' && String(sources[1]?.name).includes('.scale'));
    return scaled.map(({ name }) => name);
  };

  it('multiply the product where the architecture heeds them', () => {
    expect(names('llama', 'attn_q')).toEqual(['Qcur-1']);
    expect(names('llama', 'ffn_up')).toEqual(['ffn_up_s-1']);
    expect(names('qwen3', 'ffn_down')).toEqual(['ffn_out-1']);
    expect(names('qwen2', 'ffn_up')).toEqual([]);
    expect(names('gpt-oss', 'ffn_up_exps')).toEqual([]);
  });

  it('multiply the vocabulary’s scores', () => {
    const add = { 'output.scale': [1] };
    const { graph } = measureModel(changed('qwen2', { type: 'nvfp4', add }), { ctxSize: 512 });
    expect(graph.nodes.at(-1)).toMatchObject({ op: 'MUL', name: 'result_output' });
    expect(measureModel(changed('deepseek2', { type: 'nvfp4', add }), { ctxSize: 512 }).graph.nodes.at(-1)?.op).toBe(
      'MUL_MAT',
    );
  });

  it('are refused beside a bias', () => {
    const add = { 'blk.1.ffn_up.scale': [1], 'blk.1.ffn_up.bias': [768] };
    const gguf = changed('llama', { type: 'nvfp4', add });
    expectError('BAD_MODEL', 'blk.1.ffn_up.bias', () => measureModel(gguf, { ctxSize: 512 }));
    const other = measureModel(changed('llama', { add }), { ctxSize: 512 }).graph.nodes;
    expect(other.map(({ name }) => name).filter((name) => /^ffn_up.*-1$/.test(name))).toEqual([
      'ffn_up-1',
      'ffn_up_b-1',
      'ffn_up_s-1',
    ]);
  });

  it('are one per expert', () => {
    const add = { 'blk.0.ffn_up_exps.scale': [8] };
    const { graph } = measureModel(changed('mixtral', { add }), { ctxSize: 512 });
    expect(graph.nodes.find(({ name }) => name === 'ffn_moe_up_scaled-0')?.op).toBe('MUL');
  });
});

describe('a graph that llama.cpp has no room for', () => {
  const model = phi3({ ...SMALL, layers: 40 });
  const options = { ctxSize: 4096, cacheTypeK: 'q8_0', cacheTypeV: 'q8_0' };

  it('is refused, and only that one', async () => {
    const gguf = await model.gguf();
    expect(measureModel(gguf, options).graph.nodes.length).toBeGreaterThan(1600);
    expect(measureModel(gguf, { ctxSize: 4096, parallel: 2 }).run.sequences).toBe(2);
    expectError('BAD_ARGUMENT', 'graph', () => measureModel(gguf, { ...options, parallel: 2 }));
  });
});
