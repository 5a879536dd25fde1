/** DeepSeek-V4: the caches of a window, of compressed rows and of incomplete groups, and what is refused. */
import { expect, it } from 'vitest';
import { cudaDevice } from '../../src/device/cuda.js';
import { readGguf } from '../../src/gguf/gguf.js';
import type { Gguf, GgufValue } from '../../src/gguf/types.js';
import { measureModel, type ModelOptions } from '../../src/models/index.js';
import { openModel } from '../../src/models/model-graph.js';
import { expectError } from '../support/expect-error.js';
import { describeShared, sharedPath } from '../support/shared.js';

const NAME = 'deepseek4';

async function header(keys: Readonly<Record<string, GgufValue | undefined>> = {}): Promise<Gguf> {
  const gguf = await readGguf(sharedPath('archs', `${NAME}.gguf`));
  const own = Object.entries(keys).map(([key, value]) => [`${NAME}.${key}`, value]);
  const metadata = { ...gguf.metadata, ...Object.fromEntries(own) } as Record<string, GgufValue>;
  return { ...gguf, metadata, types: {} };
}

const bytes = (gguf: Gguf, options: ModelOptions = {}): number =>
  measureModel(gguf, { ctxSize: 4096, ubatchSize: 64, parallel: 1, ...options }).context;

/** Four layers with a window of 128 tokens, two with rows of 4 tokens, one with rows of 128; keys of 128 and 64. */
function expected(window: number, context: number): number {
  const [key, index] = [128, 64];
  const rows = (ratio: number): number => Math.ceil(context / ratio / 256) * 256;
  const cached = 4 * key * window + 2 * (key + index) * rows(4) + key * rows(128);
  const kept = 2 * (2 * (2 * key + 2 * index) * 8 + key * 128);
  return 2 * cached + 4 * kept;
}

describeShared('the caches of DeepSeek-V4', () => {
  it('hold a window, rows for groups of tokens, and the groups that are not complete', async () => {
    const gguf = await header();
    expect(bytes(gguf)).toBe(expected(256, 4096));
    expect(bytes(gguf, { swaFull: true })).toBe(expected(4096, 4096));
    expect(bytes(gguf, { parallel: 2, kvUnified: false })).toBe(2 * expected(256, 2048));
  });

  it('keep sequences apart although one cache for all is asked for', async () => {
    expect(bytes(await header(), { parallel: 2, kvUnified: true })).toBe(2 * expected(256, 4096));
  });

  it('may be quantised', async () => {
    const gguf = await header();
    const types = { cacheTypeK: 'q8_0', cacheTypeV: 'q8_0' } as const;
    const run = { ctxSize: 4096, ubatchSize: 64, parallel: 1, flashAttention: true, ...types };
    expect(measureModel(gguf, run).context).toBeLessThan(bytes(gguf));
  });

  it('are turned if they are quantised, or as long as those of the indexer', async () => {
    const rotations = async (options: ModelOptions): Promise<number> => {
      const { leafs } = openModel(await header(), { ctxSize: 512, ubatchSize: 64, ...options }).graph('pp');
      return leafs.filter(({ name }) => name === 'attn_inp_k_rot').length;
    };
    expect(await rotations({ parallel: 1 })).toBe(1);
    expect(await rotations({ parallel: 1, flashAttention: true, cacheTypeK: 'q8_0', cacheTypeV: 'q8_0' })).toBe(4);
  });

  it('leave compressed rows out of a checkpoint, but not the groups that are not complete', async () => {
    const { checkpointBytes } = openModel(await header(), { ctxSize: 4096, ubatchSize: 64, parallel: 1 });
    const [key, index, window] = [128, 64, 128];
    const kept =
      2 * (4 + 2 * (28 + 4 * 8 * 2 * key)) + 4 + 2 * (28 + 4 * 128 * key) + 2 * (4 + 2 * (28 + 4 * 8 * 2 * index));
    const windowed = 4 + 4 + window * 12 + 8 + 4 * (12 + 2 * key * window);
    expect(checkpointBytes).toBe(8 + windowed + 12 + 3 * 24 + kept);
  });

  it('have a place on a GPU', async () => {
    const devices = [cudaDevice({ totalBytes: 2 ** 33 })];
    const machine = measureModel(await header(), { ctxSize: 512, parallel: 1, devices });
    expect(machine.devices.length).toBeGreaterThan(1);
  });
});

describeShared('refused of DeepSeek-V4', () => {
  it.each<[string, Readonly<Record<string, GgufValue | undefined>>, string]>([
    ['another number of lanes', { 'hyper_connection.count': 2 }, 'hyper_connection.count'],
    ['another function of the router', { expert_gating_func: 2 }, 'expert_gating_func'],
    ['an unknown ratio', { 'attention.compress_ratios': [0, 8, 128, 4] }, 'attention.compress_ratios'],
    ['too few ratios', { 'attention.compress_ratios': [0, 4, 128] }, 'attention.compress_ratios'],
    ['groups that do not share heads evenly', { 'attention.output_group_count': 3 }, 'attention.output_group_count'],
    ['several key heads', { 'attention.head_count_kv': 2 }, 'attention.head_count_kv'],
    ['values of another length', { 'attention.value_length': 64 }, 'attention.value_length'],
    ['no limit of the gate', { swiglu_clamp_exp: undefined }, 'swiglu_clamp_exp'],
    ['no factor of the shares', { expert_weights_scale: undefined }, 'expert_weights_scale'],
  ])('%s', async (_, keys, culprit) => {
    const gguf = await header(keys);
    expectError('BAD_MODEL', `${NAME}.${culprit}`, () => measureModel(gguf, { ctxSize: 512, parallel: 1 }));
  });

  it('does not count layers for further tokens that the file lacks', async () => {
    const gguf = await header({ nextn_predict_layers: 1 });
    expect(
      openModel(gguf, { ctxSize: 512 })
        .graph('tg')
        .nodes.some(({ name }) => name === 'l_last-3'),
    ).toBe(true);
  });

  it('different types of keys and values, which are cached as one', async () => {
    const gguf = await header();
    const types = { cacheTypeK: 'f16', cacheTypeV: 'q8_0' } as const;
    expectError('BAD_ARGUMENT', 'cacheTypeV', () => measureModel(gguf, { ctxSize: 512, parallel: 1, ...types }));
  });
});
