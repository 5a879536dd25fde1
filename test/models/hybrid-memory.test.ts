/** Models that keep a state in some layers, beside a cache in others. */
import { expect, it } from 'vitest';
import { readGguf } from '../../src/gguf/gguf.js';
import type { Gguf, GgufValue } from '../../src/gguf/types.js';
import { measureModel, type ModelOptions } from '../../src/models/index.js';
import { openModel } from '../../src/models/model-graph.js';
import { expectError } from '../support/expect-error.js';
import { describeShared, sharedPath } from '../support/shared.js';

const CONTEXT = 512;

/** A header of 256 elements, of which some keys are changed. */
async function header(name: string, keys: Readonly<Record<string, GgufValue>> = {}): Promise<Gguf> {
  const gguf = await readGguf(sharedPath('archs', `${name}.gguf`));
  const own = Object.entries(keys).map(([key, value]) => [`${name}.${key}`, value]);
  return { ...gguf, metadata: { ...gguf.metadata, ...(Object.fromEntries(own) as Record<string, GgufValue>) } };
}

/** Bytes of two caches of 256 elements of f16 in one layer. */
const cacheBytes = (cells: number): number => 2 * 256 * cells * 2;
/** Bytes of the state of one sequence in one layer. */
const stateBytes = (convolution: number, scan: number): number => (convolution + scan) * 4;

const bytes = (gguf: Gguf, options: ModelOptions = {}): number =>
  measureModel(gguf, { ctxSize: CONTEXT, parallel: 1, ...options }).context;

describeShared('a hybrid', () => {
  it('has a cache in layers with heads and a state in the others, one row per sequence', async () => {
    const gguf = await header('jamba');
    const state = stateBytes(3 * 512, 128 * 512);
    expect(bytes(gguf)).toBe(cacheBytes(CONTEXT) + state);
    expect(bytes(gguf, { parallel: 2, kvUnified: true })).toBe(cacheBytes(CONTEXT) + 2 * state);
    const types = { cacheTypeK: 'q8_0', cacheTypeV: 'q8_0' };
    expect(bytes(gguf, types)).toBe((cacheBytes(CONTEXT) * 17) / 32 + state);
  });

  it('convolves the gates of all groups in Mamba 2', async () => {
    const state = stateBytes(3 * (512 + 2 * 2 * 128), 128 * 512);
    expect(bytes(await header('granitehybrid'))).toBe(cacheBytes(CONTEXT) + state);
    expect(bytes(await header('mamba2'))).toBe(2 * state);
  });

  it('has both in every layer of Falcon-H1, and neither in the networks of Nemotron-H', async () => {
    const state = stateBytes(3 * (512 + 2 * 2 * 128), 128 * 512);
    expect(bytes(await header('falcon-h1'))).toBe(2 * (cacheBytes(CONTEXT) + state));
    expect(bytes(await header('nemotron_h'))).toBe(cacheBytes(CONTEXT) + state);
  });

  it('has no cache at all if no layer has heads', async () => {
    const gguf = await header('jamba', { 'attention.head_count_kv': [0, 0] });
    const own = gguf.tensors.filter(({ name }) => !name.startsWith('blk.0.'));
    const twins = own.filter(({ name }) => name.startsWith('blk.1.'));
    const tensors = [...own, ...twins.map((twin) => ({ ...twin, name: twin.name.replace('blk.1.', 'blk.0.') }))];
    const { context, isRecurrent, graph } = measureModel({ ...gguf, tensors }, { ctxSize: CONTEXT, parallel: 1 });
    expect({ context, isRecurrent }).toEqual({ context: 2 * stateBytes(3 * 512, 128 * 512), isRecurrent: true });
    expect(graph.nodes.filter(({ op }) => op === 'SSM_SCAN').length).toBe(2);
  });

  it('keeps the last columns alone of a short convolution', async () => {
    expect(bytes(await header('lfm2moe'))).toBe(cacheBytes(CONTEXT) + stateBytes(2 * 256, 0));
  });

  it('is none of constant size', async () => {
    expect(measureModel(await header('jamba')).isRecurrent).toBe(false);
    expect(measureModel(await header('mamba2')).isRecurrent).toBe(true);
  });

  it('copies only its state to a checkpoint', async () => {
    const rows = stateBytes(3 * 512, 128 * 512);
    const { checkpointBytes } = openModel(await header('jamba'), { ctxSize: CONTEXT });
    // Mark and sequence, a count of cells, position and sequences of the cell, two counts, two heads of rows.
    expect(checkpointBytes).toBe(8 + 4 + 8 + 8 + 2 * 12 + rows);
  });

  it('has a short cache where attention has a window, and copies it, too', async () => {
    const gguf = await header('lfm2');
    const options = { ctxSize: 1024, ubatchSize: 64, parallel: 1 };
    const state = stateBytes(2 * 256, 0);
    expect(measureModel(gguf, options).context).toBe(cacheBytes(256) + state);
    expect(measureModel(gguf, { ...options, swaFull: true }).context).toBe(cacheBytes(1024) + state);
    // Two rows of 16 tokens with their positions, ahead of the state.
    const window = 4 + 4 + 16 * 12 + 8 + 2 * (12 + 16 * 256 * 2);
    const { checkpointBytes } = openModel(gguf, options);
    expect(checkpointBytes).toBe(8 + window + 4 + 8 + 8 + 2 * 12 + state);
  });

  it('turns what it quantises only without a window', async () => {
    const rotations = (gguf: Gguf): number => {
      const { graph } = measureModel(gguf, { ctxSize: CONTEXT, cacheTypeK: 'q8_0', cacheTypeV: 'q8_0' });
      return graph.leafs.filter(({ name }) => name.endsWith('_rot')).length;
    };
    expect(rotations(await header('lfm2moe'))).toBe(2);
    expect(rotations(await header('lfm2'))).toBe(0);
  });

  it('sees tokens on both sides in a convolution that is not causal', async () => {
    const { graph } = measureModel(await header('lfm2', { 'attention.causal': false }), { ctxSize: CONTEXT });
    expect(graph.nodes.filter(({ op }) => op === 'PAD').length).toBe(1);
  });

  it('scores no tokens in LFM2 where embeddings are wanted, which one more matrix changes', async () => {
    const { graph } = measureModel(await header('lfm2'), { ctxSize: CONTEXT, embeddings: true, pooling: 'cls' });
    const names = graph.nodes.map(({ name }) => name);
    expect(names).not.toContain('result_output');
    expect(names.slice(-3)).toEqual(['result_embd_pooled', expect.stringMatching(/^node_/), 'result_embd_pooled']);
  });

  it('turns heads unless the file says that they do not', async () => {
    const turns = (gguf: Gguf): number => measureModel(gguf).graph.nodes.filter(({ op }) => op === 'ROPE').length;
    expect(turns(await header('granitehybrid'))).toBe(2);
    expect(turns(await header('granitehybrid', { 'rope.scaling.finetuned': false }))).toBe(0);
  });
});

describeShared('refused, by the name of what is at fault', () => {
  it.each<[string, string, Readonly<Record<string, GgufValue>>, string]>([
    ['inner rows of another width', 'jamba', { 'ssm.inner_size': 384 }, 'jamba.ssm.inner_size'],
    ['inner rows of another width', 'granitehybrid', { 'ssm.inner_size': 768 }, 'granitehybrid.ssm.inner_size'],
    ['heads that do not fill the inner rows', 'mamba2', { 'ssm.time_step_rank': 3 }, 'mamba2.ssm.time_step_rank'],
    ['groups that do not fill the inner rows', 'mamba2', { 'ssm.group_count': 3 }, 'mamba2.ssm.group_count'],
    ['no group', 'mamba2', { 'ssm.group_count': 0 }, 'mamba2.ssm.group_count'],
    ['heads that do not share equally', 'jamba', { 'attention.head_count_kv': [3, 0] }, 'number of heads'],
    ['groups where there must be none', 'plamo2', { 'ssm.group_count': 2 }, 'plamo2.ssm.group_count'],
    ['heads that do not fill the inner rows', 'plamo2', { 'ssm.time_step_rank': 3 }, 'plamo2.ssm.time_step_rank'],
    ['a convolution of one token', 'lfm2', { 'shortconv.l_cache': 1 }, 'lfm2.shortconv.l_cache'],
    [
      'heads of another width',
      'lfm2',
      { 'attention.key_length': 64, 'attention.value_length': 64 },
      'length of all heads',
    ],
    ['no experts', 'lfm2moe', { expert_count: 0, expert_used_count: 0 }, 'lfm2moe.expert_count'],
    ['a network where a scan is', 'nemotron_h', { feed_forward_length: [0, 384, 384] }, 'blk.1.ffn_up.weight'],
    ['layers that predict tokens', 'nemotron_h', { nextn_predict_layers: 1 }, 'blk.2.nextn.enorm.weight'],
    ['a cache in all layers', 'jamba', { 'attention.head_count_kv': [2, 2] }, 'blk.1.attn_q.weight'],
  ])('%s: %s', async (_, name, keys, culprit) => {
    const gguf = await header(name, keys);
    expectError('BAD_MODEL', culprit, () => measureModel(gguf));
  });
});
