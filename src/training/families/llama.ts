/**
 * Llama and its kin: RMSNorm, rotary positions, a gated feed-forward part. Mistral, Qwen 2 and Qwen 3 differ from Llama in
 * biases and in norms of heads.
 */
import type { Builder, Module } from '../builder.js';
import type { ConfigReader } from '../config.js';
import { mul, silu } from '../eager/ops/element-wise.js';
import type { Value } from '../eager/value.js';
import {
  decoderProgram,
  rotaryAttention,
  twoParts,
  type AttentionParts,
  type Context,
  type Decoder,
} from './decoder.js';
import type { Family, Numbers } from './family.js';

/** `down(activate(gate(x)) * up(x))` */
export function gatedFeedForward(b: Builder, name: string, activate: (x: Value) => Value): Module {
  const { tape: t } = b;
  const { hidden, ffn } = b.model;
  const gate = b.linear(`${name}.gate_proj`, hidden, ffn, false);
  const up = b.linear(`${name}.up_proj`, hidden, ffn, false);
  const down = b.linear(`${name}.down_proj`, ffn, hidden, false);
  return (x) =>
    t.frame((hold) => {
      hold(x);
      return down(mul(t, activate(gate(x)), up(x)));
    });
}

/** Names of a decoder in the manner of Llama. */
export const LLAMA_NAMES = {
  prefix: 'model',
  tokens: 'embed_tokens',
  norm: 'norm',
  head: 'lm_head',
  makeNorm: (b: Builder, name: string, width?: number): Module => b.rmsNorm(name, width),
} as const satisfies Partial<Decoder>;

/** A block of Llama. */
function block(b: Builder, name: string, context: () => Context, parts: AttentionParts): Module {
  const attention = rotaryAttention(b, `${name}.self_attn`, context, parts);
  const feed = gatedFeedForward(b, `${name}.mlp`, (x) => silu(b.tape, x));
  const norm1 = b.rmsNorm(`${name}.input_layernorm`);
  const norm2 = b.rmsNorm(`${name}.post_attention_layernorm`);
  return twoParts(b, attention, feed, norm1, norm2);
}

/** The short names of Llama's linear layers. */
export const LLAMA_LAYERS = {
  q: 'q_proj',
  k: 'k_proj',
  v: 'v_proj',
  o: 'o_proj',
  gate: 'gate_proj',
  up: 'up_proj',
  down: 'down_proj',
} as const;

/** The numbers of a configuration in the words of Llama. */
export function readLlama(config: ConfigReader): Numbers {
  const hidden = config.count('hidden_size');
  const heads = config.count('num_attention_heads');
  const headDim = config.countOr(hidden / heads, 'head_dim');
  return {
    vocab: config.count('vocab_size'),
    hidden,
    layers: config.count('num_hidden_layers'),
    heads,
    kvHeads: config.countOr(heads, 'num_key_value_heads'),
    headDim,
    ffn: config.count('intermediate_size'),
    activation: 'silu',
    isGated: true,
    tiedEmbeddings: config.flagOr(false, 'tie_word_embeddings'),
    attentionBias: { qkv: config.flagOr(false, 'attention_bias'), output: config.flagOr(false, 'attention_bias') },
    rotaryDim: headDim,
  };
}

function kin(family: Family['family'], read: Family['read'], parts: AttentionParts = {}): Family {
  return {
    family,
    modelTypes: [family],
    read,
    layers: LLAMA_LAYERS,
    adapted: ['q', 'v'],
    build: (b) =>
      decoderProgram(b, { ...LLAMA_NAMES, block: (builder, name, context) => block(builder, name, context, parts) }),
  };
}

const withWindow = (config: ConfigReader): Numbers => ({
  ...readLlama(config),
  slidingWindow: config.countOrNone('sliding_window'),
});

/** Qwen 2 has biases of queries, keys and values whatever its configuration says. */
const readQwen2 = (config: ConfigReader): Numbers => ({
  ...readLlama(config),
  attentionBias: { qkv: true, output: false },
  slidingWindow: config.flagOr(false, 'use_sliding_window') ? config.countOrNone('sliding_window') : 0,
});

export const LLAMA = kin('llama', readLlama);
export const MISTRAL = kin('mistral', withWindow);
export const QWEN2 = kin('qwen2', readQwen2);
export const QWEN3 = kin('qwen3', readLlama, { headNorm: (b, name, width) => b.rmsNorm(name, width) });
