/**
 * A map as a picture: time to the right, offset upwards, one rectangle per storage.
 *
 *     506 ┤────────────────────────── peak        title and facts
 *         │  ┌───────┐    ╭─╮ live load           plot: rectangles, merged areas, curve, lines, names
 *       0 ┼──┴───────┴────┴─┴────────             axes
 *         0        step       1,127               legend
 *
 * Invariant: valid, self-contained SVG without script; its size depends on the number of pixels, hardly on that of
 * storages; labels never overlap.
 */
import { FIXED_GIVEN, gapPercent, groupDigits, humanBytes } from '../format.js';
import { drawAxes, drawChunkEdges, drawGrid, leftMargin } from './axes.js';
import { drawBoxes, drawNames, mergesAny } from './boxes.js';
import { indexMap, type IndexedMap } from './columns.js';
import { drawLane, laneHeight } from './lane.js';
import { drawLegend, type Legend } from './legend.js';
import { drawLoad, labelLines, labelPeakStep } from './load.js';
import type { MemoryMap } from './memory-map.js';
import { LEAST_SIDE, type MapOptions } from './options.js';
import type { Picture } from './picture.js';
import { drawPoolNames, poolNames } from './pool-names.js';
import { Scale, type MapWindow, type Plot } from './scale.js';
import { element, escapeText, fitText, px, text, textWidth } from './svg.js';
import { styleSheet, type MapColors } from './theme.js';

const HEADER = 76;
const RIGHT_MARGIN = 108;
/** Below this width the lines are labelled in the legend, and the margin is for the last number of the axis. */
const NARROW = 520;
const NARROW_MARGIN = 30;
const FACT_SEPARATOR = ' · ';
/** Numbers and title below the plot. */
const AXIS = 52;
/** The plot is at least so high: a legend that leaves it less is cut short. */
const LEAST_PLOT = 60;

/** Draws a map as SVG. O(storages + pixels). */
export function drawMap(map: MemoryMap, options: MapOptions = {}): string {
  return drawIndexed(indexMap(map), options).svg;
}

/** A picture, and where its plot is. */
export interface Drawing {
  readonly svg: string;
  readonly plot: Plot;
}

/** Draws a map that is drawn more than once. */
export function drawIndexed(indexed: IndexedMap, options: MapOptions): Drawing {
  const layout = layOut(indexed, options);
  return { svg: drawPicture(layout, options), plot: layout.picture.scale.plot };
}

function drawPicture({ width, height, isNarrow, title, legend, picture }: Layout, options: MapOptions): string {
  const { map, columns, scale, colors } = picture;
  const legendTop = height - legend.height - 8;
  const pools = poolNames(picture);
  const inside = [
    drawBoxes(picture, options.tooltips ?? true),
    drawChunkEdges(columns.bases, scale),
    drawLoad(picture),
    drawNames(
      picture,
      pools.map(({ ground }) => ground),
    ),
    drawPoolNames(pools),
  ];
  const facts = factsOf(map);
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      class: 'ta-map',
      role: 'img',
      width,
      height,
      viewBox: `0 0 ${px(width)} ${px(height)}`,
      'aria-label': `${title}: ${facts.join(FACT_SEPARATOR)}`,
    },
    element('title', {}, escapeText(title)),
    element('style', {}, styleSheet(options.theme ?? 'auto', colors)),
    definitions(scale),
    element('rect', { class: 'ta-surface', width, height }),
    text(fitText(title, 17, width - 48), { class: 'ta-ink ta-title', x: 24, y: 30 }),
    text(fitFacts(facts, width - 48), { class: 'ta-muted', x: 24, y: 49 }),
    drawGrid(scale),
    element('g', { 'clip-path': 'url(#ta-plot)' }, ...inside),
    drawLane(map, scale),
    drawAxes(picture),
    ...(isNarrow ? [] : [labelLines(picture)]),
    labelPeakStep(picture),
    element('g', { transform: `translate(0 ${px(legendTop)})` }, legend.markup),
  );
}

/** Colours by family say nothing where no operation is known. */
export function defaultColors({ columns }: IndexedMap): MapColors {
  return columns.hasOperations ? 'family' : 'size';
}

/** The window that shows everything. */
export function wholeMap({ stepCount, bufferSize, lowerBound }: MemoryMap): MapWindow {
  return { steps: { from: 0, to: stepCount }, bytes: { from: 0, to: Math.max(bufferSize, lowerBound, 1) } };
}

/** What a picture shows, and how much room each part has. */
interface Layout {
  readonly width: number;
  readonly height: number;
  readonly isNarrow: boolean;
  readonly title: string;
  readonly legend: Legend;
  readonly picture: Picture;
}

function layOut(indexed: IndexedMap, options: MapOptions): Layout {
  const { map, columns } = indexed;
  const width = Math.max(LEAST_SIDE, options.width ?? 1200);
  const height = Math.max(LEAST_SIDE, options.height ?? 720);
  const whole = wholeMap(map);
  const { colors = defaultColors(indexed), title = 'Memory map', window = whole } = options;
  const room = height - HEADER - laneHeight(map) - AXIS - 8;
  const isNarrow = width < NARROW;
  const legendWith = (hasMerged: boolean): Legend => {
    const place = { x: 24, width: width - 48, height: room - LEAST_PLOT, isNarrow, hasMerged };
    return drawLegend({ map, columns, colors }, place);
  };
  const scaleWith = (shown: MapWindow, legend: Legend): Scale => {
    const plot = { x: 0, y: HEADER, width, height: room - legend.height };
    const x = Math.ceil(leftMargin(new Scale(shown, plot)));
    return new Scale(shown, { ...plot, x, width: Math.max(80, width - x - (isNarrow ? NARROW_MARGIN : RIGHT_MARGIN)) });
  };
  // Whatever the window: a legend that came and went would move the picture while the reader zooms.
  const plain = legendWith(false);
  const legend = mergesAny(columns, scaleWith(whole, plain)) ? legendWith(true) : plain;
  const picture = { map, columns, colors, scale: scaleWith(window, legend) };
  return { width, height, isNarrow, title, legend, picture };
}

/** As many facts as there is room for, whole. */
function fitFacts(facts: readonly string[], width: number): string {
  let line = fitText(facts[0], 12, width);
  for (const fact of facts.slice(1)) {
    const longer = line + FACT_SEPARATOR + fact;
    if (textWidth(longer, 12) > width) break;
    line = longer;
  }
  return line;
}

function factsOf(map: MemoryMap): string[] {
  const { bufferSize, lowerBound, boxes, stepCount, allocator, chunks, bufferCount = boxes.length } = map;
  return [
    `compute buffer ${humanBytes(bufferSize)}${chunks.length > 1 ? ` in ${chunks.length} chunks` : ''}`,
    ...poolFacts(map),
    bufferSize === lowerBound
      ? `no smaller one is possible${map.hasFixedOffsets === true ? FIXED_GIVEN : ''}`
      : `${gapPercent(bufferSize, lowerBound)} above the lower bound`,
    `${groupDigits(bufferCount)} ${bufferCount === 1 ? 'storage' : 'storages'}`,
    `${groupDigits(stepCount)} ${stepCount === 1 ? 'step' : 'steps'}`,
    ...(allocator === '' ? [] : [`allocator ${allocator}`]),
  ];
}

/** The bytes of each pool, from the bottom of the map upwards. */
function poolFacts({ poolNames, chunks }: MemoryMap): string[] {
  const sizes = new Map<string, number>();
  poolNames?.forEach((name, chunk) => sizes.set(name, (sizes.get(name) ?? 0) + chunks[chunk]));
  return [...sizes].map(([name, size]) => `${name} ${humanBytes(size)}`);
}

function definitions({ plot: { x, y, width, height } }: Scale): string {
  const stripe = element('path', { class: 'ta-hatch', d: 'M0 0v7' });
  const pattern = {
    id: 'ta-hatch',
    width: 5,
    height: 5,
    patternUnits: 'userSpaceOnUse',
    patternTransform: 'rotate(45)',
  };
  return element(
    'defs',
    {},
    // A pixel more above and below: lines at the edge are drawn in full.
    element('clipPath', { id: 'ta-plot' }, element('rect', { x, y: y - 1, width, height: height + 2 })),
    element('pattern', pattern, stripe),
  );
}
