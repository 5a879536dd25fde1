/** Models with latent attention: what their memory holds, and what llama.cpp refuses. */
import { expect, it } from 'vitest';
import { measureModel, type ModelOptions } from '../../src/models/index.js';
import { changedHeader, type HeaderChange } from '../support/changed-header.js';
import { expectError } from '../support/expect-error.js';
import { describeShared } from '../support/shared.js';

const SMALL: ModelOptions = { ctxSize: 512, ubatchSize: 64, flashAttention: false };

describeShared('latent attention', () => {
  it.each<[string, HeaderChange, string]>([
    ['deepseek2-ocr', { keys: { 'rope.freq_base': 50000 } }, 'deepseek2-ocr.rope.freq_base'],
    ['deepseek2-ocr', { keys: { 'attention.head_count_kv': 1 } }, 'deepseek2-ocr.attention.head_count_kv'],
    ['minicpm3', { keys: { 'attention.head_count_kv': 1 } }, 'minicpm3.attention.head_count_kv'],
    ['minicpm3', { keys: { 'rope.dimension_count': 256 } }, 'minicpm3.rope.dimension_count'],
    ['minicpm3', { dropKey: 'q_lora_rank' }, 'minicpm3.attention.q_lora_rank'],
    ['plm', { dropKey: 'kv_lora_rank' }, 'plm.attention.kv_lora_rank'],
    ['deepseek', { dropKey: 'expert_shared_count' }, 'deepseek.expert_shared_count'],
    ['deepseek2', { keys: { 'attention.value_length_mla': 0 } }, 'deepseek2.attention.value_length_mla'],
    ['mistral4', { keys: { 'attention.head_count_kv': 2 } }, 'mistral4.attention.head_count_kv'],
  ])('%s with %j is refused', async (name, change, culprit) => {
    const gguf = await changedHeader(name, change);
    expectError('BAD_MODEL', culprit, () => measureModel(gguf, SMALL));
  });

  it('PLM is refused with flash attention, which takes no flat values', async () => {
    const gguf = await changedHeader('plm', {});
    expectError('BAD_ARGUMENT', 'flashAttention', () => measureModel(gguf, { ...SMALL, flashAttention: 'auto' }));
  });

  it.each(['mistral3', 'mistral4', 'deepseek2-nomla'])('attention of %s cools with the position', async (name) => {
    const factors = async (scale: number): Promise<number> => {
      const gguf = await changedHeader(name, { keys: { 'attention.temperature_scale': scale } });
      const { nodes } = measureModel(gguf, SMALL).graph;
      return nodes.filter((node) => /^Qcur_attn_temp_scaled-\d+$/.test(node.name)).length;
    };
    expect(await factors(0)).toBe(0);
    expect(await factors(0.5)).toBe(2);
  });

  it('Mistral 3 cools relative to the trained context', async () => {
    const keys = { 'attention.temperature_scale': 0.5, 'rope.scaling.original_context_length': 0 };
    const gguf = await changedHeader('mistral3', { keys });
    const culprit = 'mistral3.rope.scaling.original_context_length';
    expectError('BAD_MODEL', culprit, () => measureModel(gguf, SMALL));
  });
});
