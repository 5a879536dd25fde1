/**
 * The axes of a map: steps to the right, bytes upwards, with lines where the numbers are and where chunks meet.
 */
import { groupDigits } from '../format.js';
import { laneHeight } from './lane.js';
import { stepName, type MemoryMap } from './memory-map.js';
import type { Picture } from './picture.js';
import { byteUnit, decimal, ticks, type Scale } from './scale.js';
import { element, fitText, px, text, textWidth } from './svg.js';

/** Pixels from one tick to the next, at least about. */
const STEP_SPACING = 90;
const BYTE_SPACING = 52;
/** Pixels between two labels, at least. */
const LABEL_GAP = 6;

/** The lines and the frame behind the rectangles. */
export function drawGrid(scale: Scale): string {
  const { x, y, width, height } = scale.plot;
  const lines = byteTicks(scale).map((tick) => `M${px(x)} ${px(tick.y)}h${px(width)}`);
  const frame = element('rect', { class: 'ta-frame', x, y, width, height });
  return element('path', { class: 'ta-grid', d: lines.join('') }) + frame;
}

/** The line between two chunks, over the rectangles. */
export function drawChunkEdges(bases: readonly number[], scale: Scale): string {
  const { x, width } = scale.plot;
  const edges = bases.slice(1).map((base) => `M${px(x)} ${px(scale.y(base))}h${px(width)}`);
  return element('path', { class: 'ta-chunk', d: edges.join('') });
}

/** Numbers and titles around the plot. */
export function drawAxes({ scale, map }: Picture): string {
  const chunkCount = map.chunks.length;
  const { x, y, width, height } = scale.plot;
  const bottom = y + height + laneHeight(map);
  const bytes = byteTicks(scale);
  const widest = bytes.reduce((most, { label }) => Math.max(most, textWidth(label, 12)), 0);
  const steps = stepTicks(scale, map);
  const marks = [
    ...bytes.map((tick) => `M${px(x - 4)} ${px(tick.y)}h4`),
    ...steps.map((tick) => `M${px(tick.x)} ${px(bottom)}v4`),
  ];
  const unit = unitOf(scale).name;
  const title = `${chunkCount > 1 ? `offset in ${chunkCount} chunks` : 'offset'} and live load, ${unit}`;
  const upright = `translate(${px(Math.max(12, x - 12 - widest))} ${px(y + height / 2)}) rotate(-90)`;
  return [
    element('path', { class: 'ta-axis', d: marks.join('') }),
    ...bytes.map((tick) => text(tick.label, { class: 'ta-muted', x: x - 8, y: tick.y + 4, 'text-anchor': 'end' })),
    ...steps.map((tick) => text(tick.label, { class: 'ta-muted', x: tick.x, y: bottom + 18, 'text-anchor': 'middle' })),
    text(map.steps === undefined ? 'step' : 'step, not to scale', {
      class: 'ta-muted',
      x: x + width / 2,
      y: bottom + 36,
      'text-anchor': 'middle',
    }),
    text(fitText(title, 12, height, title.length) || unit, {
      class: 'ta-muted',
      transform: upright,
      'text-anchor': 'middle',
    }),
  ].join('');
}

/** Pixels that numbers and title need to the left of the plot. */
export function leftMargin(scale: Scale): number {
  return byteTicks(scale).reduce((most, { label }) => Math.max(most, textWidth(label, 12)), 20) + 34;
}

/** Round numbers of steps, or what they are called; without those that would run into the one before. */
function stepTicks(scale: Scale, map: MemoryMap): { label: string; x: number }[] {
  let free = -Infinity;
  return ticks(scale.window.steps, scale.plot.width / STEP_SPACING, 1)
    .map((step) => ({ label: groupDigits(stepName(map, step)), x: scale.x(step) }))
    .filter(({ label, x }) => {
      const half = textWidth(label, 12) / 2;
      if (x - half < free) return false;
      free = x + half + LABEL_GAP;
      return true;
    });
}

const unitOf = ({ window: { bytes } }: Scale): ReturnType<typeof byteUnit> => byteUnit(bytes.to);

function byteTicks(scale: Scale): { label: string; y: number }[] {
  const { bytes: unit } = unitOf(scale);
  const { from, to } = scale.window.bytes;
  const values = ticks({ from: from / unit, to: to / unit }, scale.plot.height / BYTE_SPACING, 1 / unit);
  const digits = values.length > 1 ? Math.max(0, Math.ceil(-Math.log10(values[1] - values[0]) - 1e-9)) : 3;
  return values.map((value) => ({
    label: decimal(value, digits),
    y: scale.y(value * unit),
  }));
}
