/** Variants of real models that no recorded graph shows, made by changing the real headers. */
import { expect, it } from 'vitest';
import { readGguf } from '../../src/gguf/gguf.js';
import type { Gguf, GgufTensor, GgufValue } from '../../src/gguf/types.js';
import { fitContext } from '../../src/models/fit-context.js';
import { measureModel } from '../../src/models/measure-model.js';
import { elementType } from '../../src/tensor/element-type.js';
import type { Dims4 } from '../../src/tensor/shape.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { firstDifference, type ListedGraph } from '../support/compare-graphs.js';
import { describeShared, readGraph, sharedPath } from '../support/shared.js';

interface Changes {
  readonly metadata?: Readonly<Record<string, GgufValue | undefined>>;
  /** Tensors to put in the place of one whose name ends so. */
  readonly replace?: Readonly<Record<string, (tensor: GgufTensor) => GgufTensor[]>>;
}

async function changed(file: string, { metadata = {}, replace = {} }: Changes): Promise<Gguf> {
  const gguf = await readGguf(sharedPath('gguf', file));
  const tensors = gguf.tensors.flatMap((tensor) => {
    const [, change] = Object.entries(replace).find(([ending]) => tensor.name.endsWith(ending)) ?? [];
    return change === undefined ? [tensor] : change(tensor);
  });
  const all = Object.entries({ ...gguf.metadata, ...metadata }).filter(([, value]) => value !== undefined);
  return { ...gguf, metadata: Object.fromEntries(all) as Record<string, GgufValue>, tensors };
}

function tensor(name: string, ne: Dims4): GgufTensor {
  return { name, type: elementType('f32'), ne, bytes: 4 * ne[0] * ne[1] * ne[2] * ne[3] };
}

function opCount(gguf: Gguf, op: string): number {
  const { graph, plan } = measureModel(gguf, { ctxSize: 512 });
  expect(verifyPlan(graph, plan)).toEqual([]);
  return graph.nodes.filter((node) => node.op === op).length;
}

const layerOf = ({ name }: GgufTensor): string => name.slice(0, name.indexOf('.', 4));

describeShared('variants of real models', () => {
  it('DeepSeek-V2 in an older file caches keys and values of all heads', async () => {
    const gguf = await changed('deepseek-v2-lite.gguf', {
      metadata: {
        'deepseek2.attention.key_length_mla': undefined,
        'deepseek2.attention.value_length_mla': undefined,
        'deepseek2.attention.key_length': 192,
        'deepseek2.attention.value_length': 128,
        'deepseek2.attention.head_count_kv': 16,
      },
      replace: {
        'attn_k_b.weight': (old) => [tensor(`${layerOf(old)}.attn_kv_b.weight`, [512, 16 * (128 + 128), 1, 1])],
        'attn_v_b.weight': () => [],
      },
    });
    expect(measureModel(gguf, { ctxSize: 512 }).context).toBe(27 * 512 * 16 * (192 + 128) * 2);
    expect(opCount(gguf, 'REPEAT')).toBe(27);
  });

  it('experts in groups are chosen from the best groups', async () => {
    const grouped = { 'deepseek2.expert_group_count': 8, 'deepseek2.expert_group_used_count': 3 };
    const gguf = await changed('deepseek-v2-lite.gguf', {
      metadata: { ...grouped, 'deepseek2.expert_gating_func': 2, 'deepseek2.expert_weights_norm': true },
      replace: {
        'ffn_gate_inp.weight': (old) => [old, tensor(`${layerOf(old)}.exp_probs_b.bias`, [64, 1, 1, 1])],
      },
    });
    expect(opCount(gguf, 'ARGSORT')).toBe(3 * 26);
    expect(opCount(gguf, 'SIGMOID')).toBe(26);
  });

  it('only DeepSeek scales the shares of its experts', async () => {
    const scales = (gguf: Gguf): number =>
      measureModel(gguf, { ctxSize: 512 }).graph.nodes.filter(({ name }) => name.startsWith('ffn_moe_weights_scaled'))
        .length;
    expect(
      scales(await changed('deepseek-v2-lite.gguf', { metadata: { 'deepseek2.expert_weights_scale': 2.5 } })),
    ).toBe(26);
    expect(scales(await changed('mixtral-8x7b.gguf', { metadata: { 'llama.expert_weights_scale': 2.5 } }))).toBe(0);
  });

  it('experts with gate and up in one matrix need one product for both', async () => {
    const gguf = await changed('deepseek-v2-lite.gguf', {
      replace: {
        'ffn_up_exps.weight': (old) => [tensor(`${layerOf(old)}.ffn_gate_up_exps.weight`, [2048, 2816, 64, 1])],
        'ffn_gate_exps.weight': () => [],
      },
    });
    expect(opCount(gguf, 'MUL_MAT_ID')).toBe(2 * 26);
  });

  it('a last layer that predicts further tokens is cached, but neither loaded nor run', async () => {
    const whole = await changed('deepseek-v2-lite.gguf', {});
    const cut = await changed('deepseek-v2-lite.gguf', { metadata: { 'deepseek2.nextn_predict_layers': 1 } });
    const last = whole.tensors.filter(({ name }) => name.startsWith('blk.26.'));
    const saved = last.reduce((sum, { bytes }) => sum + Math.ceil(bytes / 32) * 32, 0);
    const [all, fewer] = [whole, cut].map((gguf) => measureModel(gguf, { ctxSize: 512 }));
    expect(saved).toBeGreaterThan(0);
    expect(fewer.weights).toBe(all.weights - saved);
    expect(fewer.context).toBe(all.context);
    expect(all.graph.nodes.some(({ name }) => name === 'ffn_inp-26')).toBe(true);
    expect(fewer.graph.nodes.some(({ name }) => name === 'ffn_inp-26')).toBe(false);
  });

  it('keys and values that are cached as one have one type', async () => {
    const gguf = await changed('deepseek-v2-lite.gguf', {});
    const both = measureModel(gguf, { ctxSize: 512, cacheTypeK: 'q8_0', cacheTypeV: 'q8_0' });
    expect(both.context).toBe((27 * 512 * (512 + 64) * 34) / 32);
    for (const options of [{ cacheTypeK: 'q8_0' }, { cacheTypeV: 'q8_0' }, { cacheTypeK: 'f16', cacheTypeV: 'bf16' }]) {
      expect(() => measureModel(gguf, options)).toThrow(
        /caches keys and values as one, but .* the types \w+ and \w+\./,
      );
    }
    expect(fitContext(gguf, 17 * 1024 ** 3).largestByCache.map(({ run }) => run.keyType.name)).toEqual([
      'q8_0',
      'q4_0',
    ]);
  });

  it('Falcon-Mamba normalises what its scan is fed with', async () => {
    const gguf = await changed('mamba-130m.gguf', { metadata: { 'mamba.ssm.dt_b_c_rms': true } });
    expect(opCount(gguf, 'RMS_NORM')).toBe(4 * 24 + 1);
  });

  it('several sequences of a recurrent model have a state each, whatever the context', async () => {
    const gguf = await changed('mamba-130m.gguf', {});
    const state = 24 * (3 * 1536 + 16 * 1536) * 4;
    expect(measureModel(gguf, { ctxSize: 512, parallel: 4 }).context).toBe(4 * state);
    expect(measureModel(gguf, { ctxSize: 65536, parallel: 4 }).context).toBe(4 * state);
  });

  it('a Gemma 3 without a sliding window has one cache', async () => {
    const gguf = await changed('gemma-3-4b.gguf', { metadata: { 'gemma3.attention.sliding_window': undefined } });
    const row = 4 * 256 * 2;
    expect(measureModel(gguf, { ctxSize: 4096 }).context).toBe(34 * 4096 * 2 * row);
  });

  it('a difference names the first node that differs', async () => {
    const { graph } = measureModel(await changed('phi-3-mini-4k.gguf', {}), {
      program: 'library',
      ctxSize: 4096,
      flashAttention: false,
    });
    const recorded = readGraph('llama/phi-3-mini-4k.c4096-b512.pp') as ListedGraph;
    expect(firstDifference(graph, recorded)).toBeNull();
    const edited = structuredClone(recorded) as { tensors: { ne: number[]; name: string }[] } & ListedGraph;
    edited.tensors[edited.nodes[7]].ne[1] = 99;
    edited.tensors[edited.nodes[9]].name = 'other';
    expect(firstDifference(graph, edited)).toMatch(
      /^node 7 \(Vcur-0\): ne is \[96,32,512,1\] instead of \[96,99,512,1\]/,
    );
  });
});
