/**
 * Phi-3: Llama's block with fused projections, which are cut apart again.
 */
import type { Builder, Module } from '../builder.js';
import { mul, silu } from '../eager/ops/element-wise.js';
import { slice, split } from '../eager/ops/views.js';
import { attend, joinHeads, splitHeads } from './blocks.js';
import { decoderProgram, twoParts, type Context } from './decoder.js';
import type { Family } from './family.js';
import { LLAMA_NAMES, readLlama } from './llama.js';
import { rotate } from './rotary.js';

function selfAttention(b: Builder, name: string, context: () => Context): Module {
  const { tape: t } = b;
  const { hidden, heads, kvHeads, headDim } = b.model;
  const [ofQueries, ofKeys] = [heads * headDim, kvHeads * headDim];
  const output = b.linear(`${name}.o_proj`, ofQueries, hidden, false);
  const qkv = b.linear(`${name}.qkv_proj`, hidden, ofQueries + 2 * ofKeys, false);
  return (x) =>
    t.frame((hold) => {
      hold(x);
      const fused = hold(qkv(x));
      const ends = [0, ofQueries, ofQueries + ofKeys, ofQueries + 2 * ofKeys];
      const [q, k, v] = [heads, kvHeads, kvHeads].map((count, part) =>
        splitHeads(t, slice(t, fused, 2, ends[part], ends[part + 1]), count),
      );
      const { mask, rotation } = context();
      const [query, key] = rotate(t, q, k, rotation, true);
      hold(query);
      hold(key);
      return output(joinHeads(t, attend(t, { query, key, value: v, mask, softmaxInF32: true })));
    });
}

function feedForward(b: Builder, name: string): Module {
  const { tape: t } = b;
  const { hidden, ffn } = b.model;
  const gateUp = b.linear(`${name}.gate_up_proj`, hidden, 2 * ffn, false);
  const down = b.linear(`${name}.down_proj`, ffn, hidden, false);
  return (x) =>
    t.frame((hold) => {
      hold(x);
      const [gate, up] = split(t, hold(gateUp(x)), 2, [ffn, ffn]);
      return down(mul(t, up, silu(t, gate)));
    });
}

function block(b: Builder, name: string, context: () => Context): Module {
  const attention = selfAttention(b, `${name}.self_attn`, context);
  const feed = feedForward(b, `${name}.mlp`);
  const norm1 = b.rmsNorm(`${name}.input_layernorm`);
  const norm2 = b.rmsNorm(`${name}.post_attention_layernorm`);
  return twoParts(b, attention, feed, norm1, norm2);
}

export const PHI3: Family = {
  family: 'phi3',
  modelTypes: ['phi3'],
  read: (config) => {
    const numbers = readLlama(config);
    const rotaryDim = Math.floor(numbers.rotaryDim! * config.shareOr(1, 'partial_rotary_factor'));
    return { ...numbers, rotaryDim, slidingWindow: config.countOrNone('sliding_window') };
  },
  layers: { qkv: 'qkv_proj', o: 'o_proj', gate: 'gate_up_proj', up: 'gate_up_proj', down: 'down_proj' },
  adapted: ['qkv'],
  build: (b) => decoderProgram(b, { ...LLAMA_NAMES, block }),
};
