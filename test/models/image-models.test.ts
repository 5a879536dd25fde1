/** What decoders of images and of loops do beyond their recorded graphs. */
import { expect, it } from 'vitest';
import type { Gguf } from '../../src/gguf/types.js';
import { cudaDevice } from '../../src/device/cuda.js';
import { measureModel, type ModelOptions } from '../../src/models/index.js';
import { expectError } from '../support/expect-error.js';
import { describeShared } from '../support/shared.js';
import { changedHeader, type HeaderChange } from '../support/changed-header.js';

const WIDTH = 256;
const TOKENS = 64;
const OPTIONS: ModelOptions = { ctxSize: 512, ubatchSize: TOKENS, parallel: 1 };

type Listed = ReturnType<typeof measureModel>['graph']['nodes'][number];

const graphOf = (gguf: Gguf): ReturnType<typeof measureModel>['graph'] => measureModel(gguf, OPTIONS).graph;
const nodeNames = (gguf: Gguf): string[] => graphOf(gguf).nodes.map(({ name }) => name);
const find = (gguf: Gguf, wanted: string): Listed => {
  const { nodes, leafs } = graphOf(gguf);
  return [...nodes, ...leafs].find(({ name }) => name === wanted)!;
};

describeShared('models of images', () => {
  it('give the first layers further embeddings of an image', async () => {
    const gguf = await changedHeader('qwen3vl', { keys: { n_deepstack_layers: 1 } });
    const sum = find(gguf, 'deepstack_out-0');
    const [result, more] = sum.sources;
    expect(result!.name).toBe('l_out-0');
    expect(more!.ne).toEqual([WIDTH, TOKENS, 1, 1]);
    expect(more!.nb[1]).toBe(2 * WIDTH * 4);
    expect(more!.viewOffset).toBe(WIDTH * 4);
    expect(more!.root.op).toBe('PAD');
    expect(more!.root.ne[0]).toBe(2 * WIDTH);
    expect(find(gguf, 'inp_embd').ne).toEqual([2 * WIDTH, TOKENS, 1, 1]);
    expect(nodeNames(gguf)).not.toContain('deepstack_out-1');
  });

  it('need no padding where no layer gets any', async () => {
    expect(nodeNames(await changedHeader('qwen3vlmoe')).filter((name) => name.startsWith('deepstack'))).toEqual([]);
  });

  it('turn tokens with four positions if the file says how', async () => {
    const positions = (gguf: Gguf): number => {
      const turned = graphOf(gguf).nodes.find(({ op }) => op === 'ROPE')!;
      return turned.sources[1]!.ne[0];
    };
    const keys = { 'rope.dimension_sections': undefined };
    expect(positions(await changedHeader('hunyuan_vl'))).toBe(4 * TOKENS);
    expect(positions(await changedHeader('hunyuan_vl', { keys }))).toBe(TOKENS);
    expect(positions(await changedHeader('hunyuan-dense'))).toBe(TOKENS);
    expect(positions(await changedHeader('paddleocr', { keys }))).toBe(4 * TOKENS);
  });
});

describeShared('a model that runs through its layers again', () => {
  const twice = { keys: { num_loops: 2 } };

  it('caches every loop and loads the weights once', async () => {
    const [plain, looped] = [await changedHeader('nanbeige'), await changedHeader('nanbeige', twice)];
    const [once, again] = [measureModel(plain, OPTIONS), measureModel(looped, OPTIONS)];
    expect(again.weights).toBe(once.weights);
    expect(again.context).toBe(2 * once.context);
    const products = (gguf: Gguf): number =>
      graphOf(gguf).nodes.filter((node) => node.sources[0]?.name === 'blk.1.ffn_down.weight').length;
    expect([products(plain), products(looped)]).toEqual([1, 2]);
  });

  it('normalises the end of every loop unless the file says otherwise', async () => {
    const loopNorms = (gguf: Gguf): string[] => nodeNames(gguf).filter((name) => name.startsWith('loop_norm'));
    expect(loopNorms(await changedHeader('nanbeige', twice))).toEqual(['loop_norm-1']);
    const skipped = { keys: { num_loops: 2, skip_loop_final_norm: true } };
    expect(loopNorms(await changedHeader('nanbeige', skipped))).toEqual([]);
  });

  it('has the divisors of frequencies where its stored layers are', async () => {
    const devices = [0, 1].map((index) => cudaDevice({ totalBytes: 2 ** 33, index }));
    const gguf = await changedHeader('nanbeige', { keys: { num_loops: 3 } });
    const second = measureModel(gguf, { ...OPTIONS, devices }).devices.find(({ name }) => name === 'CUDA1')!;
    // The output's matrix and norm: both stored layers are on the first device.
    expect(second.weights).toBe(WIDTH * 128 * 4 + WIDTH * 4);
  });

  it('has room for the graph of many loops', async () => {
    expect(nodeNames(await changedHeader('nanbeige', { keys: { num_loops: 50 } })).length).toBeGreaterThan(3000);
  });
});

describeShared('mixtures', () => {
  it('of ERNIE compute only the non-linearity in layers between two with experts', async () => {
    const gguf = await changedHeader('ernie4_5-moe', {
      keys: { interleave_moe_layer_step: 3, leading_dense_block_count: 1 },
    });
    expect(find(gguf, 'l_out-1').sources[0]!.op).toBe('SILU');
    expect(nodeNames(gguf)).toContain('ffn_up-1');
  });

  it('of Hunyuan V3 neither load nor cache the layers that predict further tokens', async () => {
    const gguf = await changedHeader('hy_v3', {
      keys: { nextn_predict_layers: 1 },
      tensors: {
        'blk.1.nextn.eh_proj.weight': [2 * WIDTH, WIDTH],
        'blk.1.nextn.enorm.weight': [WIDTH],
        'blk.1.nextn.hnorm.weight': [WIDTH],
      },
    });
    const [all, one] = [measureModel(await changedHeader('hy_v3'), OPTIONS), measureModel(gguf, OPTIONS)];
    expect(one.context).toBe(all.context / 2);
    expect(one.weights).toBeLessThan(all.weights);
    expect(nodeNames(gguf)).not.toContain('l_out-1');
  });
});

describeShared('refused, by the name of what is at fault', () => {
  it.each<[string, string, HeaderChange, string]>([
    ['no list of positions', 'qwen2vl', { keys: { 'rope.dimension_sections': undefined } }, 'rope.dimension_sections'],
    ['three positions', 'qwen3vl', { keys: { 'rope.dimension_sections': [8, 8, 8] } }, 'rope.dimension_sections'],
    ['three positions, unread', 'ernie4_5', { keys: { 'rope.dimension_sections': [8, 8, 8] } }, 'dimension_sections'],
    ['more loops than layers allowed', 'nanbeige', { keys: { num_loops: 257 } }, 'num_loops'],
    ['no loop', 'nanbeige', { keys: { num_loops: 0 } }, 'num_loops'],
    ['no step between layers with experts', 'ernie4_5-moe', { keys: { interleave_moe_layer_step: 0 } }, 'layer_step'],
    ['experts of no length', 'ernie4_5-moe', { keys: { expert_feed_forward_length: 0 } }, 'expert_feed_forward_length'],
    ['half a head that turns', 'seed_oss', { keys: { 'rope.dimension_count': 64 } }, 'head length'],
    ['no matrices for images', 'cogvlm', { drop: /vis_gate/ }, 'blk.0.vis_gate.weight'],
    ['deepstack beyond the last layer', 'qwen3vl', { keys: { n_deepstack_layers: 2 } }, ''],
    [
      'a layer for further tokens without norm',
      'hy_v3',
      {
        keys: { nextn_predict_layers: 1 },
        tensors: { 'blk.1.nextn.eh_proj.weight': [2 * WIDTH, WIDTH] },
      },
      'blk.1.nextn.enorm.weight',
    ],
  ])('%s: %s', async (_, name, changes, culprit) => {
    const gguf = await changedHeader(name, changes);
    expectError('BAD_MODEL', new RegExp(`^BAD_MODEL .*${culprit.replaceAll('.', '\\.')}`), () =>
      measureModel(gguf, { ...OPTIONS, outputs: 1 }),
    );
  });
});
