/**
 * CogVLM: Llama's layers with a second set of matrices for the tokens of images. A batch of text reads the first set.
 */
import { attend } from '../blocks/attention.js';
import { product } from '../blocks/linear.js';
import { frequencyFactors } from '../blocks/rope.js';
import { decoder } from '../decoder/decoder.js';
import type { Block, DecoderInputs } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { Layer, ModelBuilder } from '../model-builder.js';

export const cogvlm = decoder({
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true },
  attention: fusedAttention,
  norms: { beforeAttention: { part: 'attn_norm', label: null } },
  labels: { feedForward: null },
  keepsWantedAfter: 'nothing',
  end: (m) => {
    for (const s of m.layers()) loadUnread(s);
  },
});

/** Queries, keys and values are views of one product; heads turn with plain frequencies, whatever the file says. */
function fusedAttention(_: ModelBuilder, { positions, attention }: DecoderInputs): Block<Hyperparameters> {
  return (s, x) => {
    const { ctx } = s;
    const { headCount, kvHeadCount, keyLength } = s.heads;
    const all = product(s, 'attn_qkv', x, 3 * headCount * keyLength);
    const part = (count: number, index: number): ReturnType<typeof product> =>
      ctx.view(
        all,
        [keyLength, count, x.ne[1]],
        [keyLength * all.nb[0], all.nb[1]],
        index * s.hp.embeddingLength * all.nb[0],
      );
    const [q, k, v] = [part(headCount, 0), part(kvHeadCount, 1), part(kvHeadCount, 2)];
    const turn = (heads: typeof q): typeof q => ctx.rope(heads, positions, keyLength, { mode: 'neox' });
    const heads = { q: turn(q), k: turn(k), v };
    return s.named(attend(s, attention, heads, { scale: 1 / Math.sqrt(keyLength) }), 'attn_out');
  };
}

/** The matrices for images, and divisors of the frequencies. */
function loadUnread(s: Layer): void {
  const { embeddingLength: width } = s.hp;
  const { headCount, keyLength } = s.heads;
  const length = headCount * keyLength;
  s.weight('vis_attn_qkv.weight', [width, 3 * length]);
  s.weight('vis_attn_output.weight', [length, width]);
  for (const part of ['vis_gate', 'vis_up']) s.weight(`${part}.weight`, [width, s.feedForwardLength]);
  s.weight('vis_down.weight', [s.feedForwardLength, width]);
  frequencyFactors(s, 'plain');
}
