/** Models whose attention sees only what an indexer chooses: the memory of the indexers, and what is refused. */
import { expect, it } from 'vitest';
import { cudaDevice } from '../../src/device/cuda.js';
import { readGguf } from '../../src/gguf/gguf.js';
import type { Gguf, GgufValue } from '../../src/gguf/types.js';
import { measureModel, type ModelOptions } from '../../src/models/index.js';
import { openModel } from '../../src/models/model-graph.js';
import { expectError } from '../support/expect-error.js';
import { describeShared, sharedPath } from '../support/shared.js';

const CONTEXT = 512;

interface Change {
  readonly keys?: Readonly<Record<string, GgufValue | undefined>>;
  readonly without?: RegExp;
}

async function header(name: string, { keys = {}, without }: Change = {}): Promise<Gguf> {
  const gguf = await readGguf(sharedPath('archs', `${name}.gguf`));
  const own = Object.entries(keys).map(([key, value]) => [`${name}.${key}`, value]);
  const metadata = { ...gguf.metadata, ...Object.fromEntries(own) } as Record<string, GgufValue>;
  return { ...gguf, metadata, types: {}, tensors: gguf.tensors.filter((tensor) => !without?.test(tensor.name)) };
}

const bytes = (gguf: Gguf, options: ModelOptions = {}): number =>
  measureModel(gguf, { ctxSize: CONTEXT, parallel: 1, ...options }).context;

/** Bytes of the rows of one layer, in f16. */
const rows = (length: number, cells = CONTEXT): number => 2 * length * cells;
const [LATENT, KEY] = [576, 64];

describeShared('the cache of indexers', () => {
  it('holds one key of one head per token in each layer, and no values', async () => {
    const gguf = await header('deepseek32');
    expect(bytes(gguf)).toBe(2 * (rows(LATENT) + rows(KEY)));
    expect(bytes(gguf, { ctxSize: 2 * CONTEXT, parallel: 2 })).toBe(4 * (rows(LATENT) + rows(KEY)));
    expect(bytes(gguf, { cacheTypeK: 'q8_0', cacheTypeV: 'q8_0' })).toBe(
      ((2 * rows(LATENT) + 2 * rows(KEY)) * 17) / 32,
    );
  });

  it('leaves out layers that share the choice of another', async () => {
    const gguf = await header('glm-dsa', { keys: { 'attention.indexer.types': [1, 0] }, without: /blk\.1\.indexer/ });
    expect(bytes(gguf)).toBe(2 * rows(LATENT) + rows(KEY));
    expect(bytes(await header('glm-dsa'))).toBe(2 * (rows(LATENT) + rows(KEY)));
  });

  it('stands beside a cache for a window', async () => {
    const gguf = await header('dots3note');
    expect(bytes(gguf, { ubatchSize: 64 })).toBe(rows(LATENT) + rows(KEY) + rows(LATENT, 256));
    expect(bytes(gguf, { swaFull: true })).toBe(2 * rows(LATENT) + rows(KEY));
  });

  it('holds values that nothing reads where keys and values are apart', async () => {
    const gguf = await header('minimax-m3');
    expect(bytes(gguf)).toBe(4 * rows(256) + rows(KEY) + rows(128));
    expect(bytes(gguf, { flashAttention: false })).toBe(4 * rows(256) + rows(KEY) + rows(128));
  });
});

describeShared('attention to blocks', () => {
  const operations = async (options: ModelOptions): Promise<Set<string>> => {
    const run = { ctxSize: CONTEXT, ubatchSize: 64, ...options };
    return new Set(
      openModel(await header('minimax-m3'), run)
        .graph('pp')
        .nodes.map(({ op }) => op),
    );
  };

  it('needs flash attention, and a stream for each sequence', async () => {
    expect(await operations({ parallel: 1, flashAttention: true })).toContain('POOL_2D');
    expect(await operations({ parallel: 2, flashAttention: true, kvUnified: false })).toContain('POOL_2D');
    expect(await operations({ parallel: 1, flashAttention: false })).not.toContain('POOL_2D');
    expect(await operations({ parallel: 2, flashAttention: true, kvUnified: true })).not.toContain('POOL_2D');
  });
});

describeShared('an indexer on a GPU', () => {
  it.each(['deepseek32', 'glm-dsa', 'dots3note', 'minimax-m3'])('of %s has a place', async (name) => {
    const machine = measureModel(await header(name), {
      ctxSize: CONTEXT,
      parallel: 1,
      devices: [cudaDevice({ totalBytes: 2 ** 33 })],
    });
    expect(machine.devices.length).toBeGreaterThan(1);
  });
});

describeShared('refused of sparse attention', () => {
  it.each<[string, string, Change, string]>([
    [
      'a list that begins without an indexer',
      'glm-dsa',
      { keys: { 'attention.indexer.types': [0, 1] } },
      'glm-dsa.attention.indexer.types',
    ],
    [
      'a key shorter than the turned part',
      'deepseek32',
      { keys: { 'attention.indexer.key_length': 32 } },
      'deepseek32.attention.indexer.key_length',
    ],
    [
      'a cached row of another length',
      'deepseek32',
      { keys: { 'attention.key_length': 512 } },
      'deepseek32.attention.key_length',
    ],
    [
      'heads that are not compressed',
      'glm-dsa',
      { keys: { 'attention.key_length_mla': 0 } },
      'glm-dsa.attention.key_length_mla',
    ],
    [
      'two cached heads',
      'deepseek32',
      { keys: { 'attention.head_count_kv': 2 } },
      'deepseek32.attention.head_count_kv',
    ],
    ['a missing indexer', 'deepseek32', { without: /blk\.1\.indexer\.proj/ }, 'blk.1.indexer.proj.weight'],
    [
      'a layer without window and indexer',
      'dots3note',
      { keys: { 'attention.indexer.types': [0, 0] } },
      'dots3note.attention.indexer.types',
    ],
    [
      'a cached row in a window of another length',
      'dots3note',
      { keys: { 'attention.key_length_swa': 512 } },
      'dots3note.attention.key_length_swa',
    ],
    [
      'no base of turns in a window',
      'dots3note',
      { keys: { 'rope.freq_base_swa': undefined } },
      'dots3note.rope.freq_base_swa',
    ],
    [
      'an indexer with too many heads',
      'minimax-m3',
      { keys: { 'attention.indexer.head_count': 4 } },
      'attention.indexer.head_count',
    ],
    [
      'blocks of no length',
      'minimax-m3',
      { keys: { 'attention.indexer.block_size': 0 } },
      'minimax-m3.attention.indexer.block_size',
    ],
    [
      'a router without function',
      'minimax-m2',
      { keys: { expert_gating_func: undefined } },
      'minimax-m2.expert_gating_func',
    ],
    [
      'no length of experts',
      'glm4moe',
      { keys: { expert_feed_forward_length: undefined } },
      'glm4moe.expert_feed_forward_length',
    ],
    ['layers that are not there', 'glm4', { keys: { nextn_predict_layers: 1 } }, 'blk.1.nextn.eh_proj.weight'],
  ])('%s', async (_, name, change, culprit) => {
    const gguf = await header(name, change);
    expectError('BAD_MODEL', culprit, () =>
      measureModel(gguf, { ctxSize: CONTEXT, parallel: 1, flashAttention: true }),
    );
  });
});
