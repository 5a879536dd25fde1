/**
 * What every part of a picture is drawn from, made once for each picture.
 */
import type { IndexedMap } from './columns.js';
import type { Scale } from './scale.js';
import type { MapColors } from './theme.js';

/** A map in its colours, before it is known how much room it has. */
export interface ColoredMap extends IndexedMap {
  readonly colors: MapColors;
}

/** The same, at a scale. */
export interface Picture extends ColoredMap {
  readonly scale: Scale;
}
