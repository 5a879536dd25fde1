/**
 * The legend of a map: only what occurs in it, in rows that wrap.
 */
import { groupDigits, humanBytes } from '../format.js';
import type { BoxColumns } from './columns.js';
import { SIZE_CLASSES, deviceClass, fillClass, fillsOf, type MapColors } from './theme.js';
import type { MemoryMap } from './memory-map.js';
import type { ColoredMap } from './picture.js';
import { SHADES } from './raster.js';
import { element, px, text, textWidth } from './svg.js';

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

/** Where a legend goes, pixels. */
interface LegendPlace {
  readonly x: number;
  readonly width: number;
  readonly height: number;
  /** Whether the legend says what the lines stand for in bytes, since there is no room beside them. */
  readonly isNarrow: boolean;
  /** Whether small rectangles are merged. */
  readonly hasMerged: boolean;
}

/** Draws the legend with its first row at `y` 0, as many rows as there is room for. */
export function drawLegend({ map, columns, colors }: ColoredMap, place: LegendPlace): Legend {
  const { x, width, height, isNarrow, hasMerged } = place;
  const entries = [...fills(columns, colors), ...lines(map, isNarrow), ...symbols(columns), ...devices(map)];
  if (hasMerged) entries.push(MERGED);
  const lastRow = Math.max(1, Math.floor(height / ROW)) - 1;
  let left = 0;
  let row = 0;
  const markup: string[] = [];
  for (const { label, symbol } of entries) {
    const entryWidth = SYMBOL + 6 + textWidth(label, 12);
    if (left > 0 && left + entryWidth > width) {
      if (row === lastRow) break;
      left = 0;
      row++;
    }
    const position = `translate(${px(x + left)} ${px(row * ROW)})`;
    left += entryWidth + BETWEEN;
    markup.push(element('g', { transform: position }, symbol, text(label, { class: 'ta-ink', x: SYMBOL + 6, y: 10 })));
  }
  return { markup: markup.join(''), height: (row + 1) * ROW };
}

const swatch = (style: string): string => element('rect', { class: style, width: 14, height: 12, x: 2, rx: 2 });

/** The colours that occur, large sizes first. */
function fills({ fills: all, largest }: BoxColumns, colors: MapColors): Entry[] {
  const kinds = fillsOf(colors);
  const counts = new Array<number>(kinds.length).fill(0);
  for (const fill of all[colors]) counts[fill]++;
  const entries = kinds.map((kind, index) => ({
    label: `${typeof kind === 'number' ? sizeLabel(kind, largest) : kind} (${groupDigits(counts[index])})`,
    symbol: swatch(fillClass(kind)),
  }));
  const occurring = entries.filter((_, index) => counts[index] > 0);
  return colors === 'size' ? occurring.reverse() : occurring;
}

function sizeLabel(kind: number, largest: number): string {
  if (kind === 0) return `up to ${humanBytes(Math.floor(largest / 4 ** (SIZE_CLASSES - 1)))}`;
  return `over ${humanBytes(Math.ceil(largest / 4 ** (SIZE_CLASSES - kind)))}`;
}

/** Too many to draw one by one: see raster.ts. */
const MERGED: Entry = {
  label: 'merged, paler where partly used',
  symbol: SHADES.map((opacity, shade) => {
    return element('rect', { class: 'ta-muted', 'fill-opacity': opacity, x: 6 * shade, width: 6, height: 12 });
  }).join(''),
};

function lines({ bufferSize, lowerBound }: MemoryMap, isNarrow: boolean): Entry[] {
  const line = (style: string): string => element('path', { class: style, fill: 'none', d: 'M0 6h18' });
  const bytes = (value: number): string => (isNarrow ? ` ${humanBytes(value)}` : '');
  return [
    { label: 'live load', symbol: line('ta-load') },
    { label: `peak${bytes(bufferSize)}`, symbol: line('ta-peak') },
    { label: `lower bound${bytes(lowerBound)}`, symbol: line('ta-bound') },
  ];
}

function symbols({ reuseCount: handOvers, viewCount: views }: BoxColumns): Entry[] {
  const entries: Entry[] = [];
  const seam =
    element('path', { class: 'ta-seam', d: 'M7 0v12' }) + element('path', { class: 'ta-arrow', d: 'M8 2l6 4l-6 4z' });
  if (handOvers > 0) entries.push({ label: `in place (${groupDigits(handOvers)})`, symbol: seam });
  const hatch = element('rect', { fill: 'url(#ta-hatch)', class: 'ta-frame-line', width: 18, height: 12 });
  if (views > 0) entries.push({ label: `seen through a view (${groupDigits(views)})`, symbol: hatch });
  return entries;
}

/** The devices that compute, in the colours of the lane. */
function devices({ devices: all }: MemoryMap): Entry[] {
  if (all === undefined) return [];
  const used = new Set(all.runs.map(({ device }) => device));
  return all.names.flatMap((name, device) => {
    const symbol = element('rect', { class: deviceClass(all, device), width: 18, height: 8, y: 2 });
    return used.has(device) ? [{ label: `computed by ${name}`, symbol }] : [];
  });
}
