/**
 * BitNet: a norm ahead of the last matrix of attention and of the network.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { attended, projectOutput } from '../blocks/attention.js';
import { feedForward } from '../blocks/feed-forward.js';
import { linear } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { preparedHeads } from '../decoder/attention.js';
import { decoder } from '../decoder/decoder.js';
import type { BlockMaker } from '../decoder/recipe.js';
import type { Layer } from '../model-builder.js';

const normedAttention: BlockMaker =
  (_, { positions, attention }) =>
  (s, x) => {
    const heads = preparedHeads(s, x, positions, { matrices: 'separate', bias: 'none' });
    const mixed = attended(s, attention, heads, { scale: 1 / Math.sqrt(s.heads.keyLength) });
    const normed = s.named(norm(s, 'attn_sub_norm', mixed), 'attn_sub_norm');
    return s.named(projectOutput(s, normed), 'attn_out');
  };

function network(s: Layer, x: Tensor): Tensor {
  const inner = feedForward(s, x, s.feedForwardLength, { isScaled: true, endsBeforeDown: true });
  const normed = s.named(norm(s, 'ffn_sub_norm', s.named(inner, 'ffn_sub_out')), 'ffn_sub_norm');
  return linear(s, 'ffn_down', normed, x.ne[0]);
}

export const bitnet = decoder({
  rope: { mode: 'neox' },
  headRules: { isAsWideAsEmbedding: true },
  attention: normedAttention,
  labels: { feedForward: 'ffn_down' },
  feedForward: network,
  output: { weights: 'none' },
});
