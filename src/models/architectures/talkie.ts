/**
 * Talkie: norms without weights, a factor for each query head, and embeddings that every layer adds again.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { attend } from '../blocks/attention.js';
import { feedForward } from '../blocks/feed-forward.js';
import { keepWanted } from '../blocks/inputs.js';
import { product } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { preparedHeads } from '../decoder/attention.js';
import { decoder } from '../decoder/decoder.js';
import type { BlockMaker } from '../decoder/recipe.js';
import type { Layer } from '../model-builder.js';

/** Heads are normalised after they have turned. */
const attention: BlockMaker =
  (_, { positions, attention: inputs }) =>
  (s, x) => {
    const { headCount, keyLength } = s.heads;
    const { q, k, v } = preparedHeads(s, x, positions, {}, { labels: { q: null, k: null } });
    const factored = norm(s, 'attn_q_norm', q, { weight: 'required', ne: [1, headCount] });
    const heads = { q: s.named(factored, 'Qcur_norm'), k: s.named(norm(s, 'attn_k_norm', k), 'Kcur_norm'), v };
    return s.named(attend(s, inputs, heads, { scale: 1 / Math.sqrt(keyLength) }), 'attn_out');
  };

/** Only the last matrix has a scale. */
function network(s: Layer, x: Tensor): Tensor {
  const inner = feedForward(s, x, s.feedForwardLength, { endsBeforeDown: true });
  const down = product(s, 'ffn_down', inner, x.ne[0]);
  const scale = s.optionalWeight('ffn_down.scale', [1]);
  return s.named(scale === null ? down : s.ctx.mul(down, scale), 'ffn_out');
}

const layer: BlockMaker = (m, inputs) => {
  const attended = attention(m, inputs);
  let embeddings: Tensor | null = null;
  return (s, x) => {
    const { ctx } = s;
    embeddings ??= x;
    const normed = s.named(norm(s, 'attn_norm', x), 'attn_norm');
    const [heard, residual, first] = keepWanted(s, inputs.wanted, attended(s, normed), x, embeddings);
    const sum = s.named(ctx.add(heard, residual), 'ffn_inp');
    const fed = network(s, s.named(norm(s, 'ffn_norm', sum), 'ffn_norm'));
    const again = s.named(ctx.mul(first, s.weight('layer_output_scale.weight', [1])), 'embd_skip');
    return s.named(ctx.add(ctx.add(fed, sum), again), 'l_out');
  };
};

export const talkie = decoder({
  norm: { kind: 'rms', weight: 'none' },
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true },
  begin: (m, x) => m.top.named(norm(m.top, 'token_embd_norm', x), 'inp_norm'),
  layer,
  scales: { logits: 'required' },
  output: { weights: 'required', product: 'adapted' },
});
