/** Encoders and embeddings of texts: what the recorded graphs don't show. Headers are the small ones of every architecture. */
import { expect, it } from 'vitest';
import { measureModel, type ModelOptions } from '../../src/models/index.js';
import type { Gguf } from '../../src/gguf/types.js';
import { expectError } from '../support/expect-error.js';
import { changedHeader as header } from '../support/changed-header.js';
import { describeShared } from '../support/shared.js';

const ALL: ModelOptions = { program: 'library', ctxSize: 512, ubatchSize: 64 };

/** The operations of a graph from its last tensor of a name on. */
function operationsAfter(gguf: Gguf, options: ModelOptions, name: string): string[] {
  const { nodes } = measureModel(gguf, { ...ALL, ...options }).graph;
  const start = nodes.map((node) => node.name).lastIndexOf(name);
  return nodes.slice(start + 1).map(({ op }) => op);
}

describeShared('a model without a cache', () => {
  it('keeps nothing, and looks at its batch', async () => {
    const { context, graph, run } = measureModel(await header('bert'), { ...ALL, ctxSize: 16, ubatchSize: 128 });
    expect(context).toBe(0);
    // Its batch is not limited by the context, as no token waits for another.
    expect(run).toMatchObject({ batchSize: 2048, ubatchSize: 128, contextSize: 256 });
    const masks = graph.leafs.filter(({ ne, type }) => ne[0] === 128 && ne[1] === 128 && type.name === 'f16');
    expect(masks).toHaveLength(1);
  });

  it('limits its batch if the file says that tokens wait', async () => {
    const { run } = measureModel(await header('bert', { keys: { 'attention.causal': true } }), { ...ALL, ctxSize: 16 });
    expect(run.batchSize).toBe(16);
    const never = await header('dream', { keys: { 'attention.causal': true } });
    expect(measureModel(never, { ...ALL, ctxSize: 16 }).run.batchSize).toBe(2048);
  });

  it('may have a cache that is not read', async () => {
    expect(measureModel(await header('llama-embed'), ALL).context).toBe(2 * 2 * 256 * 512 * 2);
  });
});

describeShared('embeddings', () => {
  it.each<[NonNullable<ModelOptions['pooling']>, string[]]>([
    ['none', []],
    ['mean', ['TRANSPOSE', 'CONT', 'MUL_MAT']],
    ['cls', ['GET_ROWS']],
    ['last', ['GET_ROWS']],
    ['rank', ['GET_ROWS', 'MUL_MAT', 'ADD', 'UNARY', 'MUL_MAT', 'ADD']],
  ])('are pooled: %s', async (pooling, expected) => {
    const gguf = await header('bert');
    const { graph } = measureModel(gguf, { ...ALL, embeddings: true, pooling });
    const end = graph.nodes.at(-1)!;
    expect(end.name).toBe('result_embd_pooled');
    expect(graph.outputs.has(end)).toBe(true);
    const after = operationsAfter(
      gguf,
      { embeddings: true, pooling },
      pooling === 'none' ? 'result_embd_pooled' : 'result_embd',
    );
    expect(after).toEqual(expected.map((op) => (op === 'UNARY' ? 'TANH' : op)));
  });

  it('are pooled as the file says, and not at all without a word', async () => {
    const gguf = await header('bert');
    expect(measureModel(gguf, { ...ALL, embeddings: true }).run.pooling).toBe('mean');
    expect(measureModel(gguf, ALL).run.pooling).toBeNull();
    expect(measureModel(await header('qwen3'), { ...ALL, embeddings: true }).run.pooling).toBe('none');
  });

  it('are scored as each architecture does', async () => {
    const rank = { embeddings: true, pooling: 'rank' } as const;
    expect(operationsAfter(await header('qwen3'), rank, 'result_output')).toEqual(['GET_ROWS', 'MUL_MAT', 'SOFT_MAX']);
    expect(operationsAfter(await header('modern-bert'), rank, 'final_norm_out')).toEqual([
      ...['TRANSPOSE', 'CONT', 'MUL_MAT'],
      ...['MUL_MAT', 'GELU', 'NORM', 'MUL', 'MUL_MAT', 'ADD'],
    ]);
    expect(operationsAfter(await header('jina-bert-v2'), rank, 'result_embd')).toEqual([
      ...['GET_ROWS', 'MUL_MAT', 'ADD', 'TANH'],
    ]);
    // Without a head, the embedding itself is the answer.
    expect(operationsAfter(await header('eurobert'), rank, 'result_embd')).toEqual(['GET_ROWS']);
  });

  it('go through the matrices of EmbeddingGemma', async () => {
    const keys = { dense_2_feat_in: 256, dense_2_feat_out: 512, dense_3_feat_in: 512, dense_3_feat_out: 256 };
    const gguf = await header('gemma-embedding', {
      keys,
      tensors: { 'dense_2.weight': [256, 512], 'dense_3.weight': [512, 256] },
    });
    expect(operationsAfter(gguf, { embeddings: true, pooling: 'cls' }, 'result_norm')).toEqual([
      ...['GET_ROWS', 'MUL_MAT', 'MUL_MAT'],
    ]);
    expect(operationsAfter(gguf, {}, 'result_norm')).toEqual([]);
    const wrong = await header('gemma-embedding', { keys: { dense_2_feat_in: 128 } });
    expectError('BAD_MODEL', 'gemma-embedding.dense_2_feat_in', () => measureModel(wrong, ALL));
  });

  it('of a server take all tokens of a batch, which is computed at once', async () => {
    const gguf = await header('qwen3');
    const { run } = measureModel(gguf, { ctxSize: 4096, embeddings: true });
    expect(run).toMatchObject({ batchSize: 512, ubatchSize: 512, maxOutputs: 512, pooling: 'none' });
    // A pooling alone asks for all tokens, but adds nothing to the graph.
    const pooled = measureModel(gguf, { ctxSize: 4096, pooling: 'last' }).run;
    expect(pooled).toMatchObject({ batchSize: 2048, maxOutputs: 2048, pooling: null });
    const unpooled = measureModel(gguf, { ctxSize: 4096, pooling: 'none' }).run;
    expect(unpooled).toMatchObject({ batchSize: 2048, maxOutputs: 4 });
  });

  it('need all tokens for a mean, and a pooling that llama.cpp knows', async () => {
    const gguf = await header('bert');
    expectError('BAD_ARGUMENT', 'outputs', () => measureModel(gguf, { ...ALL, embeddings: true, outputs: 8 }));
    expectError('BAD_ARGUMENT', 'outputs', () => measureModel(gguf, { ...ALL, embeddings: true, parallel: 3 }));
    const wrong = { ...ALL, embeddings: true, pooling: 'max' } as unknown as ModelOptions;
    expectError('BAD_ARGUMENT', 'pooling', () => measureModel(gguf, wrong));
    const unknown = await header('bert', { keys: { pooling_type: 7 } });
    expectError('BAD_MODEL', 'pooling_type', () => measureModel(unknown, { ...ALL, embeddings: true }));
    expect(measureModel(unknown, ALL).run.pooling).toBeNull();
  });
});

describeShared('the kin of BERT', () => {
  it('has a type for every token', async () => {
    const gguf = await header('bert', { keys: { 'tokenizer.ggml.token_type_count': 0 } });
    expectError('BAD_MODEL', 'tokenizer.ggml.token_type_count', () => measureModel(gguf, ALL));
  });

  it('has experts where its layers need them', async () => {
    const gguf = await header('nomic-bert-moe', { keys: { expert_count: 0, expert_used_count: 0 } });
    expectError('BAD_MODEL', 'nomic-bert-moe.expert_count', () => measureModel(gguf, ALL));
  });

  it('finds the gate of Jina 2 in three places', async () => {
    const widened = Object.fromEntries([0, 1].map((layer) => [`blk.${layer}.ffn_up.weight`, [256, 768]]));
    const gated = (gguf: Gguf): boolean[] =>
      measureModel(gguf, ALL).graph.nodes.flatMap(({ name, sources }) =>
        /^ffn_(geglu|gelu)-0$/.test(name)
          ? [name.includes('geglu'), sources[1] !== null && sources[1] !== undefined]
          : [],
      );
    expect(gated(await header('jina-bert-v2'))).toEqual([true, true]);
    expect(gated(await header('jina-bert-v2-min', { tensors: widened }))).toEqual([true, false]);
    expect(gated(await header('jina-bert-v2-min'))).toEqual([false, false]);
  });

  it('has a gated network in ModernBERT', async () => {
    const operations = async (name: string): Promise<string> => {
      const gguf = await header('modern-bert', { keys: { hidden_activation: name } });
      return measureModel(gguf, ALL).graph.nodes.find((node) => /^ffn_\w*glu-0$/.test(node.name))!.name;
    };
    expect(await operations('silu')).toBe('ffn_swiglu-0');
    expect(await operations('reglu')).toBe('ffn_reglu-0');
    expect(await operations('tanh')).toBe('ffn_geglu-0');
    const plain = await header('modern-bert', { keys: { hidden_activation: 'relu' } });
    expectError('BAD_MODEL', 'modern-bert.hidden_activation', () => measureModel(plain, ALL));
  });
});
