/**
 * The encoder of Segment Anything, with which DeepSeek-OCR begins.
 *
 * Invariant: order and names are those of `build_sam` of llama.cpp's `clip_graph_deepseekocr`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { attend, usualScale } from '../blocks/attention.js';
import { feedForward } from '../blocks/feed-forward.js';
import { linear } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import type { Encoder, EncoderScope } from '../encoder.js';

const EPSILON = Math.fround(1e-6);
/** The layers whose attention sees the whole image. */
const WHOLE = [2, 5, 8, 11];

interface SamNumbers {
  readonly length: number;
  readonly heads: number;
  readonly layers: number;
  /** Patches along one side of a window. */
  readonly window: number;
}

/** The patches of two axes: which distance lies between each and each. */
interface Distances {
  readonly window: Tensor;
  readonly image: Tensor;
}

/** A convolution whose patches keep their precision unless the kernel has less. */
function convolved({ ctx }: Encoder, kernel: Tensor, x: Tensor, stride: number, padding = 0): Tensor {
  const [kernelWidth, kernelHeight, channels, outputs] = kernel.ne;
  const columns = ctx.im2col(kernel, x, 2, kernel.type.name === 'f16' ? 'f16' : 'f32', { stride, padding });
  const [patch, width, height, images] = columns.ne;
  const rows = ctx.reshape(columns, [patch, images * height * width]);
  const product = ctx.mulMat(rows, ctx.reshape(kernel, [kernelWidth * kernelHeight * channels, outputs]));
  return ctx.cont(ctx.permute(ctx.reshape(product, [width, height, images, outputs]), [0, 1, 3, 2]));
}

/** How many patches are missing for whole windows, and how many windows there are. */
function windowsOf(length: number, window: number): readonly [missing: number, count: number] {
  const missing = (window - (length % window)) % window;
  return [missing, (length + missing) / window];
}

function intoWindows({ ctx }: EncoderScope, x: Tensor, window: number): Tensor {
  const [length, width, height, images] = x.ne;
  const [missingX, columns] = windowsOf(width, window);
  const [missingY, rows] = windowsOf(height, window);
  const whole = missingX > 0 || missingY > 0 ? ctx.pad(x, [0, missingX, missingY]) : x;
  const split = ctx.reshape(whole, [length * window, columns, window, rows * images]);
  const joined = ctx.cont(ctx.permute(split, [0, 2, 1, 3]));
  return ctx.reshape(joined, [length, window, window, columns * rows * images]);
}

function outOfWindows({ ctx }: EncoderScope, x: Tensor, [width, height]: readonly number[], window: number): Tensor {
  const [length, , , count] = x.ne;
  const [missingX, columns] = windowsOf(width, window);
  const [missingY, rows] = windowsOf(height, window);
  const images = Math.floor(count / (columns * rows));
  const split = ctx.reshape(x, [length * window, window, columns, rows * images]);
  const joined = ctx.cont(ctx.permute(split, [0, 2, 1, 3]));
  const whole = ctx.reshape(joined, [length, width + missingX, height + missingY, images]);
  return ctx.cont(ctx.view(whole, [length, width, height, images], whole.nb.slice(1)));
}

/** What each distance along one axis is worth: `[head, side, side]`. */
function worths({ ctx }: EncoderScope, table: Tensor, distances: Tensor, side: number): Tensor {
  const needed = 2 * side - 1;
  let x = table;
  if (needed !== table.ne[1]) {
    const [length, count, planes, images] = table.ne;
    const series = ctx.reshape(ctx.cont(ctx.permute(table, [1, 0, 2, 3])), [count, 1, length * planes * images]);
    const scaled = ctx.interpolate(series, [needed, 1, length * planes * images, 1], { mode: 'bilinear' });
    x = ctx.cont(ctx.permute(ctx.reshape(scaled, [needed, length, planes, images]), [1, 0, 2, 3]));
  }
  const found = ctx.getRows(x, ctx.reshape(distances, [side * side]));
  return ctx.reshape(found, [table.ne[0], side, side]);
}

/** What is added to the scores: the worth of both distances. */
function distanceMask(s: EncoderScope, q: Tensor, distances: Tensor, [width, height]: readonly number[]): Tensor {
  const { ctx } = s;
  const [length, heads, count, images] = q.ne;
  const ofColumns = worths(s, s.weight('attn.pos_w.weight'), distances, width);
  const ofRows = worths(s, s.weight('attn.pos_h.weight'), distances, height);
  const queries = ctx.reshape(ctx.cont(ctx.permute(q, [0, 2, 1, 3])), [length, width, height, images * heads]);
  const byColumn = ctx.mulMat(ofColumns, ctx.cont(ctx.permute(queries, [0, 2, 1, 3])));
  const columns = ctx.reshape(ctx.cont(ctx.permute(byColumn, [0, 2, 1, 3])), [width, 1, count, heads * images]);
  const everywhere = ctx.repeat(columns, [width, height, count, heads * images]);
  const rows = ctx.reshape(ctx.mulMat(ofRows, queries), [1, height, count, heads * images]);
  const mask = ctx.reshape(ctx.add(everywhere, rows), [count, count, heads, images]);
  return s.encoder.flashAttention ? ctx.cast(mask, 'f16') : mask;
}

function attention(s: EncoderScope, x: Tensor, distances: Tensor, { length, heads }: SamNumbers): Tensor {
  const { ctx } = s;
  const [, width, height, images] = x.ne;
  const headLength = Math.floor(length / heads);
  const all = ctx.reshape(linear(s, 'attn.qkv', x), [length, 3, width * height, images]);
  const part = (index: number): Tensor => {
    const view = ctx.view(all, [length, width * height, images], [all.nb[2], all.nb[3]], index * all.nb[1]);
    return ctx.reshape(ctx.cont(view), [headLength, heads, width * height, images]);
  };
  const [q, k, v] = [part(0), part(1), part(2)];
  const mask = distanceMask(s, q, distances, [width, height]);
  const looked = attend(s, { q, k, v }, { output: 'attn.out', mask, scale: usualScale(headLength) });
  return ctx.reshape(ctx.cont(looked), [length, width, height, images]);
}

function layer(s: EncoderScope, index: number, x: Tensor, distances: Distances, numbers: SamNumbers): Tensor {
  const { ctx } = s;
  const { window } = numbers;
  const normed = norm(s, 'pre_ln', x, 'layer', EPSILON);
  const looked = WHOLE.includes(index)
    ? attention(s, normed, distances.image, numbers)
    : outOfWindows(
        s,
        attention(s, intoWindows(s, normed, window), distances.window, numbers),
        normed.ne.slice(1),
        window,
      );
  const sum = ctx.add(looked, x);
  const parts = { up: 'mlp.lin1', down: 'mlp.lin2' };
  const fed = feedForward(s, norm(s, 'post_ln', sum, 'layer', EPSILON), parts, s.numbers.activation);
  return s.named(ctx.add(fed, sum), 'sam_layer_out');
}

/** Patches plus their learned positions, elements innermost. */
function placed(e: Encoder, x: Tensor, { length }: SamNumbers): Tensor {
  const { ctx, top } = e;
  const table = top.weight('v.sam.pos_embd.weight');
  const side = x.ne[1];
  if (table.ne[1] === side) return ctx.add(x, table);
  const planes = ctx.cont(ctx.permute(table, [2, 0, 1, 3]));
  const scaled = ctx.interpolate(planes, [side, side, length, 1], { mode: 'bicubic' });
  return ctx.add(x, ctx.cont(ctx.permute(scaled, [1, 2, 0, 3])));
}

/** The planes of an image, a sixteenth as wide as its patches, in the graph. */
export function segmentAnything(e: Encoder, image: Tensor): Tensor {
  const { ctx, top, reader } = e;
  const numbers: SamNumbers = {
    length: reader.positive('vision.sam.embedding_length'),
    heads: reader.positive('vision.sam.head_count'),
    layers: reader.integer('vision.sam.block_count'),
    window: reader.positive('vision.window_size'),
  };
  const innermost = (x: Tensor): Tensor => ctx.cont(ctx.permute(x, [1, 2, 0, 3]));
  const outermost = (x: Tensor): Tensor => ctx.cont(ctx.permute(x, [2, 0, 1, 3]));
  const kernel = top.weight('v.sam.patch_embd.weight');
  const bias = ctx.reshape(top.weight('v.sam.patch_embd.bias'), [1, 1, numbers.length]);
  const patches = innermost(ctx.add(convolved(e, kernel, image, kernel.ne[0]), bias));
  const distances = {
    window: e.input('i32', [numbers.window, numbers.window], 'rel_pos_indices_local'),
    image: e.input('i32', [patches.ne[1], patches.ne[2]], 'rel_pos_indices_global'),
  };
  let x = placed(e, patches, numbers);
  for (let index = 0; index < numbers.layers; index++) {
    x = layer(e.layer(index, 'v.sam.blk'), index, x, distances, numbers);
  }
  x = convolved(e, top.weight('v.sam.neck.0.weight'), outermost(x), 1);
  x = outermost(norm(top, 'v.sam.neck.1', innermost(x), 'layer', EPSILON));
  x = convolved(e, top.weight('v.sam.neck.2.weight'), x, 1, 1);
  x = outermost(norm(top, 'v.sam.neck.3', innermost(x), 'layer', EPSILON));
  for (const part of ['v.sam.net_2.weight', 'v.sam.net_3.weight']) x = convolved(e, top.weight(part), x, 2, 1);
  top.named(x, 'sam_output');
  e.graph.expand(x);
  return x;
}
