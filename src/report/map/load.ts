/**
 * The live load over time: the curve, the lines of the peak and of the lower bound, and the step with the largest load.
 */
import { groupDigits, humanBytes } from '../format.js';
import type { MemoryMap } from './memory-map.js';
import type { Scale } from './scale.js';
import { element, px, text, textWidth } from './svg.js';

/** Bytes in use at every step. */
export function liveLoadOf({ boxes, stepCount }: MemoryMap): Float64Array {
  const load = new Float64Array(stepCount + 1);
  for (const { start, end, size } of boxes) {
    load[start] += size;
    load[end] -= size;
  }
  for (let step = 1; step < stepCount; step++) load[step] += load[step - 1];
  return load.subarray(0, stepCount);
}

/** The first step with the largest load. */
export function peakStepOf(load: Float64Array): number {
  return load.reduce((best, bytes, step) => (bytes > load[best] ? step : best), 0);
}

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
export function drawLoad(map: MemoryMap, load: Float64Array, scale: Scale): string {
  const { x, y, width, height } = scale.plot;
  const across = (bytes: number, style: string): string => {
    return element('path', { class: style, d: `M${px(x)} ${px(scale.y(bytes))}h${px(width)}` });
  };
  const path = loadPath(load, scale);
  const peak = scale.x(peakStepOf(load) + 0.5);
  return [
    element('path', { class: 'ta-halo', d: path }),
    element('path', { class: 'ta-load', d: path }),
    across(map.bufferSize, 'ta-peak'),
    ...(map.lowerBound === map.bufferSize ? [] : [across(map.lowerBound, 'ta-bound')]),
    element('path', { class: 'ta-peak ta-step', d: `M${px(peak)} ${px(y)}v${px(height)}` }),
  ].join('');
}

const LINE_HEIGHT = 14;
/** Pixels from one label of the right margin to the next: two lines and some air. */
const LABEL_HEIGHT = 2 * LINE_HEIGHT + 6;

/** The labels beside and above the plot: of the two lines, kept apart, and of the peak step. */
export function labelLoad(map: MemoryMap, load: Float64Array, scale: Scale): string {
  const { bufferSize, lowerBound } = map;
  const { plot } = scale;
  const lines = [{ bytes: bufferSize, name: 'peak', style: 'ta-peak-text' }];
  if (lowerBound === bufferSize) lines[0].name = 'peak = bound';
  else lines.push({ bytes: lowerBound, name: 'lower bound', style: 'ta-bound-text' });

  let free = plot.y - 4;
  const labels = lines.map(({ bytes, name, style }) => {
    const wanted = scale.y(bytes);
    if (wanted < plot.y - 1 || wanted > plot.y + plot.height + 1) return '';
    const y = Math.max(free + LINE_HEIGHT - 4, wanted + 4);
    free = y + LABEL_HEIGHT - LINE_HEIGHT + 4;
    const x = plot.x + plot.width + 8;
    return (
      text(name, { class: style, x, y }) +
      text(humanBytes(bytes), { class: `${style} ta-strong`, x, y: y + LINE_HEIGHT })
    );
  });

  const step = peakStepOf(load);
  const peak = scale.x(step + 0.5);
  if (peak < plot.x || peak > plot.x + plot.width) return labels.join('');
  const name = `peak step ${groupDigits(step)}`;
  const half = textWidth(name, 11) / 2;
  const x = Math.min(Math.max(peak, plot.x + half), plot.x + plot.width - half);
  const marker = element('path', { class: 'ta-peak-text', d: `M${px(peak - 4)} ${px(plot.y - 7)}h8l-4 6z` });
  const label = text(name, { class: 'ta-peak-text ta-small', x, y: plot.y - 11, 'text-anchor': 'middle' });
  return labels.join('') + marker + label;
}
