/**
 * The PLaMo family.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { attend } from '../blocks/attention.js';
import { product } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { turn } from '../blocks/rope.js';
import { decoder } from '../decoder/decoder.js';
import type { Block, DecoderInputs } from '../decoder/recipe.js';
import type { ModelBuilder } from '../model-builder.js';

/** PLaMo 3: norms on both sides of attention and network, gate and up in one matrix. */
export const plamo3 = decoder({
  rope: { mode: 'neox' },
  window: { tokens: 'none', period: 8, freqBase: 10000, isStretched: false },
  headRules: null,
  attention: attentionOfPlamo3,
  norms: {
    afterAttention: { part: 'post_attention_norm', isBare: true, label: 'attn_post_norm' },
    afterFeedForward: { part: 'post_ffw_norm', isBare: true, label: 'ffn_post_norm' },
  },
  labels: { attentionSum: 'attn_residual' },
  feedForward: { gate: 'halves' },
  end: forgetLastNames,
});

/** llama.cpp gives the last norm and the scores no names, so that they have their numbers among the nodes. */
function forgetLastNames({ ctx, graph }: ModelBuilder): void {
  for (const [position, node] of graph.nodes.entries()) {
    if (['result_norm', 'result_output'].includes(node.name)) ctx.setName(node, `node_${position}`);
  }
}

/** llama.cpp gives the name of the heads' matrix to what it is multiplied with. */
function attentionOfPlamo3(_: ModelBuilder, { positions, attention }: DecoderInputs): Block {
  return (s, x) => {
    const { ctx } = s;
    const { keyLength, valueLength, headCount, kvHeadCount } = s.heads;
    const keys = keyLength * kvHeadCount;
    const all = product(s, 'attn_qkv', x, keyLength * headCount + keys + valueLength * kvHeadCount);
    s.named(x, 'wqkv');
    const part = (length: number, count: number, first: number): Tensor =>
      ctx.view(all, [length, count, x.ne[1]], [length * all.nb[0], all.nb[1]], first * all.nb[0]);
    const normed = (name: string, heads: Tensor): Tensor => s.named(norm(s, name, heads), name);
    const q = s.named(part(keyLength, headCount, 0), 'Qcur');
    const k = s.named(part(keyLength, kvHeadCount, keyLength * headCount), 'Kcur');
    const v = s.named(part(valueLength, kvHeadCount, keyLength * headCount + keys), 'Vcur');
    const heads = {
      q: turn(s, normed('attn_q_norm', q), positions),
      k: turn(s, normed('attn_k_norm', k), positions),
      v,
    };
    return s.named(attend(s, attention, heads, { scale: 1 / Math.sqrt(keyLength) }), 'attn_out');
  };
}

/** PLaMo: attention and network side by side. */
export const plamo = decoder({
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  residual: { feedForwardReads: 'attention-input', sum: ['feed-forward', 'attention', 'residual'] },
  output: { weights: 'required' },
});
