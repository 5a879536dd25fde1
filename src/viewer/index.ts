/** The public names of `tensor-arena/viewer`: a memory map to look into, for a page, and numbers as it prints them. Exports only. */
export { counted, groupDigits, humanBytes } from '../report/format.js';
export type { Plot, Scale } from '../report/map/scale.js';
export { VIEWER_STYLE } from './style.js';
export { MapViewer, type ViewerMap } from './viewer.js';
export type { Axes } from './view-window.js';
