/** Headers with other numbers and tensors than the recorded ones; llama.cpp itself said what its graphs then have. */
import { expect, it } from 'vitest';
import type { Gguf, GgufTensor } from '../../src/gguf/types.js';
import { measureModel, type ModelOptions } from '../../src/models/index.js';
import { elementType } from '../../src/tensor/element-type.js';
import { changedHeader, type HeaderChange } from '../support/changed-header.js';
import { expectError } from '../support/expect-error.js';
import { describeShared } from '../support/shared.js';

const SMALL: ModelOptions = { ctxSize: 512, ubatchSize: 64, parallel: 1, program: 'library' };

const nodeCount = (gguf: Gguf): number => measureModel(gguf, SMALL).graph.nodes.length;

/** A scale beside each matrix whose name matches. */
async function withScales(name: string, matrices: RegExp, change: HeaderChange = {}): Promise<Gguf> {
  const { tensors } = await changedHeader(name, change);
  const scaled = tensors.filter((tensor) => matrices.test(tensor.name));
  const add = scaled.map((tensor): GgufTensor => {
    const count = tensor.ne[2];
    const scale = tensor.name.replace(/weight$/, 'scale');
    return { name: scale, type: elementType('f32'), ne: [count, 1, 1, 1], bytes: 4 * count };
  });
  return changedHeader(name, { ...change, add: [...(change.add ?? []), ...add] });
}

/** The header with copies of its last layer up to `layers` layers. */
async function withLayers(name: string, layers: number): Promise<Gguf> {
  const { metadata, tensors } = await changedHeader(name);
  const count = Number(metadata[`${String(metadata['general.architecture'])}.block_count`]);
  const last = tensors.filter((tensor) => tensor.name.startsWith(`blk.${count - 1}.`));
  const add = Array.from({ length: layers - count }, (_, more) =>
    last.map((tensor) => ({ ...tensor, name: tensor.name.replace(/^blk\.\d+/, `blk.${count + more}`) })),
  );
  return changedHeader(name, { keys: { block_count: layers }, add: add.flat() });
}

describeShared('scales of matrices, as files in NVFP4 have them', () => {
  const FEED_FORWARD = /\.ffn_(gate|up|down)(_exps|_shexp)?\.weight$/;

  it.each([
    ['deepseek32', 184],
    ['glm-dsa', 184],
    ['dots3note', 172],
  ])('%s multiplies by those of its networks: %i nodes', async (name, nodes) => {
    expect(nodeCount(await withScales(name, FEED_FORWARD))).toBe(nodes);
  });

  it.each(['mimo2', 'olmo2', 'olmoe', 'step35', 'minimax-m2'])(
    '%s ignores those of queries, keys and values',
    async (name) => {
      const plain = await changedHeader(name);
      const scaled = await withScales(name, /\.attn_(q|k|v|qkv)\.weight$/);
      expect(scaled.tensors.length).toBeGreaterThan(plain.tensors.length);
      expect(nodeCount(scaled)).toBe(nodeCount(plain));
    },
  );
});

describeShared('heads', () => {
  it.each(['baichuan', 'dbrx', 'deepseek', 'dots1', 'internlm2', 'olmo', 'orion'])(
    'of %s turn as a whole, or llama.cpp stops',
    async (name) => {
      const gguf = await changedHeader(name, { keys: { 'rope.dimension_count': 64 } });
      expectError('BAD_MODEL', 'head length', () => measureModel(gguf, SMALL));
    },
  );

  it('of SmallThinker turn in every layer if it has no more than the period of those that do not', async () => {
    expect(nodeCount(await withLayers('smallthinker', 4))).toBe(203);
    expect(nodeCount(await withLayers('smallthinker', 5))).toBe(248);
  });

  it.each(['step35', 'mimo2', 'dots3note'])('of %s differ in number by layer', async (name) => {
    const plain = await changedHeader(name);
    const [count] = [plain.metadata[`${name}.attention.head_count`]].flat() as number[];
    // The second layer has twice as many.
    const twice: Record<string, readonly number[]> = {};
    for (const { name: part, ne } of plain.tensors) {
      const [n0, n1] = ne;
      if (/^blk\.1\.attn_(q|q_b|gate)\.weight$/.test(part)) twice[part] = [n0, 2 * n1];
      if (/^blk\.1\.attn_(output|sinks)\.weight$|^blk\.1\.attn_q\.bias$/.test(part)) twice[part] = [2 * n0, n1];
      if (/^blk\.1\.attn_(k|v)_b\.weight$/.test(part)) twice[part] = [n0, n1, 2 * count];
    }
    const keys = { 'attention.head_count': [count, 2 * count] };
    const gguf = await changedHeader(name, { keys, tensors: twice });
    expect(nodeCount(gguf)).toBe(nodeCount(plain));
    expect(measureModel(gguf, SMALL).weights).toBeGreaterThan(measureModel(plain, SMALL).weights);
  });

  it('of Step 3.5 may all have a window: divisors of frequencies are loaded nevertheless', async () => {
    const keys = { 'attention.sliding_window_pattern': [1, 1] };
    const weights = async (change: HeaderChange): Promise<number> =>
      measureModel(await changedHeader('step35', change), SMALL).weights;
    expect(await weights({ keys })).toBe(await weights({}));
  });
});
