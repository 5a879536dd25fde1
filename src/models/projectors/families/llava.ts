/**
 * LLaVA with its projectors of several kinds, MobileVLM, Granite Vision and GLM-Edge.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_llava`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { layers } from '../blocks/layers.js';
import { linear } from '../blocks/linear.js';
import { plainNorm } from '../blocks/norm.js';
import { patchRows } from '../blocks/patches.js';
import { postNorm, preNorm } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';
import { mobileVlm, mobileVlm2 } from './mobile-vlm.js';

type Project = (e: Encoder, x: Tensor) => Tensor;

/** The rows behind the layers; where the file names layers, those of each of them side by side. */
function features(e: Encoder, lastLayers: number): Tensor {
  const { ctx, top, numbers } = e;
  const listed = e.reader.integers('vision.feature_layer') ?? [];
  const deepest = Math.max(-1, ...listed);
  const end = deepest < 0 ? numbers.layerCount - lastLayers : deepest;
  const ofClass = top.optionalWeight('v.class_embd');
  const patches = patchRows(e);
  const image = ofClass === null ? patches : ctx.concat(patches, ofClass, 1);
  const positions = e.input('i32', [image.ne[1]], 'positions');
  const placed = ctx.add(image, ctx.getRows(top.weight('v.position_embd.weight'), positions));
  const found: Tensor[] = [];
  const before = (rows: Tensor, layer: number): Tensor => {
    if (listed.includes(layer)) found.push(rows);
    return rows;
  };
  const start = preNorm(e, placed, 'layer', 'pre_ln');
  const rows = postNorm(e, layers(e, start, { norm: 'layer' }, { end, before }), 'layer');
  if (listed.includes(end)) found.push(rows);
  return found.length === 0 ? rows : found.reduce((all, each) => ctx.concat(all, each, 0));
}

/** The rows of patches, without that of the class. */
function llava(project: Project): ProjectorRecipe {
  return {
    build: (e) => {
      const { ctx, patchCount } = e;
      const all = features(e, 1);
      const rows = ctx.reshape(all, [all.ne[0], all.ne[1]]);
      return project(e, ctx.getRows(rows, e.input('i32', [patchCount], 'patches')));
    },
  };
}

function mlp(e: Encoder, x: Tensor): Tensor {
  const { ctx, top } = e;
  // Yi-VL has norms between its matrices, and the same name.
  if (top.optionalWeight('mm.3.weight') !== null) return mlpWithNorms(e, x);
  const active = ctx.gelu(linear(top, 'mm.0', x));
  return top.optionalWeight('mm.2.weight') === null ? active : linear(top, 'mm.2', active);
}

function mlpWithNorms({ ctx, top }: Encoder, x: Tensor): Tensor {
  const first = plainNorm(top, 'mm.1', linear(top, 'mm.0', x));
  return plainNorm(top, 'mm.4', linear(top, 'mm.3', ctx.gelu(first)));
}

const GLM_EDGE: ProjectorRecipe = {
  build: (e) => {
    const { ctx, top } = e;
    const rows = features(e, 0);
    const side = Math.floor(Math.sqrt(rows.ne[1]));
    const planes = ctx.cont(ctx.permute(rows, [1, 0, 2, 3]), [side, side, rows.ne[0]]);
    const halved = ctx.conv2d(top.weight('adapter.conv.weight'), planes, { stride: 2 });
    const flat = ctx.reshape(halved, [halved.ne[0] * halved.ne[1], halved.ne[2], 1]);
    const joined = ctx.add(ctx.cont(ctx.permute(flat, [1, 0, 2, 3])), top.weight('adapter.conv.bias'));
    const normed = plainNorm(top, 'adapter.linear.norm1', linear(top, 'adapter.linear.linear', joined));
    const active = ctx.gelu(normed, { inPlace: true });
    const gate = linear(top, 'adapter.linear.gate', active);
    const inner = ctx.swiglu(gate, linear(top, 'adapter.linear.dense_h_to_4h', active));
    const tokens = linear(top, 'adapter.linear.dense_4h_to_h', inner);
    return ctx.concat(ctx.concat(top.weight('adapter.boi'), tokens, 1), top.weight('adapter.eoi'), 1);
  },
};

export const LLAVA = {
  mlp: llava(mlp),
  ldp: llava(mobileVlm),
  ldpv2: llava(mobileVlm2),
  adapter: GLM_EDGE,
} satisfies Readonly<Record<string, ProjectorRecipe>>;
