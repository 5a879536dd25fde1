/**
 * How an encoder tells where a patch lies.
 */
import type { InterpolateOptions } from '../../../dialects/ggml/ops/resampling.js';
import type { Tensor } from '../../../tensor/tensor.js';
import type { Encoder } from '../encoder.js';

/** One position per patch along each side: `pos_h` and `pos_w`. */
export function sidePositions(e: Encoder, count = e.patchCount): readonly [h: Tensor, w: Tensor] {
  return [e.input('i32', [count], 'pos_h'), e.input('i32', [count], 'pos_w')];
}

/** Settings of {@link turnHalves}. */
export interface HalvesOptions {
  readonly freqBase: number;
  /** Whether the frequencies of the second half lie between those of the first. */
  readonly isInterleaved?: boolean;
}

/** Turns the first half of each head by one position and the second by another, as llama.cpp's `build_rope_2d`. */
export function turnHalves(
  { ctx }: Encoder,
  x: Tensor,
  [first, second]: readonly [Tensor, Tensor],
  { freqBase, isInterleaved = false }: HalvesOptions,
): Tensor {
  const [length, heads, rows] = x.ne;
  const half = Math.floor(length / 2);
  const freqScale = isInterleaved ? Math.fround(freqBase ** (-2 / length)) : 1;
  const part = (positions: Tensor, offset: number, scale: number): Tensor => {
    const view = ctx.view(x, [half, heads, rows], [x.nb[1], x.nb[2]], offset);
    return ctx.rope(view, positions, half, { freqBase, freqScale: scale });
  };
  return ctx.concat(part(first, 0, 1), part(second, half * x.type.blockBytes, freqScale), 0);
}

/** Turns queries and keys by the row and the column of their patch: a function that shares one input. */
export function turnByPatch(e: Encoder, freqBase = 10000): (x: Tensor) => Tensor {
  const positions = e.input('i32', [e.patchCount * 4], 'positions');
  const quarter = Math.floor(e.numbers.headLength / 4);
  const sections = [quarter, quarter, quarter, quarter] as const;
  const yarn = { originalContext: 32768, betaFast: 32, betaSlow: 1 };
  return (x) =>
    e.ctx.rope(x, positions, Math.floor(e.numbers.headLength / 2), { mode: 'vision', sections, freqBase, ...yarn });
}

/** Bilinear, and averaging where the table shrinks. */
const USUAL: InterpolateOptions = { mode: 'bilinear', antialias: true };

/** The table of learned positions, which is square, scaled to the sides of the image unless it fits. */
export function scaledPositions(e: Encoder, options = USUAL): Tensor {
  const { ctx, columns, rows, numbers } = e;
  const table = e.top.weight('v.position_embd.weight');
  const side = Math.floor(Math.sqrt(table.ne[1]));
  if (columns === side && rows === side) return table;
  const square = ctx.permute(ctx.reshape(table, [numbers.length, side, side]), [2, 0, 1, 3]);
  const scaled = ctx.interpolate(square, [columns, rows, numbers.length, 1], options);
  return ctx.cont(ctx.permute(scaled, [1, 2, 0, 3]), [numbers.length, columns * rows]);
}
