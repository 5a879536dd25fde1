/** Encoders with decoders, drafts and sound: what the recorded graphs don't show. */
import { expect, it } from 'vitest';
import { cpuDevice, cudaDevice } from '../../src/device/index.js';
import { measureModel, type ModelOptions } from '../../src/models/index.js';
import type { Gguf } from '../../src/gguf/types.js';
import { expectError } from '../support/expect-error.js';
import { changedHeader as header } from '../support/changed-header.js';
import { describeShared } from '../support/shared.js';

const ALL: ModelOptions = { program: 'library', ctxSize: 512, ubatchSize: 64 };

const named = (gguf: Gguf, options: ModelOptions, name: string): number =>
  measureModel(gguf, { ...ALL, ...options }).graph.nodes.filter((node) => node.name === name).length;

describeShared('T5', () => {
  it('runs all tokens of a batch through its encoder, whatever the program wants', async () => {
    const { run } = measureModel(await header('t5'), { ctxSize: 512, parallel: 1 });
    expect(run.maxOutputs).toBe(run.batchSize);
  });

  it('has a cache for every layer of the encoder, though the decoder may have fewer', async () => {
    const whole = measureModel(await header('t5'), ALL);
    const short = measureModel(
      await header('t5', { keys: { decoder_block_count: 1 }, tensors: withoutLayer('dec', 1) }),
      ALL,
    );
    expect(short.context).toBe(whole.context);
    expect(short.graph.nodes.length).toBeLessThan(whole.graph.nodes.length);
    const long = await header('t5', { keys: { decoder_block_count: 3 } });
    expectError('BAD_MODEL', 't5.decoder_block_count', () => measureModel(long, ALL));
  });

  it('shares one cache among sequences', async () => {
    const gguf = await header('t5');
    expectError('BAD_ARGUMENT', 'kvUnified', () => measureModel(gguf, { ...ALL, parallel: 2 }));
    expect(measureModel(gguf, { ...ALL, parallel: 2, kvUnified: true }).run.sequences).toBe(2);
  });

  it('takes the distances of the first layer where a layer has none', async () => {
    const gguf = await header('t5', { tensors: { 'dec.blk.1.attn_rel_b.weight': undefined } });
    const biases = measureModel(gguf, ALL).graph.nodes.filter((node) => node.op === 'GET_ROWS');
    expect(biases.filter(({ sources }) => sources[0]?.name === 'dec.blk.0.attn_rel_b.weight')).toHaveLength(2);
    const none = { 'dec.blk.0.attn_rel_b.weight': undefined, 'dec.blk.1.attn_rel_b.weight': undefined };
    const bare = await header('t5', { tensors: none });
    expectError('BAD_MODEL', 'dec.blk.0.attn_rel_b.weight', () => measureModel(bare, ALL));
  });
});

function withoutLayer(stack: string, layer: number): Record<string, undefined> {
  const parts = ['attn_norm', 'attn_rel_b', 'attn_q', 'attn_k', 'attn_v', 'attn_o', 'cross_attn_norm', 'cross_attn_q'];
  const others = ['cross_attn_k', 'cross_attn_v', 'cross_attn_o', 'ffn_norm', 'ffn_gate', 'ffn_down', 'ffn_up'];
  const names = [...parts, ...others, 'cross_attn_rel_b'].map((part) => `${stack}.blk.${layer}.${part}.weight`);
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

describeShared('a draft', () => {
  it('takes what it lacks from its target', async () => {
    const [draft, target] = [await header('dflash-min'), await header('qwen3')];
    expectError('BAD_ARGUMENT', 'target', () => measureModel(draft, ALL));
    const { graph, weights } = measureModel(draft, { ...ALL, target });
    expect(graph.leafs.map(({ name }) => name)).toEqual(expect.arrayContaining(['token_embd.weight', 'output.weight']));
    const own = measureModel(await header('dflash'), ALL);
    expect(own.weights - weights).toBe(2 * 4 * 256 * 128);
    // A target without a matrix for scores lends its embeddings.
    const tied = await header('qwen3', { tensors: { 'output.weight': undefined } });
    expect(measureModel(draft, { ...ALL, target: tied }).graph.nodes.at(-1)!.sources[0]!.name).toBe(
      'token_embd.weight',
    );
  });

  it('scatters the scores of the tokens that it knows', async () => {
    const known = await header('eagle3', { tensors: { 'output.weight': [256, 96] } });
    const list = {
      ...known.tensors.find(({ name }) => name === 'output_norm.weight')!,
      name: 'd2t',
      ne: [96, 1, 1, 1],
    };
    expectError('BAD_MODEL', 'd2t', () => measureModel({ ...known, tensors: [...known.tensors, list] as never }, ALL));
    const i64 = measureModel(
      await header('eagle3', { tensors: { 'output.weight': [256, 128] } }),
      ALL,
    ).graph.leafs.find(({ type }) => type.name === 'i64')!.type;
    const whole = { ...known, tensors: [...known.tensors, { ...list, type: i64, bytes: 8 * 96 }] } as never;
    const { graph } = measureModel(whole, ALL);
    expect(graph.nodes.at(-1)).toMatchObject({ name: 'result_output', op: 'RESHAPE', ne: [128, 64, 1, 1] });
    expect(graph.nodes.map(({ op }) => op)).toEqual(expect.arrayContaining(['FILL', 'SET_ROWS']));
  });

  it('is one layer in EAGLE-3, made of three layers of its target, and has no embeddings', async () => {
    const two = await header('eagle3', { keys: { target_layers: [0, 1] } });
    expectError('BAD_MODEL', 'eagle3.target_layers', () => measureModel(two, ALL));
    const deep = await header('eagle3', { keys: { block_count: 2 } });
    expectError('BAD_MODEL', 'eagle3.block_count', () => measureModel(deep, ALL));
    const gguf = await header('eagle3');
    expectError('BAD_ARGUMENT', 'embeddings', () => measureModel(gguf, { ...ALL, embeddings: true }));
    const normed = await header('eagle3', { keys: { norm_before_residual: true } });
    const sum = measureModel(normed, ALL).graph.nodes.find(({ name }) => name === 'ffn_inp-0')!;
    expect(sum.sources[1]!.name).toBe('g_norm-0');
  });

  it('lists the layers with a window in DFlash, and has no hyper-connections', async () => {
    const scalar = await header('dflash', { keys: { 'attention.sliding_window_pattern': 2 } });
    expectError('BAD_MODEL', 'dflash.attention.sliding_window_pattern', () => measureModel(scalar, ALL));
    const whole = await header('dflash', { keys: { 'attention.sliding_window': 0 } });
    expect(named(whole, {}, 'kqv_out-0')).toBe(1);
    const connected = await header('dflash', { keys: { 'hyper_connection.count': 4 } });
    expectError('UNKNOWN_ARCHITECTURE', 'hyper_connection.count', () => measureModel(connected, ALL));
    const none = await header('dflash', { keys: { target_layers: [] } });
    expectError('BAD_MODEL', 'dflash.target_layers', () => measureModel(none, ALL));
  });

  it('chains the guesses of a block with a Markov head', async () => {
    const head = { 'markov_w1.weight': [16, 128], 'markov_w2.weight': [16, 128], 'conf_proj.weight': [272, 1] };
    const gguf = await header('dflash', { keys: { block_size: 8 }, tensors: head });
    const operations = (ubatchSize: number): string[] =>
      measureModel(gguf, { ...ALL, ubatchSize }).graph.nodes.map(({ op }) => op);
    // A batch that is longer than a block is none.
    expect(operations(64)).not.toContain('ARGMAX');
    expect(operations(8).filter((op) => op === 'ARGMAX')).toHaveLength(7);
    expect(operations(8).filter((op) => op === 'SIGMOID')).toHaveLength(8);
    const bonus = await header('dflash', { keys: { block_size: 8, sample_from_anchor: false }, tensors: head });
    const nodes = measureModel(bonus, { ...ALL, ubatchSize: 8 }).graph.nodes.map(({ op }) => op);
    expect(nodes.filter((op) => op === 'ARGMAX')).toHaveLength(6);
    const unsaid = await header('dflash', { tensors: head });
    expectError('BAD_MODEL', 'dflash.block_size', () => measureModel(unsaid, ALL));
  });
});

describeShared('a draft of Gemma 4', () => {
  const cached = (measured: ReturnType<typeof measureModel>): string[] =>
    measured.graph.leafs
      .filter(({ name }) => name.startsWith('cache_'))
      .map(({ name, type }) => `${name} ${type.name}`);

  it('reads the caches of the last two layers of its target, and has none', async () => {
    const [draft, target] = [await header('gemma4-assistant'), await header('gemma4')];
    expectError('BAD_ARGUMENT', 'target', () => measureModel(draft, ALL));
    const measured = measureModel(draft, { ...ALL, target });
    expect(measured.context).toBe(0);
    expect(cached(measured).sort()).toEqual(['cache_k_l3 f16', 'cache_k_l4 f16', 'cache_v_l3 f16', 'cache_v_l4 f16']);
    // The target's caches may be of another type, and of another length.
    const targetOptions = { ...ALL, ctxSize: 1024, cacheTypeK: 'q8_0', cacheTypeV: 'q8_0' };
    const other = measureModel(draft, { ...ALL, target, targetOptions });
    expect(cached(other)).toEqual(cached(measured).map((each) => each.replace('f16', 'q8_0')));
    expect(other.graph.leafs.find(({ name }) => name === 'cache_k_l4')!.ne[1]).toBe(1024);
    // What is quantised is turned, so queries are, too.
    expect(other.graph.leafs.filter(({ name }) => name === 'attn_inp_k_rot').length).toBe(2);
  });

  it('reads what a layer of its target reads that has no cache of its own', async () => {
    const keys = { 'attention.sliding_window_pattern': [1, 1, 0, 1, 0], 'attention.shared_kv_layers': 2 };
    const target = await header('gemma4', { keys });
    const names = cached(measureModel(await header('gemma4-assistant'), { ...ALL, target }));
    expect(names.sort()).toEqual(['cache_k_l1 f16', 'cache_k_l2 f16', 'cache_v_l1 f16', 'cache_v_l2 f16']);
  });

  it('refuses a target that it cannot guess for', async () => {
    const draft = await header('gemma4-assistant');
    const refuses = (target: Gguf): void => {
      expectError('BAD_ARGUMENT', 'target', () => measureModel(draft, { ...ALL, target }));
    };
    refuses(await header('qwen3'));
    refuses(await header('gemma4', { keys: { 'attention.sliding_window_pattern': [1, 1, 1, 0, 1] } }));
    refuses(await header('gemma4', { keys: { 'attention.head_count_kv': 1 } }));
    refuses(await header('gemma3'));
    const target = await header('gemma4');
    const narrow = await header('gemma4-assistant', { keys: { embedding_length_out: 64 } });
    expectError('BAD_MODEL', 'gemma4-assistant.embedding_length_out', () => measureModel(narrow, { ...ALL, target }));
    const trunk = await header('gemma4-assistant', { keys: { nextn_predict_layers: 1 } });
    expectError('BAD_MODEL', 'gemma4-assistant.nextn_predict_layers', () => measureModel(trunk, { ...ALL, target }));
    expectError('BAD_ARGUMENT', 'embeddings', () => measureModel(draft, { ...ALL, target, embeddings: true }));
  });

  it('finds the caches of its target where the output is', async () => {
    const devices = [cudaDevice({ totalBytes: 8 * 2 ** 30 }), cpuDevice()];
    const [draft, target] = [await header('gemma4-assistant'), await header('gemma4')];
    const { context, copies, splits } = measureModel(draft, { ...ALL, devices, target });
    expect({ context, copies }).toEqual({ context: 0, copies: 1 });
    // The embeddings lie on the host; everything else runs on the device.
    expect(splits.pp).toBe(2);
  });
});

describeShared('sound', () => {
  it('goes through attention in the third layer of WavTokenizer, and a norm in the sixth', async () => {
    const layers = [0, 1, 3, 4].flatMap((layer) =>
      [1, 2].flatMap((half): [string, number[]][] => [
        [`posnet.${layer}.norm${half}.weight`, [1, 256]],
        [`posnet.${layer}.norm${half}.bias`, [1, 256]],
        [`posnet.${layer}.conv${half}.weight`, [3, 256, 256]],
        [`posnet.${layer}.conv${half}.bias`, [1, 256]],
      ]),
    );
    const attention = ['attn_q', 'attn_k', 'attn_v', 'attn_output'].flatMap((part): [string, number[]][] => [
      [`posnet.2.${part}.weight`, [1, 256, 256]],
      [`posnet.2.${part}.bias`, [1, 256]],
    ]);
    const norms = [2, 5].flatMap((layer): [string, number[]][] => [
      [`posnet.${layer}.attn_norm.weight`, [1, 256]],
      [`posnet.${layer}.attn_norm.bias`, [1, 256]],
    ]);
    const tensors = Object.fromEntries([...layers, ...attention, ...norms]);
    const keys = { block_count: 8, 'posnet.block_count': 6 };
    const { graph, context } = measureModel(await header('wavtokenizer-dec', { keys, tensors }), ALL);
    expect(context).toBe(0);
    const count = (op: string): number => graph.nodes.filter((node) => node.op === op).length;
    // Two of four layers, one of attention, one at the end.
    expect(count('GROUP_NORM')).toBe(2 * 4 + 2);
    // One at the beginning, two of four layers, four of attention, one of each wide layer.
    expect(count('IM2COL')).toBe(1 + 2 * 4 + 4 + 2);
    const shares = graph.nodes.find(({ op }) => op === 'SOFT_MAX')!;
    expect(shares.ne).toEqual([64, 64, 1, 1]);
    const deep = await header('wavtokenizer-dec', { keys: { block_count: 8, 'posnet.block_count': 7 } });
    expectError('BAD_MODEL', 'wavtokenizer-dec.posnet.block_count', () => measureModel(deep, ALL));
    const apart = await header('wavtokenizer-dec', { keys: { 'convnext.embedding_length': 128 } });
    expectError('BAD_MODEL', 'wavtokenizer-dec.convnext.embedding_length', () => measureModel(apart, ALL));
  });

  it('is scored for the last tokens of Qwen 3 TTS only', async () => {
    const { graph } = measureModel(await header('qwen3tts'), ALL);
    expect(graph.nodes.at(-1)).toMatchObject({ name: 'result_output', op: 'CONCAT' });
  });
});

describeShared('on several devices', () => {
  const devices = [cudaDevice({ totalBytes: 8 * 2 ** 30 }), cpuDevice()];

  it.each(['t5', 't5encoder', 'wavtokenizer-dec', 'eagle3', 'dflash', 'bert', 'modern-bert', 'llada-moe'])(
    '%s goes to a GPU, but for the embeddings',
    async (name) => {
      const { devices: taken, layers } = measureModel(await header(name), { ...ALL, devices });
      expect(new Set(layers)).toEqual(new Set(['CUDA0']));
      const [gpu, cpu] = taken;
      expect(gpu.weights).toBeGreaterThan(cpu.weights);
      expect(cpu.weights).toBeGreaterThanOrEqual(4 * 256 * 128);
    },
  );

  it('a draft reads the weights of its target where its own would be', async () => {
    const target = await header('qwen3');
    const measured = async (name: string) => measureModel(await header(name), { ...ALL, devices, target });
    const [lent, own] = [await measured('dflash-min'), await measured('dflash')];
    expect(lent.splits).toEqual(own.splits);
    expect(lent.compute).toBe(own.compute);
    expect(own.weights - lent.weights).toBe(2 * 4 * 256 * 128);
  });

  it('a run gives embeddings beside scores where they are wanted, and always in T5', async () => {
    const output = async (name: string, embeddings: boolean): Promise<number> =>
      measureModel(await header(name), { ...ALL, devices, embeddings }).output;
    expect(await output('bert', false)).toBe(4 * 128);
    expect(await output('bert', true)).toBe(4 * (128 + 256));
    expect(await output('t5', false)).toBe(4 * (128 + 256));
  });
});
