/**
 * Moving the window over a map: zoom, pan, and zoom to a box.
 *
 * Invariant: a window stays within the whole map, and shows at least some steps and bytes.
 */
import type { MapWindow, MapRange } from '../map/scale.js';

const LEAST_STEPS = 4;
const LEAST_BYTES = 256;

/** Which axes a zoom changes. */
export interface Axes {
  readonly steps: boolean;
  readonly bytes: boolean;
}

export const BOTH_AXES: Axes = { steps: true, bytes: true };

/** Zooms around a point that stays where it is. `factor` below 1 zooms in. */
export function zoom(
  window: MapWindow,
  whole: MapWindow,
  point: { readonly step: number; readonly bytes: number },
  factor: number,
  axes: Axes = BOTH_AXES,
): MapWindow {
  return {
    steps: axes.steps ? zoomRange(window.steps, whole.steps, point.step, factor, LEAST_STEPS) : window.steps,
    bytes: axes.bytes ? zoomRange(window.bytes, whole.bytes, point.bytes, factor, LEAST_BYTES) : window.bytes,
  };
}

/** Moves by parts of what is visible: 0.1 is a tenth of it to the right, or up. */
export function pan(window: MapWindow, whole: MapWindow, right: number, up: number): MapWindow {
  return {
    steps: panRange(window.steps, whole.steps, right),
    bytes: panRange(window.bytes, whole.bytes, up),
  };
}

/** The window around a rectangle of steps and bytes, with a margin as large as itself on each side. */
export function around(steps: MapRange, bytes: MapRange, whole: MapWindow): MapWindow {
  return {
    steps: widen(steps, whole.steps, LEAST_STEPS),
    bytes: widen(bytes, whole.bytes, LEAST_BYTES),
  };
}

/** Whether any byte of a rectangle of steps and bytes is at a height that is visible. */
export function isVisible({ bytes }: MapWindow, window: MapWindow): boolean {
  return bytes.from < window.bytes.to && bytes.to > window.bytes.from;
}

/** Whether everything is visible. */
export function isWhole(window: MapWindow, whole: MapWindow): boolean {
  return window.steps.to - window.steps.from >= spanOf(whole.steps) && spanOf(window.bytes) >= spanOf(whole.bytes);
}

const spanOf = ({ from, to }: MapRange): number => to - from;

function zoomRange(range: MapRange, whole: MapRange, center: number, factor: number, least: number): MapRange {
  const span = Math.min(spanOf(whole), Math.max(spanOf(range) * factor, least));
  const part = (center - range.from) / spanOf(range);
  return within(center - part * span, span, whole);
}

function panRange(range: MapRange, whole: MapRange, part: number): MapRange {
  return within(range.from + part * spanOf(range), spanOf(range), whole);
}

function widen(range: MapRange, whole: MapRange, least: number): MapRange {
  const span = Math.min(spanOf(whole), Math.max(3 * spanOf(range), least));
  return within((range.from + range.to - span) / 2, span, whole);
}

function within(from: number, span: number, whole: MapRange): MapRange {
  const start = Math.min(Math.max(from, whole.from), Math.max(whole.from, whole.to - span));
  return { from: start, to: Math.min(start + span, whole.to) };
}
