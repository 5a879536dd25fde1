/** Options, rounding and refusals: what the recorded graphs don't show. Expected sizes are counted by hand. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlannerError } from '../../src/errors.js';
import type { Gguf } from '../../src/gguf/types.js';
import { measureModel, measureWeights, type ModelOptions } from '../../src/models/index.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { tinyGemma2, tinyLlama, tinyPhi3, type Changes } from '../support/tiny-models.js';

const llama = await tinyLlama();
const gemma2 = await tinyGemma2();

function errorOf(run: () => unknown): PlannerError {
  try {
    run();
  } catch (error) {
    if (error instanceof PlannerError) return error;
    throw error;
  }
  throw new Error('no error');
}

function tensorsNamed(gguf: Gguf, options: ModelOptions, name: string): Tensor[] {
  return measureModel(gguf, options).graph.tensors.filter((tensor) => tensor.name === name);
}

describe('context and batch are rounded as in llama.cpp', () => {
  it.each<[ModelOptions, object]>([
    [{}, { program: 'server', contextSize: 4096, sequenceContext: 4096, batchSize: 2048, ubatchSize: 512 }],
    [{}, { sequences: 4, isUnified: true, maxOutputs: 4 }],
    [
      { parallel: -1, kvUnified: false },
      { sequences: 4, isUnified: true, maxOutputs: 4 },
    ],
    [{ parallel: 2 }, { sequences: 2, isUnified: false, maxOutputs: 2 }],
    [{ ctxSize: 3 }, { contextSize: 256, batchSize: 3, ubatchSize: 3, sequences: 4, maxOutputs: 4 }],
    [{ outputs: 0 }, { sequences: 4, maxOutputs: 2048 }],
    [{ outputs: 16 }, { sequences: 4, maxOutputs: 16 }],
    [{ program: 'cli' }, { program: 'cli', sequences: 1, isUnified: false, maxOutputs: 1 }],
    [
      { program: 'cli', parallel: -1 },
      { sequences: 4, isUnified: true, maxOutputs: 4 },
    ],
    [{ program: 'bench' }, { program: 'bench', sequences: 1, isUnified: false, maxOutputs: 2048 }],
    [
      { program: 'library', parallel: 2 },
      { sequences: 2, isUnified: false, maxOutputs: 2048 },
    ],
    [{ ctxSize: 1 }, { contextSize: 256, sequenceContext: 256, batchSize: 1, ubatchSize: 1 }],
    [{ ctxSize: 1000 }, { contextSize: 1024, batchSize: 1000, ubatchSize: 512 }],
    [
      { ctxSize: 4096, parallel: 3 },
      { contextSize: 4608, sequenceContext: 1536 },
    ],
    [
      { ctxSize: 4096, parallel: 3, kvUnified: true },
      { contextSize: 4096, sequenceContext: 4096 },
    ],
    [{ batchSize: 100 }, { batchSize: 100, ubatchSize: 100 }],
    [{ ubatchSize: 0 }, { batchSize: 2048, ubatchSize: 2048 }],
    [{ ubatchSize: 8192 }, { batchSize: 2048, ubatchSize: 2048 }],
    [{ flashAttention: false }, { flashAttention: false }],
    [{ flashAttention: 'auto' }, { flashAttention: true }],
  ])('%j', (options, run) => {
    expect(measureModel(llama, options).run).toMatchObject(run);
  });

  it('a batch has equally many tokens for each sequence, and as many outputs as were asked for', () => {
    const [ids] = tensorsNamed(llama, { parallel: 3, ubatchSize: 512 }, 'inp_tokens');
    expect(ids.ne[0]).toBe(513);
    const [logits] = tensorsNamed(llama, { parallel: 3, ubatchSize: 512 }, 'result_output');
    expect(logits.ne[1]).toBe(3);
    const [all] = tensorsNamed(llama, { program: 'library', parallel: 3, ubatchSize: 512 }, 'result_output');
    expect(all.ne[1]).toBe(512);
    expect(tensorsNamed(llama, { outputs: 7 }, 'result_output')[0].ne[1]).toBe(7);
    expect(tensorsNamed(llama, { parallel: 5, phase: 'tg' }, 'result_output')[0].ne[1]).toBe(5);
  });
});

describe('sizes', () => {
  it('weights are all tensors of the file, padded to 32 bytes', async () => {
    const gguf = await tinyLlama({ tensors: { 'blk.0.attn_output.bias': [256], 'rope_freqs.weight': [32] } });
    const layer = 2 * 256 + 2 * 256 * 256 + 2 * 256 * 128 + 3 * 256 * 768;
    const expected = 4 * (256 * 512 + 256 + 4 * layer + 256 + 32);
    expect(measureWeights(gguf)).toBe(expected);
    expect(measureModel(gguf).weights).toBe(expected);
  });

  it('the cache holds two rows of 128 elements per layer and cell', () => {
    expect(measureModel(llama, { ctxSize: 1024 }).context).toBe(4 * 1024 * 2 * 128 * 2);
    expect(measureModel(llama, { ctxSize: 1024, cacheTypeK: 'q8_0', cacheTypeV: 'q4_0' }).context).toBe(
      4 * 1024 * (4 * 34 + 4 * 18),
    );
    expect(measureModel(llama, { ctxSize: 1024, parallel: 3 }).context).toBe(4 * 3 * 512 * 2 * 128 * 2);
  });

  it('layers with a sliding window have a shorter cache, unless it is to be full', () => {
    const row = 2 * 128 * 2;
    const context = (options: ModelOptions): number => measureModel(gemma2, { parallel: 1, ...options }).context;
    expect(context({ ctxSize: 4096, ubatchSize: 256 })).toBe(2 * (4096 + 768) * row);
    expect(context({ ctxSize: 4096, ubatchSize: 300 })).toBe(2 * (4096 + 1024) * row);
    expect(context({ ctxSize: 512, ubatchSize: 300 })).toBe(2 * (512 + 512) * row);
    expect(context({ ctxSize: 4096, swaFull: true })).toBe(4 * 4096 * row);
    // Split: each sequence has a window of its own. Unified: all windows lie in one cache.
    expect(context({ ctxSize: 8192, ubatchSize: 256, parallel: 2 })).toBe(2 * 2 * (4096 + 768) * row);
    expect(context({ ctxSize: 8192, ubatchSize: 256, parallel: 2, kvUnified: true })).toBe(2 * (8192 + 1280) * row);
  });

  it('the compute buffer is that of a full batch, whichever phase is asked for', () => {
    const prompt = measureModel(llama, { ctxSize: 1024 });
    const token = measureModel(llama, { ctxSize: 1024, phase: 'tg' });
    expect(token.compute).toBe(prompt.compute);
    expect(token.measurement.bufferSize).toBeLessThan(prompt.compute);
    expect(prompt.plan.bufferSize).toBe(prompt.compute);
    expect(prompt.total).toBe(prompt.weights + prompt.context + prompt.compute);
  });

  it('can be planned in another way than llama.cpp plans', () => {
    const theirs = measureModel(llama, { flashAttention: false });
    const ours = measureModel(llama, { flashAttention: false }, { allocator: 'auto' });
    expect(ours.compute).toBeLessThanOrEqual(theirs.compute);
    expect(ours.plan.allocator).not.toBe('ggml');
  });
});

describe('graphs', () => {
  it('quantised keys and values are rotated if their heads are a multiple of 64', () => {
    const names = (options: ModelOptions): string[] =>
      measureModel(llama, options).graph.leafs.map(({ name, ne }) => `${name} ${ne[0]}`);
    expect(names({ cacheTypeK: 'q8_0' })).toContain('attn_inp_k_rot 64');
    expect(names({ cacheTypeK: 'q8_0' })).not.toContain('attn_inp_v_rot 64');
    expect(names({ cacheTypeV: 'q8_0' })).toContain('attn_inp_v_rot 64');
    expect(names({}).join()).not.toContain('_rot');
  });

  it('keys of 256 elements are rotated as a whole, values in parts of 64', async () => {
    const wide = { 'llama.attention.key_length': 256, 'llama.attention.value_length': 256 };
    const shapes = [0, 1, 2, 3].flatMap((layer): [string, readonly number[]][] => [
      [`blk.${layer}.attn_q.weight`, [256, 1024]],
      [`blk.${layer}.attn_k.weight`, [256, 512]],
      [`blk.${layer}.attn_v.weight`, [256, 512]],
      [`blk.${layer}.attn_output.weight`, [1024, 256]],
    ]);
    const gguf = await tinyLlama({
      metadata: { ...wide, 'llama.rope.dimension_count': 256 },
      tensors: Object.fromEntries(shapes),
    });
    const options: ModelOptions = { cacheTypeK: 'q8_0', cacheTypeV: 'q8_0' };
    expect(tensorsNamed(gguf, options, 'attn_inp_k_rot')[0].ne[0]).toBe(256);
    expect(tensorsNamed(gguf, options, 'attn_inp_v_rot')[0].ne[0]).toBe(64);
  });

  it('Phi-3 turns by the long factors beyond the context that it was first trained on', async () => {
    const phi3 = await tinyPhi3();
    const factors = (ctxSize: number): string[] =>
      measureModel(phi3, { ctxSize })
        .graph.leafs.map(({ name }) => name)
        .filter((name) => name.startsWith('rope_factors'));
    expect(factors(512)).toEqual(['rope_factors_short.weight']);
    expect(factors(768)).toEqual(['rope_factors_long.weight']);
    // What counts is the context of one sequence.
    expect(measureModel(phi3, { ctxSize: 1024, parallel: 2 }).graph.leafs.map(({ name }) => name)).toContain(
      'rope_factors_short.weight',
    );
  });

  it('a model without output weights ends with those of its embedding', async () => {
    const [tied] = tensorsNamed(llama, {}, 'result_output');
    expect(tied.sources[0]!.name).toBe('token_embd.weight');
    const own = await tinyLlama({ tensors: { 'output.weight': [256, 512] } });
    expect(tensorsNamed(own, {}, 'result_output')[0].sources[0]!.name).toBe('output.weight');
  });
});

describe('refusals name what is at fault', () => {
  it.each<[ModelOptions, string]>([
    [{ ctxSize: -1 }, 'ctxSize'],
    [{ ctxSize: 2 ** 40 }, 'ctxSize'],
    [{ ctxSize: 1.5 }, 'ctxSize'],
    [{ ctxSize: 100, parallel: 257 }, 'parallel'],
    [{ parallel: 0 }, 'parallel'],
    [{ batchSize: 0 }, 'batchSize'],
    [{ ubatchSize: Number.NaN }, 'ubatchSize'],
    [{ flashAttention: 'maybe' as 'auto' }, 'flashAttention'],
    [{ cacheTypeK: 'q2_K' }, 'cacheTypeK'],
    [{ cacheTypeV: 'q8_0', flashAttention: false }, 'cacheTypeV'],
    [{ outputs: -3 }, 'outputs'],
    [{ outputs: 3, parallel: 4 }, 'outputs'],
    [{ batchSize: 3, parallel: 4 }, 'batchSize'],
    [{ program: 'library', ctxSize: 3, parallel: 4 }, 'batchSize'],
    [{ batchSize: 3 }, 'batchSize'],
    [{ program: 'library', parallel: -1 }, 'parallel'],
    [{ parallel: -2 }, 'parallel'],
    [{ program: 'ollama' as 'server' }, 'program'],
    [{ phase: 'train' as 'pp' }, 'phase'],
  ])('option %j', (options, culprit) => {
    expect(errorOf(() => measureModel(llama, options))).toMatchObject({ code: 'BAD_ARGUMENT', culprit });
  });

  it.each<[Changes, string]>([
    [{ metadata: { 'general.architecture': undefined } }, 'general.architecture'],
    [{ metadata: { 'llama.block_count': undefined } }, 'llama.block_count'],
    [{ metadata: { 'llama.block_count': 100_000 } }, 'llama.block_count'],
    [{ metadata: { 'llama.block_count': 'four' } }, 'llama.block_count'],
    [{ metadata: { 'llama.embedding_length': 0 } }, 'llama.embedding_length'],
    [{ metadata: { 'llama.vocab_size': undefined } }, 'llama.vocab_size'],
    [{ metadata: { 'llama.attention.head_count': 3 } }, 'head length'],
    [{ metadata: { 'llama.attention.head_count': 0 } }, 'head length'],
    [{ metadata: { 'llama.attention.head_count_kv': 4 } }, 'blk.0.attn_k.weight'],
    [{ metadata: { 'llama.expert_count': 8 } }, 'llama.expert_used_count'],
    [{ metadata: { 'llama.block_count': 5 } }, 'blk.4.attn_norm.weight'],
    [{ tensors: { 'blk.2.ffn_up.weight': undefined } }, 'blk.2.ffn_up.weight'],
    [{ tensors: { 'blk.2.ffn_up.weight': [768, 256] } }, 'blk.2.ffn_up.weight'],
    [{ tensors: { 'blk.1.attn_q.bias': [255] } }, 'blk.1.attn_q.bias'],
    [{ tensors: { 'token_embd.weight': [256, 511] } }, 'token_embd.weight'],
  ])('header %j', async (changes, culprit) => {
    const gguf = await tinyLlama(changes);
    expect(errorOf(() => measureModel(gguf))).toMatchObject({ code: 'BAD_MODEL', culprit });
  });

  it('an architecture that nobody has heard of', async () => {
    const gguf = await tinyLlama({ metadata: { 'general.architecture': 'perceptron' } });
    expect(errorOf(() => measureModel(gguf))).toMatchObject({ code: 'UNKNOWN_ARCHITECTURE', value: 'perceptron' });
    expect(measureWeights(gguf)).toBe(measureWeights(llama));
  });

  it('whatever the numbers are, there is a measurement or a PlannerError', async () => {
    const keys = ['embedding_length', 'attention.head_count', 'attention.head_count_kv', 'rope.dimension_count'];
    const others = ['attention.key_length', 'attention.value_length', 'feed_forward_length', 'context_length'];
    const value = fc.oneof(fc.nat(600), fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1, -1, 0.5));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...keys, ...others), value, async (key, number) => {
        const gguf = await tinyLlama({ metadata: { [`llama.${key}`]: number } });
        try {
          expect(Number.isSafeInteger(measureModel(gguf).total)).toBe(true);
        } catch (error) {
          if (!(error instanceof PlannerError)) throw error;
        }
      }),
      { numRuns: 200 },
    );
  });
});
