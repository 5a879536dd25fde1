/**
 * The names of pools, each in its band of the plot: at the right edge, beside a bracket as high as the band.
 *
 * Invariant: no two names overlap, and what they cover is told, so that other names keep clear of them.
 */
import type { PixelRect } from './raster.js';
import type { Picture } from './picture.js';
import { element, fitText, text, textWidth } from './svg.js';

const NAME_SIZE = 11;
/** Pixels of a name's ground, and beside the name on it. */
const HEIGHT = 16;
const PADDING = 5;
const BRACKET = 3;
/** A band of fewer pixels than this has no name. */
const LEAST_BAND = 4;
/** A name has at most this share of the plot. */
const MOST_WIDTH = 1 / 3;

/** The name of a pool, and the ground on which it stands, in pixels. */
export interface PoolName {
  readonly name: string;
  readonly ground: PixelRect;
  /** Top and bottom of the part of the band that is in sight. */
  readonly band: { readonly top: number; readonly bottom: number };
}

/** The names for which there is room, from the bottom upwards. */
export function poolNames({ map, columns: { bases }, scale }: Picture): PoolName[] {
  const { plot } = scale;
  const names: PoolName[] = [];
  let free = plot.y + plot.height;
  for (const { pool, from, to } of bandsOf(map.poolNames ?? [], bases, map.chunks)) {
    const band = { top: Math.max(scale.y(to), plot.y), bottom: Math.min(scale.y(from), plot.y + plot.height) };
    const name = fitText(pool, NAME_SIZE, plot.width * MOST_WIDTH, 3);
    const width = textWidth(name, NAME_SIZE) + 2 * PADDING;
    const x = plot.x + plot.width - width - BRACKET - 2;
    const middle = (band.top + band.bottom) / 2;
    const y = Math.min(Math.max(middle - HEIGHT / 2, plot.y + 2), free - HEIGHT - 1);
    const isBeside = y < band.bottom && y + HEIGHT > band.top && y >= plot.y;
    if (name === '' || band.bottom - band.top < LEAST_BAND || !isBeside) continue;
    names.push({ name, ground: { x, y, width, height: HEIGHT }, band });
    free = y;
  }
  return names;
}

/** The names as markup. */
export function drawPoolNames(names: readonly PoolName[]): string {
  return names
    .map(({ name, ground: { x, y, width, height }, band: { top, bottom } }) => {
      const bracket = { x: x + width + 1, y: top + 1, width: BRACKET, height: Math.max(1, bottom - top - 2), rx: 1 };
      return [
        element('rect', { class: 'ta-surface', x, y, width, height, rx: 3, 'fill-opacity': 0.9 }),
        element('rect', { class: 'ta-muted', ...bracket }),
        text(name, { class: 'ta-ink ta-small ta-strong', x: x + PADDING, y: y + height - 4.5 }),
      ].join('');
    })
    .join('');
}

/** Chunks of one pool that follow each other, as bytes from the start of the first chunk. */
function bandsOf(
  pools: readonly string[],
  bases: readonly number[],
  chunks: readonly number[],
): { pool: string; from: number; to: number }[] {
  const bands: { pool: string; from: number; to: number }[] = [];
  pools.forEach((pool, chunk) => {
    const last = bands.at(-1);
    const to = bases[chunk] + chunks[chunk];
    if (last?.pool === pool) last.to = to;
    else bands.push({ pool, from: bases[chunk], to });
  });
  return bands;
}
