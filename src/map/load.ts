/**
 * The live load over time: the curve, the lines of the peak and of the lower bound, and the step with the largest load.
 */
import { groupDigits, humanBytes } from '../format.js';
import { stepName } from './memory-map.js';
import type { Picture } from './picture.js';
import type { Scale } from './scale.js';
import { element, px, text, textWidth } from './svg.js';

/** Where steps are narrower than this, pixels, the curve shows the greatest load of several. */
const LEAST_WIDTH = 6;

/** How many steps each level of the curve stands for. */
export function stepsPerLevel({ window: { steps }, plot: { width } }: Scale): number {
  return Math.max(1, Math.ceil((LEAST_WIDTH * (steps.to - steps.from)) / width));
}

/**
 * The load as a line of levels. A level is that of one step, or the greatest of some where steps are narrow: no spike is
 * lost, and the line leaves the rectangles below visible.
 */
export function loadPath(load: Float64Array, scale: Scale): string {
  const { from, to } = scale.window.steps;
  const count = stepsPerLevel(scale);
  const last = Math.min(load.length, Math.ceil(to));
  let path = '';
  for (let step = Math.max(0, Math.floor(from / count) * count); step < last; step += count) {
    const level = load.subarray(step, step + count).reduce((most, bytes) => Math.max(most, bytes), 0);
    path += `${path === '' ? `M${px(scale.x(step))} ` : 'V'}${px(scale.y(level))}`;
    path += `H${px(scale.x(Math.min(step + count, load.length)))}`;
  }
  return path;
}

/** The curve and the lines, to be drawn over the rectangles. */
export function drawLoad({ map, columns, scale }: Picture): string {
  const { load, peakStep } = columns;
  const { x, y, width, height } = scale.plot;
  const across = (bytes: number, style: string): string => {
    return element('path', { class: style, d: `M${px(x)} ${px(scale.y(bytes))}h${px(width)}` });
  };
  const path = loadPath(load, scale);
  const peak = scale.x(peakStep + 0.5);
  return [
    element('path', { class: 'ta-halo', d: path }),
    element('path', { class: 'ta-load', d: path }),
    across(map.bufferSize, 'ta-peak'),
    // Where both are one, the dashes let the line of the peak be seen between them.
    across(map.lowerBound, 'ta-bound'),
    element('path', { class: 'ta-peak ta-step', d: `M${px(peak)} ${px(y)}v${px(height)}` }),
  ].join('');
}

const LINE_HEIGHT = 14;
/** Pixels from one label of the right margin to the next: two lines and some air. */
const LABEL_HEIGHT = 2 * LINE_HEIGHT + 6;

/** The labels of the two lines beside the plot, kept apart. */
export function labelLines({ map, scale }: Picture): string {
  const { bufferSize, lowerBound } = map;
  const { plot } = scale;
  const lines = [{ bytes: bufferSize, name: 'peak', style: 'ta-peak-text' }];
  if (lowerBound === bufferSize) lines[0].name = 'peak = bound';
  else lines.push({ bytes: lowerBound, name: 'lower bound', style: 'ta-bound-text' });

  const visible = lines
    .map((line) => ({ ...line, at: scale.y(line.bytes) }))
    .filter(({ at }) => at >= plot.y - 1 && at <= plot.y + plot.height + 1);
  const places = apart(
    visible.map(({ at }) => at + 4),
    LABEL_HEIGHT,
    plot.y + plot.height - LINE_HEIGHT - 2,
  );
  const x = plot.x + plot.width + 8;
  const labels = visible.map(({ bytes, name, style }, index) => {
    const [first, second] = [places[index], places[index] + LINE_HEIGHT];
    return (
      text(name, { class: style, x, y: first }) + text(humanBytes(bytes), { class: `${style} ta-strong`, x, y: second })
    );
  });
  return labels.join('');
}

/** The label of the peak step above the plot. */
export function labelPeakStep({ map, columns, scale }: Picture): string {
  const { plot } = scale;
  const { peakStep } = columns;
  const peak = scale.x(peakStep + 0.5);
  if (peak < plot.x || peak > plot.x + plot.width) return '';
  const name = `peak step ${groupDigits(stepName(map, peakStep))}`;
  const half = textWidth(name, 11) / 2;
  const middle = Math.min(Math.max(peak, plot.x + half), plot.x + plot.width - half);
  const marker = element('path', { class: 'ta-peak-text', d: `M${px(peak - 4)} ${px(plot.y - 7)}h8l-4 6z` });
  const label = text(name, { class: 'ta-peak-text ta-small', x: middle, y: plot.y - 11, 'text-anchor': 'middle' });
  return marker + label;
}

/** Ascending places at least `distance` apart and none below `last`, near to where they were wanted. */
function apart(wanted: readonly number[], distance: number, last: number): number[] {
  const places = [...wanted];
  for (let i = 1; i < places.length; i++) places[i] = Math.max(places[i], places[i - 1] + distance);
  for (let i = places.length - 1, limit = last; i >= 0; i--) {
    places[i] = Math.min(places[i], limit);
    limit = places[i] - distance;
  }
  return places;
}
