/**
 * Granite Vision 4.1, whose projectors ask windows of several layers' rows.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_granite4_vision` for an image of one tile.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { attend, usualScale } from '../blocks/attention.js';
import { feedForward } from '../blocks/feed-forward.js';
import { networkParts } from '../blocks/layers.js';
import { linear, withBias } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { convolved, rowsOfPlanes } from '../blocks/patches.js';
import type { Encoder, EncoderScope } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

/** Elements of a head of the projectors. */
const HEAD_LENGTH = 64;
const PROJECTOR_EPSILON = Math.fround(1e-12);

function layer(s: EncoderScope, x: Tensor): Tensor {
  const { ctx, numbers } = s;
  const [length, rows] = x.ne;
  const normed = norm(s, 'ln1', x, 'layer');
  const heads = (part: string): Tensor =>
    ctx.reshape(linear(s, part, normed), [numbers.headLength, numbers.headCount, rows, 1]);
  const looked = attend(s, { q: heads('attn_q'), k: heads('attn_k'), v: heads('attn_v') });
  const sum = ctx.add(ctx.reshape(looked, [length, rows, 1]), x);
  const fed = feedForward(s, norm(s, 'ln2', sum, 'layer'), networkParts(s), numbers.activation);
  return s.named(ctx.add(sum, fed), 'layer_out');
}

/** How a projector cuts an image. */
interface Windows {
  /** Patches along one side of the image, of a window, and queries along one side of a window. */
  readonly image: number;
  readonly window: number;
  readonly query: number;
}

/** Attention of windows by themselves, added to what asks. */
function lookUp(s: EncoderScope, part: 'self' | 'cross', asking: Tensor, asked: Tensor): Tensor {
  const { ctx } = s;
  const [length, , windows] = asking.ne;
  const heads = (name: string, x: Tensor): Tensor => {
    const flat = ctx.reshape(x, [x.ne[0], x.ne[1] * x.ne[2]]);
    const count = Math.floor(length / HEAD_LENGTH);
    return ctx.reshape(linear(s, `${part}_attn_${name}`, flat), [HEAD_LENGTH, count, x.ne[1], windows]);
  };
  const all = { q: heads('q', asking), k: heads('k', asked), v: heads('v', asked) };
  const looked = attend(s, all, { output: `${part}_attn_out`, scale: usualScale(HEAD_LENGTH) });
  const sum = ctx.add(ctx.reshape(looked, asking.ne.slice(0, 3)), asking);
  return norm(s, `${part}_attn_norm`, sum, 'layer', PROJECTOR_EPSILON);
}

function network(s: EncoderScope, x: Tensor): Tensor {
  const { ctx } = s;
  const flat = ctx.reshape(x, [x.ne[0], x.ne[1] * x.ne[2]]);
  const active = ctx.geluErf(linear(s, 'ffn_up', flat));
  const fed = ctx.reshape(linear(s, 'ffn_down', active), x.ne.slice(0, 3));
  return norm(s, 'ffn_norm', ctx.add(fed, x), 'layer', PROJECTOR_EPSILON);
}

/** Means of squares of patches. */
function shrunk({ ctx }: EncoderScope, x: Tensor, side: number, newSide: number): Tensor {
  const [length] = x.ne;
  const planes = ctx.cont(ctx.permute(ctx.reshape(x, [length, side, side, 1]), [2, 0, 1, 3]));
  const pooled = ctx.pool2d(ctx.reshape(planes, [side, side, length]), 'avg', Math.floor(side / newSide));
  const split = ctx.reshape(pooled, [newSide, newSide, length, 1]);
  return ctx.reshape(ctx.cont(ctx.permute(split, [1, 2, 0, 3])), [length, newSide ** 2, 1]);
}

function projected(e: Encoder, index: number, x: Tensor, isSpatial: boolean, sides: Windows): Tensor {
  const { ctx } = e;
  const s = e.layer(index, 'v.proj_blk');
  const [length] = x.ne;
  const perSide = Math.floor(sides.image / sides.window);
  const newSide = perSide * sides.query;
  const name = (label: string): string => `g4v_blk${index}_${label}`;
  const named = (tensor: Tensor, label: string): Tensor => ctx.setName(tensor, name(label));
  const gathered = (rows: Tensor, label: string, count: number): Tensor =>
    ctx.getRows(rows, e.input('i32', [count, 1], name(label)));
  const inWindows = (rows: Tensor, side: number): Tensor => ctx.reshape(rows, [length, side ** 2, perSide ** 2]);
  const normed = named(norm(s, 'norm', named(x, 'inp'), 'layer'), 'norm');
  const seen = named(inWindows(gathered(normed, 'win_idx', sides.image ** 2), sides.window), 'enc');
  const small = isSpatial ? gathered(normed, 'spatial_idx', newSide ** 2) : shrunk(s, normed, sides.image, newSide);
  const few = gathered(named(small, 'downsampled'), 'qwin_idx', newSide ** 2);
  const queries = named(ctx.add(inWindows(few, sides.query), s.weight('query')), 'query_embeds');
  const asked = named(ctx.add(seen, s.weight('img_pos')), 'encoder_embeds');
  const asking = norm(s, 'post_norm', queries, 'layer', PROJECTOR_EPSILON);
  const self = named(lookUp(s, 'self', asking, asking), 'sa_out');
  const cross = named(lookUp(s, 'cross', self, asked), 'ca_out');
  const answers = named(network(s, cross), 'qformer_out');
  const flat = ctx.reshape(answers, [length, sides.query ** 2 * perSide ** 2, 1]);
  const raster = named(gathered(flat, 'unwin_idx', newSide ** 2), 'unwin');
  return linear(s, 'linear', raster);
}

const RECIPE: ProjectorRecipe = {
  build: (e) => {
    const { ctx, top, reader, numbers } = e;
    const image = withBias(top, 'v.patch_embd', rowsOfPlanes(e, convolved(e, e.rawInput())));
    let x = top.named(ctx.add(image, top.weight('v.position_embd.weight')), 'pos_embed');
    const results: Tensor[] = [];
    for (let index = 0; index < numbers.layerCount; index++) results.push((x = layer(e.layer(index), x)));
    const offsets = reader.integers('vision.projector.spatial_offsets') ?? [];
    const chosen = reader.integers('vision.feature_layer') ?? [];
    if (chosen.length === 0 || chosen.length !== offsets.length) {
      reader.refuse(
        'vision.feature_layer',
        'as many layers as vision.projector.spatial_offsets has numbers, at least one',
      );
    }
    const sides = {
      image: e.columns,
      window: reader.positive('vision.projector.window_side'),
      query: reader.positive('vision.projector.query_side'),
    };
    const streams = chosen.map((index, block) => {
      if (index < 0 || index >= results.length) reader.refuse('vision.feature_layer', 'a list of layers');
      const stream = projected(e, block, results[index], offsets[block] >= 0, sides);
      return ctx.setName(stream, `proj_${block}_v_out-${index}`);
    });
    return ctx.setName(
      streams.reduce((all, each) => ctx.concat(all, each, 0)),
      'g4v_mmproj_out',
    );
  },
};

export const GRANITE_VISION = { granite4_vision: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
