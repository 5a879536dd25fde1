/**
 * The rectangles of a map: large ones one by one with their names, small ones merged, seams where a tensor takes over
 * the bytes of another, and hatching where bytes are read through a view.
 *
 * Invariant: a name is inside its own rectangle, and rectangles do not overlap, so names do not either.
 */
import { exactBytes, groupDigits, humanBytes } from '../format.js';
import type { BoxColumns } from './columns.js';
import { chunkName, stepName, type MapBox, type MemoryMap } from './memory-map.js';
import type { Picture } from './picture.js';
import { Raster, type PixelRect } from './raster.js';
import type { Plot, Scale } from './scale.js';
import { element, escapeText, fitText, px, text } from './svg.js';
import { fillClass, fillsOf } from './theme.js';

/** A rectangle with an edge below this many pixels is merged with its neighbours. */
const LEAST_EDGE = 2;
const NAME_SIZE = 11;
/** Pixels that a name needs: across its line, and around it. */
const NAME_LINE = 14;
const NAME_PADDING = 8;

/** A rectangle that is drawn by itself. */
interface Drawn {
  readonly box: MapBox;
  /** As it would be without a window. */
  readonly rect: PixelRect;
  /** The part within the plot. */
  readonly visible: PixelRect;
  readonly fill: string;
}

/** All rectangles and what belongs to them, as markup. */
export function drawBoxes({ map, columns, scale, colors }: Picture, withTooltips: boolean): string {
  const classes = fillsOf(colors).map(fillClass);
  const fills = columns.fills[colors];
  const raster = new Raster(scale.plot);
  const drawn: Drawn[] = [];
  forVisible(columns, scale, (b) => {
    const rect = rectOf(columns, b, scale);
    const visible = clip(rect, scale.plot);
    if (visible === null) return;
    if (isSmall(rect)) raster.add(rect, fills[b]);
    else drawn.push({ box: map.boxes[b], rect, visible, fill: classes[fills[b]] });
  });
  const merged = raster.areas().map(({ fill, opacity, path }) => {
    return element('path', { class: classes[fill], 'fill-opacity': opacity, d: path });
  });
  return [
    ...drawn.map((each) => drawRect(each, withTooltips ? describeBox(each.box, map) : '')),
    element('g', { 'shape-rendering': 'crispEdges' }, ...merged),
    drawHatch(drawn, scale, columns.bases),
    drawSeams(drawn),
  ].join('');
}

/** Whether any rectangle is so small that it is merged. */
export function mergesAny(columns: BoxColumns, scale: Scale): boolean {
  return columns.starts.some((start, b) => start < columns.ends[b] && isSmall(rectOf(columns, b, scale)));
}

function isSmall({ width, height }: PixelRect): boolean {
  return width < LEAST_EDGE || height < LEAST_EDGE;
}

/**
 * The names of all rectangles with room for them; drawn last, so that no line crosses them.
 *
 * @param taken what other names cover, at the right edge of the plot
 */
export function drawNames({ map, columns, scale, colors }: Picture, taken: readonly PixelRect[]): string {
  const classes = fillsOf(colors).map(fillClass);
  const fills = columns.fills[colors];
  const names: string[] = [];
  forVisible(columns, scale, (b) => {
    const inSight = clip(rectOf(columns, b, scale), scale.plot);
    const visible = inSight === null ? null : leftOf(taken, inSight);
    if (visible === null || !hasRoom(visible)) return;
    names.push(drawName(map.boxes[b], visible, `ta-name ${classes[fills[b]]}`));
  });
  return names.join('');
}

/** Calls `each` for the boxes that reach into the window, in order. */
function forVisible({ starts, ends, bottoms, tops }: BoxColumns, { window }: Scale, each: (b: number) => void): void {
  const { steps, bytes } = window;
  for (let b = 0; b < starts.length; b++) {
    if (starts[b] < steps.to && ends[b] > steps.from && bottoms[b] < bytes.to && tops[b] > bytes.from) each(b);
  }
}

function rectOf({ starts, ends, bottoms, tops }: BoxColumns, b: number, scale: Scale): PixelRect {
  return rectangle(scale, starts[b], ends[b], bottoms[b], tops[b]);
}

function rectangle(scale: Scale, start: number, end: number, bottom: number, top: number): PixelRect {
  const x = scale.x(start);
  const y = scale.y(top);
  return { x, y, width: scale.x(end) - x, height: scale.y(bottom) - y };
}

function clip({ x, y, width, height }: PixelRect, plot: Plot): PixelRect | null {
  const left = Math.max(x, plot.x);
  const top = Math.max(y, plot.y);
  const right = Math.min(x + width, plot.x + plot.width);
  const bottom = Math.min(y + height, plot.y + plot.height);
  return left < right && top < bottom ? { x: left, y: top, width: right - left, height: bottom - top } : null;
}

/** What remains of a rectangle to the left of all that is taken of it. */
function leftOf(taken: readonly PixelRect[], { x, y, width, height }: PixelRect): PixelRect {
  const right = taken
    .filter((other) => other.y < y + height && other.y + other.height > y)
    .reduce((least, other) => Math.min(least, other.x), x + width);
  return { x, y, width: right - x, height };
}

function drawRect({ rect, fill }: Drawn, tooltip: string): string {
  const { x, y, width, height } = rect;
  const least = Math.min(width, height);
  const attributes = {
    class: `ta-box ${fill}`,
    x,
    y,
    width,
    height,
    ...(least >= 12 ? { rx: 2 } : {}),
    ...(least < 6 ? { 'stroke-width': least < 4 ? 0 : 0.5 } : {}),
  };
  if (tooltip === '') return element('rect', attributes);
  return element('rect', attributes, element('title', {}, escapeText(tooltip)));
}

/** What there is to say about a box, one fact a line. */
function describeBox(box: MapBox, map: MemoryMap): string {
  const { name, op, type, shape, size, offset, chunk, start, end } = box;
  const layout = type === '' ? [] : [`${type} [${shape.join(', ')}]`];
  const made = op === '' ? [] : [op === 'NONE' ? 'leaf' : op];
  return [
    name,
    [...made, ...layout].join(' · '),
    exactBytes(size),
    `offset ${groupDigits(offset)}${chunk === 0 && map.poolNames === undefined ? '' : ` in ${chunkName(map, chunk)}`}`,
    `steps ${groupDigits(stepName(map, start))} to ${groupDigits(stepName(map, end) - 1)}`,
  ]
    .filter((line) => line !== '')
    .join('\n');
}

function drawHatch(drawn: readonly Drawn[], scale: Scale, bases: readonly number[]): string {
  const paths = drawn.flatMap(({ box }) => {
    const base = bases[box.chunk] + box.offset;
    return box.views.map(({ start, end, offset, size }) => {
      const rect = clip(rectangle(scale, start, end, base + offset, base + offset + size), scale.plot);
      if (rect === null || rect.width < LEAST_EDGE || rect.height < 2 * LEAST_EDGE) return '';
      return `M${px(rect.x)} ${px(rect.y)}h${px(rect.width)}v${px(rect.height)}h${px(-rect.width)}z`;
    });
  });
  // One path: where views of the same bytes overlap, they are hatched once.
  return element('path', { fill: 'url(#ta-hatch)', d: paths.join('') });
}

/** A dashed edge and an arrow at the left of what takes over its bytes. */
function drawSeams(drawn: readonly Drawn[]): string {
  const seams = drawn.filter(({ box, rect, visible }) => box.reuses !== -1 && rect.x >= visible.x - 0.5);
  const edges = seams.map(({ visible: { x, y, height } }) => `M${px(x)} ${px(y)}v${px(height)}`).join('');
  const arrows = seams
    .filter(({ visible }) => visible.width >= NAME_LINE && visible.height >= 8)
    .map(({ visible: { x, y, height } }) => `M${px(x + 1)} ${px(y + height / 2 - 3.5)}l5 3.5l-5 3.5z`);
  return element('path', { class: 'ta-seam', d: edges }) + element('path', { class: 'ta-arrow', d: arrows.join('') });
}

/** Whether any name at all might fit. */
function hasRoom({ width, height }: PixelRect): boolean {
  return Math.max(width, height) >= 2 * NAME_LINE && Math.min(width, height) >= NAME_LINE;
}

function drawName({ name, size, reuses }: MapBox, { x, y, width, height }: PixelRect, style: string): string {
  const arrow = reuses === -1 ? 0 : NAME_PADDING;
  const room = width - NAME_PADDING - arrow;
  const across = height >= NAME_LINE ? fitText(name, NAME_SIZE, room) : '';
  if (across !== '') {
    const left = x + arrow + NAME_PADDING / 2;
    const bytes = height >= 2.4 * NAME_LINE ? fitText(humanBytes(size), NAME_SIZE, room, 99) : '';
    // At the top where there is room, so that the lines that cross a rectangle in its middle leave its name alone.
    const top = bytes === '' ? y + height / 2 + 4 : y + NAME_LINE + 1;
    const line = (content: string, dy: number): string => text(content, { class: style, x: left, y: top + dy });
    return line(across, 0) + (bytes === '' ? '' : line(bytes, NAME_LINE));
  }
  if (width < NAME_LINE + arrow) return '';
  const upright = fitText(name, NAME_SIZE, height - NAME_PADDING);
  if (upright === '') return '';
  const place = `translate(${px(x + (width + arrow) / 2 + 4)} ${px(y + height / 2)}) rotate(-90)`;
  return text(upright, { class: style, transform: place, 'text-anchor': 'middle' });
}
