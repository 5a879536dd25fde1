/**
 * The legend of a map: only what occurs in it, in rows that wrap.
 */
import { groupDigits, humanBytes } from '../format.js';
import { sizeClass } from './boxes.js';
import { FAMILIES, type MemoryMap } from './memory-map.js';
import { SHADES } from './raster.js';
import { element, px, text, textWidth } from './svg.js';
import { fillClass, SIZE_CLASSES, type MapColors } from './theme.js';

const ROW = 20;
const SYMBOL = 18;
const BETWEEN = 18;

interface Entry {
  readonly label: string;
  /** Markup of a symbol of {@link SYMBOL} by 12 pixels, at the origin. */
  readonly symbol: string;
}

/** A legend, and how high it is. */
export interface Legend {
  readonly markup: string;
  /** Pixels. */
  readonly height: number;
}

/** Draws the legend with its first row at `y` 0. */
export function drawLegend(map: MemoryMap, colors: MapColors, x: number, width: number): Legend {
  const entries = [...(colors === 'size' ? sizes(map) : families(map)), ...symbols(map), MERGED];
  let left = 0;
  let row = 0;
  const markup = entries.map(({ label, symbol }) => {
    const entryWidth = SYMBOL + 6 + textWidth(label, 12);
    if (left > 0 && left + entryWidth > width) {
      left = 0;
      row++;
    }
    const place = `translate(${px(x + left)} ${px(row * ROW)})`;
    left += entryWidth + BETWEEN;
    return element('g', { transform: place }, symbol, text(label, { class: 'ta-ink', x: SYMBOL + 6, y: 10 }));
  });
  return { markup: markup.join(''), height: (row + 1) * ROW };
}

const swatch = (style: string): string => element('rect', { class: style, width: 14, height: 12, x: 2, rx: 2 });

function families({ boxes }: MemoryMap): Entry[] {
  const counts = new Map<string, number>();
  for (const { family } of boxes) counts.set(family, (counts.get(family) ?? 0) + 1);
  return FAMILIES.filter((family) => counts.has(family)).map((family) => ({
    label: `${family} (${groupDigits(counts.get(family)!)})`,
    symbol: swatch(fillClass(family)),
  }));
}

function sizes({ boxes }: MemoryMap): Entry[] {
  const largest = boxes.reduce((most, { size }) => Math.max(most, size), 1);
  const counts = new Array<number>(SIZE_CLASSES).fill(0);
  for (const { size } of boxes) counts[sizeClass(size, largest)]++;
  const classes = counts.map((count, index) => {
    const above = Math.ceil(largest / 4 ** (SIZE_CLASSES - index));
    const label =
      index === 0 ? `up to ${humanBytes(Math.floor(largest / 4 ** (SIZE_CLASSES - 1)))}` : `over ${humanBytes(above)}`;
    return { count, label: `${label} (${groupDigits(count)})`, symbol: swatch(fillClass(index)) };
  });
  return classes.filter(({ count }) => count > 0).reverse();
}

/** Too many to draw one by one: see raster.ts. */
const MERGED: Entry = {
  label: 'merged, paler where partly used',
  symbol: SHADES.map((opacity, shade) => {
    return element('rect', { class: 'ta-muted', 'fill-opacity': opacity, x: 6 * shade, width: 6, height: 12 });
  }).join(''),
};

function symbols({ boxes }: MemoryMap): Entry[] {
  const handOvers = boxes.filter(({ takesOver }) => takesOver !== -1).length;
  const views = boxes.reduce((count, box) => count + box.views.length, 0);
  const line = (style: string): string => element('path', { class: style, fill: 'none', d: 'M0 6h18' });
  const entries = [
    { label: 'live load', symbol: line('ta-load') },
    { label: 'peak', symbol: line('ta-peak') },
    { label: 'lower bound', symbol: line('ta-bound') },
  ];
  const seam =
    element('path', { class: 'ta-seam', d: 'M7 0v12' }) + element('path', { class: 'ta-arrow', d: 'M8 2l6 4l-6 4z' });
  if (handOvers > 0) entries.push({ label: `in place (${groupDigits(handOvers)})`, symbol: seam });
  const hatch = element('rect', { fill: 'url(#ta-hatch)', class: 'ta-frame-line', width: 18, height: 12 });
  if (views > 0) entries.push({ label: `seen through a view (${groupDigits(views)})`, symbol: hatch });
  return entries;
}
