/** Models with windows, chunks and shared caches: what their memory holds, and what llama.cpp refuses. */
import { expect, it } from 'vitest';
import { measureModel, type ModelOptions } from '../../src/models/index.js';
import { editedHeader, type HeaderEdit } from '../support/edited-header.js';
import { expectError } from '../support/expect-error.js';
import { describeShared } from '../support/shared.js';

const SMALL: ModelOptions = { ctxSize: 512, ubatchSize: 64, flashAttention: false };
const LONG: ModelOptions = { ...SMALL, ctxSize: 16384, parallel: 1, swaFull: false };

async function nodeNames(name: string, change: HeaderEdit, options = SMALL): Promise<readonly string[]> {
  return measureModel(await editedHeader(name, change), options).graph.nodes.map((node) => node.name);
}

async function contextBytes(name: string, change: HeaderEdit, options = SMALL): Promise<number> {
  return measureModel(await editedHeader(name, change), options).context;
}

describeShared('models with windows', () => {
  it.each<[string, HeaderEdit, string]>([
    ['afmoe', { keys: { 'attention.sliding_window': 0 } }, 'afmoe.attention.sliding_window'],
    [
      'granite_swa',
      { keys: { 'attention.sliding_window_pattern': 1 } },
      'granite_swa.attention.sliding_window_pattern',
    ],
    ['gemma4', { keys: { 'attention.sliding_window_pattern': 0 } }, 'gemma4.attention.sliding_window_pattern'],
    ['gemma4', { keys: { 'attention.shared_kv_layers': 4 } }, 'gemma4.attention.shared_kv_layers'],
    ['gemma4', { keys: { 'attention.shared_kv_layers': 2 } }, 'gemma4.attention.shared_kv_layers'],
    ['gemma4', { dropKey: 'key_length_swa' }, 'gemma4.attention.key_length_swa'],
    ['gemma4', { drop: /^blk\.0\.attn_k\./ }, 'blk.0.attn_k.weight'],
    ['gemma4', { drop: /^per_layer_model_proj/ }, 'per_layer_model_proj.weight'],
    ['gemma3n', { keys: { 'attention.sliding_window_pattern': 3 } }, 'gemma3n.attention.sliding_window_pattern'],
    ['gemma3n', { drop: /^blk\.21\.attn_v\./ }, 'blk.21.attn_v.weight'],
    ['laguna', { dropKey: 'leading_dense_block_count' }, 'laguna.leading_dense_block_count'],
    ['laguna', { drop: /^blk\.0\.attn_gate/ }, 'blk.0.attn_gate.weight'],
    ['cohere2moe', { dropKey: 'expert_feed_forward_length' }, 'cohere2moe.expert_feed_forward_length'],
    ['cohere2moe', { dropKey: 'expert_count' }, 'cohere2moe.expert_used_count'],
    ['exaone-moe', { dropKey: 'expert_gating_func' }, 'exaone-moe.expert_gating_func'],
    ['llama4', { dropKey: 'interleave_moe_layer_step' }, 'llama4.interleave_moe_layer_step'],
    ['graniteswitch', { keys: { 'adapters.count': 4097 } }, 'graniteswitch.adapters.count'],
    [
      'graniteswitch',
      { keys: { 'adapters.token_ids_substitute': [1, 2, 128] } },
      'graniteswitch.adapters.token_ids_substitute',
    ],
    ['graniteswitch', { keys: { 'adapters.token_ids_activate': [1, 2] } }, 'graniteswitch.adapters.token_ids_activate'],
    ['granite', { keys: { deepstack_mapping: [-1, 2] } }, 'granite.deepstack_mapping'],
  ])('%s with %j is refused', async (name, change, culprit) => {
    const gguf = await editedHeader(name, change);
    expectError('BAD_MODEL', culprit, () => measureModel(gguf, SMALL));
  });

  it('only a window of zero takes the chunks from Llama 4', async () => {
    const cells = async (tokens: number): Promise<number> =>
      contextBytes('llama4', { keys: { 'attention.sliding_window': tokens } }, LONG);
    expect(await cells(16)).toBe(await cells(8192));
    expect(await cells(0)).toBeGreaterThan(await cells(8192));
  });

  it('SmallThinker’s window has one length, whatever the file says', async () => {
    const bytes = async (tokens: number): Promise<number> =>
      contextBytes('smallthinker', { keys: { 'attention.sliding_window': tokens } }, LONG);
    expect(await bytes(16)).toBe(await bytes(4096));
    expect(await bytes(0)).toBeGreaterThan(await bytes(16));
  });

  it('EXAONE 4 has a window with 64 layers only', async () => {
    const isShortened = async (name: string): Promise<boolean> =>
      (await contextBytes(name, {}, LONG)) < (await contextBytes(name, {}, { ...LONG, swaFull: true }));
    expect([await isShortened('exaone4-64layers'), await isShortened('exaone4')]).toEqual([true, false]);
  });

  it('a layer of Gemma 4 that shares a cache has none', async () => {
    const keys = { 'attention.sliding_window_pattern': [1, 0, 1, 0, 0], 'attention.shared_kv_layers': 3 };
    const pattern = { 'attention.sliding_window_pattern': [1, 0, 1, 0, 0] };
    const [shared, own] = await Promise.all([nodeNames('gemma4', { keys }), nodeNames('gemma4', { keys: pattern })]);
    const count = (names: readonly string[]): number => names.filter((name) => /^Kcur_pos-\d+$/.test(name)).length;
    expect([count(shared), count(own)]).toEqual([2, 5]);
    expect(await contextBytes('gemma4', { keys })).toBeLessThan(await contextBytes('gemma4', { keys: pattern }));
  });

  it('Laguna’s gate has a factor per element where its matrix says so', async () => {
    const name = 'blk.0.attn_gate.weight';
    const plain = await editedHeader('laguna', {});
    const { ne, type } = plain.tensors.find((tensor) => tensor.name === name)!;
    const [{ ne: queries }] = plain.tensors.filter((tensor) => tensor.name === 'blk.0.attn_q.weight');
    const wide = { name, type, ne: queries, bytes: 4 * queries[0] * queries[1] };
    const gated = async (change: HeaderEdit): Promise<readonly number[]> => {
      const { graph } = measureModel(await editedHeader('laguna', change), SMALL);
      return graph.nodes.find((node) => node.name === 'attn_gate_proj-0')!.ne;
    };
    expect((await gated({}))[0]).toBe(ne[1]);
    expect((await gated({ drop: /^blk\.0\.attn_gate/, add: [wide] }))[0]).toBe(queries[1]);
  });

  it('Step 3.5 limits the networks of layers with a limit', async () => {
    const limits = { swiglu_clamp_exp: [0, 7], swiglu_clamp_shexp: [5, 0] };
    const names = await nodeNames('step35', { keys: limits });
    expect(names.filter((name) => name.includes('swiglu_limited'))).toEqual([
      'ffn_swiglu_limited-0',
      'ffn_moe_swiglu_limited-1',
    ]);
  });

  it('Granite reads an image’s further embeddings in the layers that are mapped', async () => {
    const names = await nodeNames('granite', { keys: { deepstack_mapping: [-1, 1] } });
    expect(names.filter((name) => name.startsWith('deepstack_in'))).toEqual(['deepstack_in-1']);
    expect(await nodeNames('granite', {})).not.toContain('deepstack_in-1');
  });

  it('Granite Switch caches its router as a layer more', async () => {
    const names = await nodeNames('graniteswitch', {});
    expect(names.filter((name) => /^router_out-\d+$/.test(name))).toEqual(['router_out-2']);
  });

  it('MiMo scales what attention says only by a factor other than one', async () => {
    const has = async (factor: number): Promise<boolean> =>
      (await nodeNames('mimo2', { keys: { 'attention.value_scale': factor } })).includes('attn_out_scaled-0');
    expect([await has(1), await has(0.5)]).toEqual([false, true]);
  });
});
