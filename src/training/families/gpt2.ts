/**
 * GPT-2: learned positions, weights stored the other way round, GELU out of single operations.
 */
import type { Builder, Module } from '../builder.js';
import { add, gelu, mul, pow, scaled, shifted, tanh } from '../eager/ops/element-wise.js';
import { split } from '../eager/ops/views.js';
import type { Tape } from '../eager/tape.js';
import type { Value } from '../eager/value.js';
import {
  attend,
  causalLoss,
  causalMask,
  findPackedTexts,
  joinHeads,
  positions,
  runBlocks,
  splitHeads,
} from './blocks.js';
import type { Family, Program } from './family.js';

function build(b: Builder): Program {
  const { tape: t, model, run } = b;
  const tokens = b.embedding('transformer.wte', model.vocab, model.hidden);
  const table = b.embedding('transformer.wpe', model.positionRows, model.hidden);
  let mask: Value | null = null;
  const blocks = Array.from({ length: model.layers }, (_, index) => block(b, `transformer.h.${index}`, () => mask));
  const norm = b.layerNorm('transformer.ln_f');
  const ids = b.input('input_ids', [run.batch, run.sequence]);
  const transformer = (): Value =>
    t.frame((hold) => {
      const embedded = hold(b.entering(tokens.rows(ids)));
      const positionIds = hold(positions(t, run.sequence));
      const placed = hold(table.rows(positionIds));
      const x = add(t, embedded, placed);
      findPackedTexts(t, positionIds, run.batch);
      if (run.attention === 'eager') mask = hold(causalMask(t, run.batch, run.sequence, x.type));
      return norm(runBlocks(b, blocks, x, mask === null ? [] : [mask]));
    });
  return () =>
    t.frame((hold) => {
      const last = hold(transformer());
      return causalLoss(b, last, { weight: tokens.weight }, ids);
    });
}

function block(b: Builder, name: string, mask: () => Value | null): Module {
  const { tape: t } = b;
  const { hidden, heads, headDim, ffn } = b.model;
  const width = heads * headDim;
  const norm1 = b.layerNorm(`${name}.ln_1`);
  const qkv = b.linearOfColumns(`${name}.attn.c_attn`, hidden, 3 * width);
  const output = b.linearOfColumns(`${name}.attn.c_proj`, width, hidden);
  const norm2 = b.layerNorm(`${name}.ln_2`);
  const up = b.linearOfColumns(`${name}.mlp.c_fc`, hidden, ffn);
  const down = b.linearOfColumns(`${name}.mlp.c_proj`, ffn, hidden);
  const attention = (x: Value): Value =>
    t.frame((hold) => {
      const parts = split(t, hold(qkv(x)), 2, [width, width, width]);
      const [query, key, value] = parts.map((part) => splitHeads(t, part, heads));
      return output(joinHeads(t, attend(t, { query, key, value, mask: mask() })));
    });
  const activate = b.model.activation === 'gelu-new' ? newGelu : gelu;
  return (x) =>
    t.frame((hold) => {
      const middle = add(t, hold(attention(norm1(x))), x);
      const fed = hold(down(activate(t, up(norm2(middle)))));
      return add(t, middle, fed);
    });
}

/** `0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3)))`, one operation after another. */
export function newGelu(t: Tape, x: Value): Value {
  const half = scaled(t, x);
  const inner = scaled(t, add(t, x, scaled(t, pow(t, x))));
  return mul(t, half, shifted(t, tanh(t, inner)));
}

export const GPT2: Family = {
  family: 'gpt2',
  modelTypes: ['gpt2'],
  read: (config) => {
    const hidden = config.count('n_embd');
    return {
      vocab: config.count('vocab_size'),
      hidden,
      layers: config.count('n_layer'),
      heads: config.count('n_head'),
      ffn: config.countOr(4 * hidden, 'n_inner'),
      activation: config.choice({ gelu_new: 'gelu-new', gelu: 'gelu' } as const, 'gelu_new', 'activation_function'),
      positionRows: config.count('n_positions'),
    };
  },
  // Names of attention and of the feed-forward part end alike: the longer ends tell them apart.
  layers: { qkv: 'c_attn', o: 'attn.c_proj', up: 'c_fc', down: 'mlp.c_proj' },
  adapted: ['qkv'],
  build,
};
