/**
 * The public names of `tensor-arena/map`: where everything is, and when, as plain data and as a picture. Exports only.
 *
 * @module tensor-arena/map
 */
export type { NamedProblem } from './from-placement.js';
export {
  MAP_FAMILIES,
  type MapBox,
  type MapDevices,
  type MapFamily,
  type MapRun,
  type MapView,
  type MemoryMap,
} from './memory-map.js';
export type { MapOptions } from './options.js';
export { renderMap } from './render.js';
export type { MapRange, MapWindow } from './scale.js';
export { memoryMapOf } from './source.js';
export type { MapColors, MapTheme } from './theme.js';
