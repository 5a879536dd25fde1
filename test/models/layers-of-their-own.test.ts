/** Plain decoders with layers of their own kind: what they build besides the recordings, and what llama.cpp refuses. */
import { expect, it } from 'vitest';
import type { Gguf, GgufTensor, GgufValue } from '../../src/gguf/types.js';
import { cpuDevice, cudaDevice } from '../../src/device/index.js';
import { readGguf } from '../../src/gguf/gguf.js';
import { fitModel, measureModel, type ModelOptions } from '../../src/models/index.js';
import { elementType } from '../../src/tensor/element-type.js';
import { changedHeader, type HeaderChange } from '../support/changed-header.js';
import { expectError } from '../support/expect-error.js';
import { describeShared, sharedPath } from '../support/shared.js';

const SMALL: ModelOptions = { ctxSize: 512, ubatchSize: 64, parallel: 1 };
/** Bytes of the keys, or of the values, of 256 elements in one layer. */
const CACHED = 512 * 256 * 2;

function tensor(name: string, ...ne: number[]): GgufTensor {
  const [n0, n1 = 1, n2 = 1] = ne;
  return { name, type: elementType('f32'), ne: [n0, n1, n2, 1], bytes: 4 * n0 * n1 * n2 };
}

const nodesOf = (gguf: Gguf, options: ModelOptions = SMALL): readonly string[] =>
  measureModel(gguf, options).graph.nodes.map(({ name }) => name);

describeShared('Deci', () => {
  it('caches nothing in a layer with one matrix for attention, but pads transposed values', async () => {
    const gguf = await changedHeader('deci', {
      keys: { 'attention.head_count_kv': [2, 0] },
      drop: /^blk\.1\.attn_[qkv]\./,
    });
    const { context, graph } = measureModel(gguf, SMALL);
    expect(context).toBe(2 * CACHED);
    expect(graph.nodes.map(({ name }) => name)).toContain('wo-1');
    expect(measureModel(gguf, { ...SMALL, flashAttention: false }).context).toBe(3 * CACHED);
  });

  it('adds nothing to the residual in a layer without attention', async () => {
    const keys = { 'attention.head_count': [2, 0], 'attention.head_count_kv': [2, 0] };
    const nodes = nodesOf(await changedHeader('deci', { keys, drop: /^blk\.1\.attn_(norm|[qkvo].*)\./ }));
    expect(nodes).toContain('ffn_inp-0');
    expect(nodes).not.toContain('ffn_inp-1');
  });

  it('drops the result of attention where no network follows, and keeps all tokens', async () => {
    const keys = { feed_forward_length: [384, 0] };
    const gguf = await changedHeader('deci', { keys, drop: /^blk\.1\.ffn_/ });
    const { nodes } = measureModel(gguf, SMALL).graph;
    expect(nodes.some(({ name }) => name === 'kqv_out-1')).toBe(true);
    expect(nodes.some(({ name }) => name === 'l_out-1')).toBe(false);
    expect(nodes.at(-1)!.ne[1]).toBe(64);
  });
});

describeShared('OpenELM', () => {
  it('has other numbers of heads in each layer; transposed values are as wide as the widest', async () => {
    const gguf = await changedHeader('openelm', {
      keys: { 'attention.head_count_kv': [2, 1] },
      drop: /^blk\.1\.attn_qkv\./,
      add: [tensor('blk.1.attn_qkv.weight', 256, 512)],
    });
    expect(measureModel(gguf, SMALL).context).toBe(3 * CACHED);
    expect(measureModel(gguf, { ...SMALL, flashAttention: false }).context).toBe(3.5 * CACHED);
  });
});

describeShared('Grok', () => {
  it('never uses flash attention, so that values are not quantised', async () => {
    const gguf = await changedHeader('grok', {});
    for (const flashAttention of [true, false, 'auto'] as const) {
      const { run, graph } = measureModel(gguf, { ...SMALL, flashAttention });
      expect(run.flashAttention).toBe(false);
      expect(run.hasTransposedValues).toBe(true);
      expect(graph.nodes.filter(({ op }) => op === 'FLASH_ATTN_EXT')).toEqual([]);
    }
    expectError('BAD_ARGUMENT', 'cacheTypeV', () => measureModel(gguf, { ...SMALL, cacheTypeV: 'q8_0' }));
  });

  it.each<[Readonly<Record<string, GgufValue>>, number, number]>([
    [{}, 0, 2],
    [{ 'rope.scaling.yarn_ext_factor': 0.5 }, 0.5, 1],
  ])('turns by YaRN as far as the file says: %j', async (keys, extFactor, attnFactor) => {
    const gguf = await changedHeader('grok', { keys: { 'rope.scaling.yarn_attn_factor': 2, ...keys } });
    const turn = measureModel(gguf, SMALL).graph.nodes.find(({ op }) => op === 'ROPE')!;
    expect(turn.params).toMatchObject({ extFactor, attnFactor });
  });

  it('does without a dense network, with a norm of another name', async () => {
    const drop = /\.(ffn_(up|gate|down)|layer_output_norm)\./;
    const post = [0, 1].map((layer) => tensor(`blk.${layer}.post_ffw_norm.weight`, 256));
    const found = await changedHeader('grok', { drop, add: post });
    const nodes = nodesOf(found);
    expect(nodes).toContain('ffn_post_norm-1');
    expect(nodes).not.toContain('ffn_out-1');
  });
});

describeShared('CodeShell', () => {
  it('reads two copies of the output’s matrix where it is the embedding, too', async () => {
    const { graph, weights } = measureModel(await changedHeader('codeshell-min', {}), SMALL);
    expect(graph.leafs.filter(({ name }) => name === 'output.weight')).toHaveLength(2);
    const { weights: own } = measureModel(
      await changedHeader('codeshell-min', { add: [tensor('token_embd.weight', 256, 128)] }),
      SMALL,
    );
    expect(weights).toBe(own);
  });
});

describeShared('Chameleon', () => {
  it('normalises after attention and network if the file says so', async () => {
    const nodes = nodesOf(await changedHeader('chameleon', { keys: { swin_norm: true } }));
    expect(nodes).not.toContain('attn_norm-0');
    expect(nodes.indexOf('ffn_norm-0')).toBeGreaterThan(nodes.indexOf('ffn_inp-0'));
    expect(nodes.at(-1)).toBe('result_output');
  });
});

describeShared('StableLM', () => {
  it('reads what attention reads in a layer without a norm for the network', async () => {
    const nodes = nodesOf(await changedHeader('stablelm', { drop: /^blk\.1\.ffn_norm\./ }));
    expect(nodes).toContain('ffn_norm-0');
    expect(nodes).not.toContain('ffn_norm-1');
  });
});

describeShared('MPT', () => {
  it('normalises rows of heads only one token at a time, as llama.cpp does', async () => {
    const gguf = await changedHeader('mpt', {
      add: [0, 1].map((layer) => tensor(`blk.${layer}.attn_q_norm.weight`, 256)),
    });
    const { graph } = measureModel(gguf, { ...SMALL, ubatchSize: 1 });
    expect(graph.nodes.filter(({ op }) => op === 'NORM')).toHaveLength(2 * 4 + 1);
    expectError('BAD_MODEL', '', () => measureModel(gguf, SMALL));
  });
});

describeShared('GroveMoE', () => {
  const halves: HeaderChange = {
    keys: { experts_per_group: 2 },
    drop: /_chexps\./,
    add: [0, 1].flatMap((layer) => [
      tensor(`blk.${layer}.ffn_gate_chexps.weight`, 256, 128, 1),
      tensor(`blk.${layer}.ffn_up_chexps.weight`, 256, 128, 1),
      tensor(`blk.${layer}.ffn_down_chexps.weight`, 128, 256, 1),
    ]),
  };

  it('finds the groups of experts by division', async () => {
    const nodes = nodesOf(await changedHeader('grovemoe', halves));
    expect(nodes).toContain('ffn_moe_topk-0 (copy)');
  });

  it('has no more experts per token than groups', async () => {
    const gguf = await changedHeader('grovemoe', { ...halves, keys: { ...halves.keys, expert_used_count: 2 } });
    expectError('BAD_MODEL', 'grovemoe.expert_used_count', () => measureModel(gguf, SMALL));
  });
});

describeShared('Bailing 2', () => {
  /** A third layer like the second, which predicts further tokens. */
  async function predicting(without: RegExp): Promise<Gguf> {
    const gguf = await changedHeader('bailingmoe2', { keys: { block_count: 3, nextn_predict_layers: 1 } });
    const layer = gguf.tensors
      .filter(({ name }) => name.startsWith('blk.1.'))
      .map((old) => ({ ...old, name: old.name.replace('blk.1.', 'blk.2.') }));
    const own = [
      tensor('blk.2.nextn.eh_proj.weight', 512, 256),
      tensor('blk.2.nextn.enorm.weight', 256),
      tensor('blk.2.nextn.hnorm.weight', 256),
      tensor('blk.2.layer_output_norm.weight', 256),
    ];
    const added = [...layer, ...own].filter(({ name }) => !without.test(name));
    return { ...gguf, tensors: [...gguf.tensors, ...added] };
  }

  it('caches a layer that predicts further tokens, but neither loads nor runs it', async () => {
    const plain = measureModel(await changedHeader('bailingmoe2', {}), SMALL);
    const more = measureModel(await predicting(/never/), SMALL);
    expect(more.weights).toBe(plain.weights);
    expect(more.context).toBe(1.5 * plain.context);
    expect(more.graph.nodes).toHaveLength(plain.graph.nodes.length);
  });

  it.each(['layer_output_norm', 'nextn.eh_proj', 'ffn_gate_exps'])('needs %s of that layer', async (part) => {
    const gguf = await predicting(new RegExp(`\\.${part}\\.`));
    expectError('BAD_MODEL', `blk.2.${part}.weight`, () => measureModel(gguf, SMALL));
  });
});

describeShared('Apertus', () => {
  it('has coefficients of xIELU for each layer', async () => {
    const gguf = await changedHeader('apertus', {});
    const listed = { ...gguf, metadata: { ...gguf.metadata, 'xielu.beta': [0.5, 2] } };
    const found = measureModel(listed, SMALL).graph.nodes.filter(({ op }) => op === 'XIELU');
    expect(found.map(({ params }) => (params as { beta: number }).beta)).toEqual([0.5, 2]);
    const short = { ...gguf, metadata: { ...gguf.metadata, 'xielu.beta': [0.5] } };
    expectError('BAD_MODEL', 'xielu.beta', () => measureModel(short, SMALL));
  });
});

describeShared('refused, by the name of what is at fault', () => {
  it.each<[string, HeaderChange, string]>([
    ['deci', { keys: { 'attention.head_count': [0, 2] } }, 'deci.attention.head_count'],
    ['deci', { keys: { 'attention.head_count': [2, 0] } }, 'deci.attention.head_count_kv'],
    ['deci', { keys: { 'rope.dimension_count': 64 } }, 'head length'],
    ['jais2', { keys: { 'attention.head_count_kv': 1 } }, 'jais2.attention.head_count_kv'],
    ['apertus', { dropKey: 'xielu.eps' }, 'xielu.eps'],
    ['bailingmoe', { keys: { expert_shared_count: 0 } }, 'bailingmoe.expert_shared_count'],
    ['bailingmoe2', { dropKey: 'expert_gating_func' }, 'bailingmoe2.expert_gating_func'],
    ['grovemoe', { keys: { experts_per_group: 0 } }, 'grovemoe.experts_per_group'],
    ['hunyuan-moe', { dropKey: '.expert_feed_forward_length' }, 'hunyuan-moe.expert_feed_forward_length'],
    ['talkie', { dropKey: 'logit_scale' }, 'talkie.logit_scale'],
    ['grok', { keys: { expert_count: 0, expert_used_count: 0 } }, 'grok.expert_count'],
    ['codeshell', { drop: /^(token_embd|output)\.weight/ }, 'output.weight'],
    ['plamo', { keys: { 'rope.dimension_count': 64 } }, 'head length'],
    ['bitnet', { keys: { 'attention.key_length': 64, 'attention.value_length': 64 } }, 'length of all heads'],
  ])('%s with %j', async (name, change, culprit) => {
    const gguf = await changedHeader(name, change);
    expectError('BAD_MODEL', culprit, () => measureModel(gguf, SMALL));
  });
});

describeShared('a factor of the scores that is zero', () => {
  it.each([
    ['grok', true],
    ['muse-glimmer', true],
    ['talkie', true],
    ['granite', true],
    ['command-r', false],
    ['cohere2', false],
    ['cohere2moe', false],
    ['granitehybrid', false],
  ])('of %s is applied all the same: %s', async (name, isApplied) => {
    const nodesWith = async (factor: number): Promise<number> =>
      measureModel(await changedHeader(name, { keys: { logit_scale: factor } }), SMALL).graph.nodes.length;
    expect((await nodesWith(1)) - (await nodesWith(0))).toBe(isApplied ? 0 : 1);
  });
});

describeShared('a model that refuses a quantised cache', () => {
  it.each(['archs/grok', 'real/stablelm-3b-4e1t'])('%s is fitted with an unquantised one', async (name) => {
    const gguf = await readGguf(sharedPath(`${name}.gguf`));
    const devices = [cudaDevice({ totalBytes: 3 * 2 ** 30 }), cpuDevice()];
    const { points } = fitModel(gguf, devices, { ctxSize: 4096 });
    expect(new Set(points.map(({ cacheTypeV }) => cacheTypeV))).toEqual(new Set(['f16']));
  });
});
