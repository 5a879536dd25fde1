/**
 * The public names of `tensor-arena/viewer`: a memory map to look into, for a page, and numbers as it prints them. Exports
 * only.
 *
 * @module tensor-arena/viewer
 */
export { counted, groupDigits, humanBytes } from '../format.js';
export type { Drawing } from '../map/draw.js';
export type { Plot, Scale } from '../map/scale.js';
export type { PageElement, PagePort } from './dom-types.js';
export { renderMapHtml, type MapPageOptions } from './html.js';
export type { Point } from './input.js';
export type { BoxQuestion, FoundBox, MapFacts, MapSource, SearchResult } from './map-source.js';
export { openMap, serveMap, type OpenedMap, type ServedMap } from './served-map.js';
export { VIEWER_STYLE } from './style.js';
export type { ViewerMap } from './named-source.js';
export { MapViewer } from './viewer.js';
export type { Axes } from './view-window.js';
