/**
 * GPT-NeoX, of which Pythia is made: attention and feed-forward part side by side, rotary positions of part of each head.
 */
import type { Builder, Module } from '../builder.js';
import { add, gelu } from '../eager/ops/element-wise.js';
import { split, transpose, view } from '../eager/ops/views.js';
import type { Value } from '../eager/value.js';
import { attend, joinHeads } from './blocks.js';
import { decoderProgram, type Context } from './decoder.js';
import type { Family } from './family.js';
import { rotate } from './rotary.js';

function selfAttention(b: Builder, name: string, context: () => Context): Module {
  const { tape: t } = b;
  const { hidden, heads, headDim } = b.model;
  const qkv = b.linear(`${name}.query_key_value`, hidden, 3 * heads * headDim, true);
  const output = b.linear(`${name}.dense`, heads * headDim, hidden, true);
  return (x) =>
    t.frame((hold) => {
      const fused = hold(qkv(x));
      const parts = transpose(t, view(t, fused, [x.shape[0], x.shape[1], heads, 3 * headDim]), 1, 2);
      const [rawQuery, rawKey, value] = split(t, parts, 3, [headDim, headDim, headDim]);
      const { mask, rotation } = context();
      const [query, key] = rotate(t, rawQuery, rawKey, rotation);
      hold(query);
      hold(key);
      return output(joinHeads(t, attend(t, { query, key, value, mask })));
    });
}

function block(b: Builder, name: string, context: () => Context): Module {
  const { tape: t } = b;
  const { hidden, ffn, hasParallelParts } = b.model;
  const norm1 = b.layerNorm(`${name}.input_layernorm`);
  const norm2 = b.layerNorm(`${name}.post_attention_layernorm`);
  const attention = selfAttention(b, `${name}.attention`, context);
  const up = b.linear(`${name}.mlp.dense_h_to_4h`, hidden, ffn, true);
  const down = b.linear(`${name}.mlp.dense_4h_to_h`, ffn, hidden, true);
  const feed = (x: Value): Value => down(gelu(t, up(x)));
  return (x) =>
    t.frame((hold) => {
      const attended = hold(attention(norm1(x)));
      if (hasParallelParts) return add(t, add(t, hold(feed(norm2(x))), attended), x);
      const middle = add(t, attended, x);
      return add(t, hold(feed(norm2(middle))), middle);
    });
}

export const GPT_NEOX: Family = {
  family: 'gpt-neox',
  modelTypes: ['gpt_neox'],
  read: (config) => {
    const hidden = config.count('hidden_size');
    const heads = config.count('num_attention_heads');
    return {
      vocab: config.count('vocab_size'),
      hidden,
      layers: config.count('num_hidden_layers'),
      heads,
      ffn: config.count('intermediate_size'),
      tiedEmbeddings: config.flagOr(false, 'tie_word_embeddings'),
      rotaryDim: Math.floor((hidden / heads) * config.shareOr(0.25, 'rotary_pct')),
      hasParallelParts: config.flagOr(true, 'use_parallel_residual'),
    };
  },
  layers: { qkv: 'query_key_value', o: 'dense', up: 'dense_h_to_4h', down: 'dense_4h_to_h' },
  adapted: ['qkv'],
  build: (b) =>
    decoderProgram(b, {
      prefix: 'gpt_neox',
      tokens: 'embed_in',
      norm: 'final_layer_norm',
      head: 'lm_head',
      makeNorm: (builder, name) => builder.layerNorm(name),
      block,
    }),
};
