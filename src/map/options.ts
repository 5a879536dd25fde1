/**
 * What a picture of a map may be asked for.
 *
 * Invariant: what {@link checkMapOptions} lets through can be drawn: every coordinate is a number.
 */
import { checkArgument, checkChoice, checkOptions, type OptionNames } from '../errors.js';
import type { MapWindow } from './scale.js';
import { MAP_COLORS, MAP_THEMES, type MapColors, type MapTheme } from './theme.js';

/** How a map looks. */
export interface MapOptions {
  /** What it is the map of. Default `Memory map`. */
  readonly title?: string;
  /** Pixels, up to 8,192; fewer than 240 count as 240. Default 1200. */
  readonly width?: number;
  /** Pixels, up to 8,192; fewer than 240 count as 240. Default 720. */
  readonly height?: number;
  /** What colours say: the family of the operation, or the size. Default `family`; `size` where no operation is known. */
  readonly colors?: MapColors;
  /** Default `auto`: light or dark, as the reader's system is. */
  readonly theme?: MapTheme;
  /** The part to show. Default: all. */
  readonly window?: MapWindow;
  /** Whether rectangles carry their facts as tooltips. Default true. */
  readonly tooltips?: boolean;
}

const MAP_OPTIONS: OptionNames<MapOptions> = {
  title: true,
  width: true,
  height: true,
  colors: true,
  theme: true,
  window: true,
  tooltips: true,
};

const WINDOW_SIDES: OptionNames<MapWindow> = { steps: true, bytes: true };

/** A side of a picture, pixels: below, no map is readable; above, no browser draws it. */
export const LEAST_SIDE = 240;
const MOST_SIDE = 8192;

/** @throws PlannerError `BAD_ARGUMENT` */
export function checkMapOptions(options: MapOptions): void {
  checkOptions(options, MAP_OPTIONS);
  const { title, width, height, colors, theme, window } = options;
  checkTitle(title);
  checkSide('width', width);
  checkSide('height', height);
  if (colors !== undefined) checkChoice('colors', colors, MAP_COLORS);
  if (theme !== undefined) checkChoice('theme', theme, MAP_THEMES);
  if (window === undefined) return;
  checkOptions(window, WINDOW_SIDES, 'window');
  checkRange('window.steps', window.steps);
  checkRange('window.bytes', window.bytes);
}

/** @throws PlannerError `BAD_ARGUMENT` */
export function checkTitle(title: unknown): void {
  checkArgument(title === undefined || typeof title === 'string', 'title', title, 'a text', 'Leave it out for none.');
}

function checkSide(culprit: string, pixels: unknown): void {
  const isSide = pixels === undefined || (Number.isFinite(pixels) && (pixels as number) <= MOST_SIDE);
  checkArgument(isSide, culprit, pixels, `a number of pixels up to ${MOST_SIDE}`, 'Leave it out for the default.');
}

function checkRange(culprit: string, range: unknown): void {
  const { from, to } = (range ?? {}) as { from?: unknown; to?: unknown };
  const isRange = Number.isFinite(from) && Number.isFinite(to) && (from as number) < (to as number);
  checkArgument(isRange, culprit, range, '{ from, to } with from below to', 'Leave the window out to show all.');
}
