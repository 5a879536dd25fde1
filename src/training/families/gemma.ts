/**
 * Gemma 2 and 3: a norm before and after each part, scaled embeddings; 2 bends scores and logits, 3 normalises heads and
 * turns those with a sliding window by a table of their own.
 */
import type { Builder, Module } from '../builder.js';
import type { ConfigReader } from '../config.js';
import { add, gelu, scaled } from '../eager/ops/element-wise.js';
import { softCap } from './blocks.js';
import { decoderProgram, rotaryAttention, type AttentionParts, type Context, type Decoder } from './decoder.js';
import type { Family, Numbers } from './family.js';
import { gatedFeedForward, LLAMA_LAYERS, LLAMA_NAMES, readLlama } from './llama.js';

const makeNorm = (b: Builder, name: string, width?: number): Module => b.gemmaNorm(name, width);

function block(b: Builder, name: string, context: () => Context, parts: AttentionParts): Module {
  const { tape: t } = b;
  const attention = rotaryAttention(b, `${name}.self_attn`, context, parts);
  const feed = gatedFeedForward(b, `${name}.mlp`, (x) => gelu(t, x));
  const [before, afterAttention, beforeFeed, afterFeed] = [
    'input_layernorm',
    'post_attention_layernorm',
    'pre_feedforward_layernorm',
    'post_feedforward_layernorm',
  ].map((part) => b.gemmaNorm(`${name}.${part}`));
  return (x) =>
    t.frame((hold) => {
      const middle = hold(add(t, x, afterAttention(attention(before(x)))));
      return add(t, middle, afterFeed(feed(beforeFeed(middle))));
    });
}

const SHARED = {
  ...LLAMA_NAMES,
  makeNorm,
  enter: (b, x) => scaled(b.tape, x),
} satisfies Partial<Decoder>;

const read = (config: ConfigReader): Numbers => ({
  ...readLlama(config),
  activation: 'gelu-tanh',
  tiedEmbeddings: config.flagOr(true, 'tie_word_embeddings'),
  slidingWindow: config.countOrNone('sliding_window'),
});

export const GEMMA2: Family = {
  family: 'gemma2',
  modelTypes: ['gemma2'],
  read,
  layers: LLAMA_LAYERS,
  adapted: ['q', 'v'],
  build: (b) =>
    decoderProgram(b, {
      ...SHARED,
      block: (builder, name, context) => block(builder, name, context, { capsScores: true }),
      leave: ({ tape }, logits) => softCap(tape, logits),
    }),
};

/** One block in six of Gemma 3 looks at all tokens. */
const isSliding = (name: string): boolean => (Number(/\d+$/.exec(name)?.[0]) + 1) % 6 !== 0;

export const GEMMA3: Family = {
  family: 'gemma3',
  modelTypes: ['gemma3_text', 'gemma3'],
  read,
  layers: LLAMA_LAYERS,
  adapted: ['q', 'v'],
  build: (b) =>
    decoderProgram(b, {
      ...SHARED,
      hasSlidingRotation: true,
      block: (builder, name, context) =>
        block(builder, name, context, {
          headNorm: makeNorm,
          ...(isSliding(name) ? { rotationOf: ({ slidingRotation }) => slidingRotation } : {}),
        }),
    }),
};
