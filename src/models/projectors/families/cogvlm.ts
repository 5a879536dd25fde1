/**
 * CogVLM, whose layers have their norms behind attention and network.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_cogvlm`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { attend } from '../blocks/attention.js';
import { feedForward } from '../blocks/feed-forward.js';
import { networkParts, splitHeads } from '../blocks/layers.js';
import { linear } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { patchRows } from '../blocks/patches.js';
import type { EncoderScope } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

function layer(s: EncoderScope, x: Tensor): Tensor {
  const { ctx, numbers } = s;
  const { q, k, v } = splitHeads(s, linear(s, 'attn_qkv', x));
  const heads = { q: s.named(q, 'Qcur'), k: s.named(k, 'Kcur'), v: s.named(v, 'Vcur') };
  const looked = s.named(attend(s, heads), 'attn_out');
  const sum = ctx.add(s.named(norm(s, 'ln1', looked, 'layer'), 'attn_post_norm'), x);
  const fed = s.named(feedForward(s, sum, networkParts(s), numbers.activation), 'ffn_out');
  return s.named(ctx.add(s.named(norm(s, 'ln2', fed, 'layer'), 'ffn_post_norm'), sum), 'layer_out');
}

const RECIPE: ProjectorRecipe = {
  build: (e) => {
    const { ctx, top, numbers, patchCount } = e;
    const joined = ctx.concat(patchRows(e), top.weight('v.class_embd'), 1);
    let x = top.named(ctx.add(joined, top.weight('v.position_embd.weight')), 'inp_pos');
    for (let index = 0; index < numbers.layerCount; index++) x = layer(e.layer(index), x);
    const patches = ctx.view(x, [numbers.length, patchCount]);
    const product = ctx.mulMat(top.weight('mm.model.fc.weight'), patches);
    const active = ctx.gelu(norm(top, 'mm.post_fc_norm', product, 'layer', 1e-5), { inPlace: true });
    const up = ctx.mulMat(top.weight('mm.up.weight'), active);
    const gated = ctx.swiglu(ctx.mulMat(top.weight('mm.gate.weight'), active), up);
    const tokens = ctx.mulMat(top.weight('mm.down.weight'), gated);
    return ctx.concat(ctx.concat(top.weight('v.boi'), tokens, 1), top.weight('v.eoi'), 1);
  },
};

export const COGVLM = { cogvlm: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
