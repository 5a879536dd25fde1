/**
 * Layers that predict further tokens, as a context of their own: `llama-cpp-predict-layers.csv` holds what llama.cpp
 * itself says of it (`LLAMA_CONTEXT_TYPE_MTP`, with logits of one token for each sequence).
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { cpuDevice, cudaDevice } from '../../src/device/index.js';
import { readGguf } from '../../src/gguf/gguf.js';
import type { Gguf } from '../../src/gguf/types.js';
import { measureModel, mtpOptions, sumByDevice, type ModelOptions } from '../../src/models/index.js';
import { changedHeader as header } from '../support/changed-header.js';
import { expectError } from '../support/expect-error.js';
import { PREDICTING, withPredictLayer } from '../support/predict-layers.js';
import { describeShared, sharedPath } from '../support/shared.js';

const ALL: ModelOptions = { program: 'library', ctxSize: 512, ubatchSize: 64 };

const [, ...rows] = readFileSync(new URL('llama-cpp-predict-layers.csv', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const recorded = rows.map((row) => {
  const [name, own, ctxSize, ubatchSize, parallel, flash, type, unified, ...sizes] = row.split(',');
  const options: ModelOptions = {
    program: 'library',
    contextType: 'mtp',
    ctxSize: Number(ctxSize),
    ubatchSize: Number(ubatchSize),
    parallel: Number(parallel),
    outputs: Number(parallel),
    flashAttention: flash === '1',
    cacheTypeK: type,
    cacheTypeV: type,
    kvUnified: unified === '1',
  };
  return { name, own: own === '1', options, sizes: sizes.map(Number), row };
});

/** Nemotron 3 Super without the short row of its experts, with which llama.cpp's own graph fails. */
async function nemotron(): Promise<Gguf> {
  const gguf = await readGguf(sharedPath('real', 'nemotron-3-super-120b-a12b.gguf'));
  const metadata = Object.fromEntries(
    Object.entries(gguf.metadata).filter(([key]) => !key.endsWith('.moe_latent_size')),
  );
  const kept = gguf.tensors.filter(({ name }) => !name.includes('ffn_latent'));
  const tensors = kept.map((tensor) => {
    const [rows_, columns, count, rest] = tensor.ne;
    if (tensor.name.includes('ffn_up_exps')) return wider(tensor, [4096, columns, count, rest]);
    return tensor.name.includes('ffn_down_exps') ? wider(tensor, [rows_, 4096, count, rest]) : tensor;
  });
  return { ...gguf, metadata, tensors };
}

function wider(tensor: Gguf['tensors'][number], ne: Gguf['tensors'][number]['ne']): Gguf['tensors'][number] {
  return { ...tensor, ne, bytes: 4 * tensor.bytes };
}

async function modelOf(name: string, own: boolean): Promise<Gguf> {
  if (PREDICTING.includes(name)) return withPredictLayer(name, !own);
  if (name.startsWith('nemotron')) return nemotron();
  return readGguf(sharedPath(name.endsWith('-mtp') ? 'supported' : 'real', `${name}.gguf`));
}

describeShared('a context of layers that predict further tokens', () => {
  it.each(recorded)('takes what llama.cpp says: $row', async ({ name, own, options, sizes }) => {
    const gguf = await modelOf(name, own);
    const { weights, context, compute, graph } = measureModel(gguf, options);
    const tg = measureModel(gguf, { ...options, phase: 'tg' }).graph;
    expect([weights, context, compute, graph.nodes.length, tg.nodes.length]).toEqual(sizes);
  });

  it('is the whole model where llama.cpp has no graph of them', async () => {
    const keys = { block_count: 3, nextn_predict_layers: 1 };
    const { tensors } = await header('glm4moe');
    const copies = tensors.filter(({ name }) => name.startsWith('blk.1.'));
    const named = copies.map((tensor) => ({ ...tensor, name: tensor.name.replace('blk.1.', 'blk.2.') }));
    const own = { 'blk.2.nextn.eh_proj.weight': [512, 256], 'blk.2.nextn.enorm.weight': [256] };
    const norms = { ...own, 'blk.2.nextn.hnorm.weight': [256] };
    const gguf = await header('glm4moe', { keys, add: named, tensors: norms });
    const [model, context] = (['default', 'mtp'] as const).map((contextType) =>
      measureModel(gguf, { ...ALL, contextType }),
    );
    expect(context.graph.nodes.length).toBe(model.graph.nodes.length);
    // llama.cpp never loads them.
    expect(context.weights).toBe(model.weights);
  });

  it('runs the first of several', async () => {
    const gguf = await withPredictLayer('mimo2');
    const copies = gguf.tensors.filter(({ name }) => name.startsWith('blk.2.'));
    const more = copies.map((tensor) => ({ ...tensor, name: tensor.name.replace('blk.2.', 'blk.3.') }));
    const metadata = {
      ...gguf.metadata,
      'mimo2.block_count': 4,
      'mimo2.nextn_predict_layers': 2,
      'mimo2.attention.sliding_window_pattern': [0, 1, 1, 1],
    };
    const options = { ...ALL, contextType: 'mtp' } as const;
    const [one, two] = [gguf, { ...gguf, metadata, tensors: [...gguf.tensors, ...more] }].map((each) =>
      measureModel(each, options),
    );
    expect(two.graph.nodes.length).toBe(one.graph.nodes.length);
    expect(two.context).toBe(2 * one.context);
  });

  it('refuses what llama.cpp ends with', async () => {
    const mtp = { ...ALL, contextType: 'mtp' } as const;
    const [plain, one] = [await header('qwen3next'), await withPredictLayer('qwen3next')];
    expectError('BAD_ARGUMENT', 'contextType', () => measureModel(plain, mtp));
    expectError('BAD_ARGUMENT', 'contextType', () => measureModel(plain, { ...ALL, contextType: 'own' as 'mtp' }));
    expectError('BAD_ARGUMENT', 'embeddings', () => measureModel(one, { ...mtp, embeddings: true }));
    const latent = await readGguf(sharedPath('real', 'nemotron-3-super-120b-a12b.gguf'));
    expectError('BAD_MODEL', 'nemotron_h_moe.moe_latent_size', () => measureModel(latent, mtp));
    const deepseek = await readGguf(sharedPath('supported', 'deepseek-v3-mtp.gguf'));
    const cooling = { ...deepseek.metadata, 'deepseek2.attention.temperature_scale': 0.5 };
    expectError('BAD_MODEL', 'attention.temperature_scale', () =>
      measureModel({ ...deepseek, metadata: cooling }, mtp),
    );
    // Queries, keys and values apart, as this file has them.
    const apart = await readGguf(sharedPath('real', 'mimo-v2-flash.gguf'));
    expectError('BAD_MODEL', 'blk.48.attn_qkv.weight', () => measureModel(apart, mtp));
    const unnormed = await withPredictLayer('bailingmoe3', true, {
      tensors: { 'blk.2.layer_output_norm.weight': undefined },
    });
    expectError('BAD_MODEL', 'blk.2.layer_output_norm.weight', () => measureModel(unnormed, mtp));
    const compressed = await withPredictLayer('deepseek4', true, {
      tensors: { 'blk.4.attn_compressor_kv.weight': [256, 128] },
    });
    expectError('BAD_MODEL', 'blk.4.attn_compressor_kv.weight', () => measureModel(compressed, mtp));
  });

  it('is as long as it needs no layer of the model', async () => {
    const whole = await withPredictLayer('deepseek4');
    const tensors = whole.tensors.filter(({ name }) => !/^blk\.[0-3]\./.test(name));
    const options = { ...ALL, contextType: 'mtp' } as const;
    const [part, all] = [{ ...whole, tensors }, whole].map((gguf) => measureModel(gguf, options));
    expect([part.compute, part.context]).toEqual([all.compute, all.context]);
    expect(part.weights).toBeLessThan(all.weights);
  });
});

describeShared('beside its model on a machine', () => {
  it('lies where the model lies, which loads its weights', async () => {
    const gguf = await readGguf(sharedPath('real', 'qwen3.5-27b.gguf'));
    const devices = [cudaDevice({ totalBytes: 24 * 2 ** 30 }), cpuDevice()];
    const options = { devices, ctxSize: 4096, gpuLayers: 40, cacheTypeK: 'q8_0', loadMtp: true } as const;
    const model = measureModel(gguf, options);
    const wanted = mtpOptions(options, model, { cacheTypeV: 'f32' });
    expect(wanted).toMatchObject({ contextType: 'mtp', outputs: 4, ctxSize: 4096, gpuLayers: 40, cacheTypeV: 'f32' });
    expect('cacheTypeK' in wanted).toBe(false);
    const layers = measureModel(gguf, wanted);
    expect(layers.layers).toEqual(model.layers);
    expect(layers.weights).toBe(model.weights);
    const plain_ = measureModel(gguf, { ...options, loadMtp: false });
    expect(model.weights).toBeGreaterThan(plain_.weights);
    // One layer, of which the file says: 4 heads of 256 elements, f16 keys and f32 values.
    expect(layers.context).toBe(4096 * 4 * 256 * (2 + 4));
    const added = layers.buffers.filter(({ purpose }) => purpose !== 'weights');
    const [gpu] = sumByDevice(model.devices, [...model.buffers, ...added]);
    expect(gpu.total).toBeGreaterThan(model.devices[0].total);
    expectError('BAD_ARGUMENT', 'model', () => mtpOptions(options, {} as never));
  });
});
