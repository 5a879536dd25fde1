/**
 * DeepSeek-OCR and DeepSeek-OCR 2, of which llama.cpp reserves memory for a row of one tile.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_deepseekocr` and `clip_graph_deepseekocr2`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { linear } from '../blocks/linear.js';
import { transformer } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { EncoderNumbers } from '../numbers.js';
import type { ProjectorRecipe } from '../recipe.js';
import { segmentAnything } from './sam.js';

const SIDE = 1024;
const PATCH = 16;

function ofTile(numbers: EncoderNumbers): EncoderNumbers {
  return { ...numbers, imageSize: SIDE, patchSize: PATCH };
}

/** The tiles of a row as images of their own: here, one. */
function tiles(e: Encoder): Tensor {
  const { ctx } = e;
  const { width } = e.given;
  const split = ctx.reshape(e.rawInput(), [width * width, 1, 3, 1]);
  return ctx.reshape(ctx.cont(ctx.permute(split, [0, 2, 1, 3])), [width, width, 3, 1]);
}

function numbered({ ctx }: Encoder, count: number): Tensor {
  return ctx.cast(ctx.arange(0, count, 1), 'i32');
}

/** Rows of all pixels of planes. */
function rowsOf({ ctx }: Encoder, planes: Tensor): Tensor {
  const [width, height, length, images] = planes.ne;
  return ctx.cont(ctx.permute(ctx.reshape(planes, [width * height, length, images]), [1, 0, 2, 3]));
}

/** The table of positions, with that of the class; scaled unless it fits. */
function positions(e: Encoder, count: number): readonly [table: Tensor, count: number] {
  const { ctx, top, numbers } = e;
  const table = top.weight('v.position_embd.weight');
  const [length, rows] = table.ne;
  const [wanted, found] = [Math.floor(Math.sqrt(count)), Math.floor(Math.sqrt(rows - 1))];
  if (wanted === found) return [table, rows];
  const old = ctx.view(table, [length, found ** 2]);
  // llama.cpp takes the place of the class in bytes for one in rows.
  const ofClass = ctx.view(table, [length, 1], [], found ** 2);
  const scaled = ctx.interpolate(old, [wanted, wanted, length, 1], { mode: 'bicubic' });
  const joined = ctx.concat(ctx.reshape(scaled, [numbers.length, wanted ** 2, 1]), ofClass, 1);
  return [joined, wanted ** 2 + 1];
}

/** A token behind each row of the image. */
function withNewlines({ ctx, top }: Encoder, x: Tensor, side: number): Tensor {
  const [length] = x.ne;
  const grid = ctx.reshape(x, [length * side, side, 1, 1]);
  const rows = ctx.reshape(ctx.cont(ctx.permute(grid, [0, 2, 1, 3])), [length, side, side, 1]);
  const lines = ctx.repeat(top.weight('v.image_newline'), [length, 1, side, 1]);
  return ctx.reshape(ctx.concat(rows, lines, 1), [length, (side + 1) * side, 1]);
}

const FIRST: ProjectorRecipe = {
  adjust: (numbers) => ({ ...ofTile(numbers), epsilon: Math.fround(1e-5) }),
  build: (e) => {
    const { ctx, top, graph } = e;
    const { length } = e.numbers;
    const seen = segmentAnything(e, tiles(e));
    const count = seen.ne[0] * seen.ne[1];
    const patches = rowsOf(e, seen);
    const [table, positionCount] = positions(e, count);
    const ofClass = ctx.repeat(top.weight('v.class_embd'), [length, 1, 1, 1]);
    const joined = ctx.concat(ofClass, patches, 1);
    const learned = ctx.getRows(table, numbered(e, positionCount));
    const rows = transformer(e, joined, { norm: 'layer', activation: 'gelu_quick', positions: learned });
    graph.expand(rows);
    const pixels = ctx.cont(ctx.permute(seen, [1, 2, 0, 3]));
    const flat = ctx.reshape(pixels, [pixels.ne[0], count, 1]);
    const described = ctx.view(rows, [length, count, 1], [rows.nb[1], rows.nb[2]], rows.nb[1]);
    const tokens = linear(top, 'mm.model.fc', ctx.concat(described, flat, 0));
    return top.named(withNewlines(e, tokens, Math.floor(Math.sqrt(count))), 'dsocr_output');
  },
};

/** Queries that the patches answer, by the number of patches. */
const QUERIES: Readonly<Record<number, string | undefined>> = { 144: 'v.resample_query_768.weight' };
const USUAL_QUERIES = 'v.resample_query_1024.weight';

const SECOND: ProjectorRecipe = {
  adjust: (numbers, reader) => ({
    ...ofTile(numbers),
    kvHeadCount: reader.positive('vision.attention.head_count_kv'),
  }),
  build: (e) => {
    const { ctx, top, numbers, graph } = e;
    const patches = rowsOf(e, segmentAnything(e, e.rawInput()));
    const count = patches.ne[1];
    const asked = ctx.cast(top.weight(QUERIES[count] ?? USUAL_QUERIES), 'f32');
    const joined = ctx.concat(patches, ctx.repeat(asked, [asked.ne[0], count, 1, 1]), 1);
    const rows = joined.ne[1];
    const mask = e.input('f32', [rows, rows], 'qwen2_attn_mask');
    const places = numbered(e, rows);
    const settings = { mode: 'neox', originalContext: 131072, freqBase: 1000000 } as const;
    const x = transformer(e, joined, {
      norm: 'rms',
      activation: 'silu',
      turn: (heads) => ctx.rope(heads, places, numbers.headLength, settings),
      mask: () => mask,
    });
    const answers = ctx.view(x, [x.ne[0], count, 1], [x.nb[1], x.nb[2]], x.nb[1] * (rows - count));
    const kept = ctx.cont(answers);
    graph.expand(kept);
    return top.named(linear(top, 'mm.model.fc', kept), 'dsocr2_output');
  },
};

export const DEEPSEEK_OCR = { deepseekocr: FIRST, deepseekocr2: SECOND } satisfies Readonly<
  Record<string, ProjectorRecipe>
>;
