/**
 * A plan as a page that can be looked into, in one file: the maps as data, and the viewer as a script.
 *
 * Invariant: no network request; the page's own policy forbids them.
 */
import { checkOptions, type OptionNames } from '../errors.js';
import type { Plan } from '../plan/plan.js';
import { toMemoryMap } from '../map/source.js';
import type { MemoryMap } from '../map/memory-map.js';
import { checkTitle } from '../map/options.js';
import { escapeText } from '../map/svg.js';
import { VIEWER_SCRIPT } from './viewer-script.generated.js';

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

const STYLE =
  'html,body{height:100%;margin:0}body{box-sizing:border-box;padding:12px}#map{height:100%}' +
  '@media (prefers-color-scheme:dark){body{background:#10151b}}';

/** What a page with a map holds. */
export interface MapPageOptions {
  /** A second plan of the same graph. Default: none, and no switch. */
  readonly other?: Plan | MemoryMap;
  /** What it is the map of. Default `Memory map`. */
  readonly title?: string;
}

const PAGE_OPTIONS: OptionNames<MapPageOptions> = { other: true, title: true };

/**
 * Writes a self-contained HTML page: hover and search for details, zoom and pan, and a switch if there are two plans of
 * the same graph. O(storages + views).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 * @example
 * ```ts
 * import { Context, Graph, planGraph } from 'tensor-arena';
 * import { renderMapHtml } from 'tensor-arena/viewer';
 * const ctx = Context.deferred();
 * const graph = Graph.forward(ctx.relu(ctx.setInput(ctx.newTensor('f32', [256], 'x'))));
 * const page = renderMapHtml(planGraph(graph), { other: planGraph(graph, { allocator: 'ggml' }), title: 'Two plans' });
 * console.log(page.startsWith('<!doctype html>')); // true
 * ```
 */
export function renderMapHtml(source: Plan | MemoryMap, options: MapPageOptions = {}): string {
  checkOptions(options, PAGE_OPTIONS);
  const { other, title = 'Memory map' } = options;
  checkTitle(title);
  const sources = other === undefined ? [source] : [source, other];
  const maps = sources.map(toMemoryMap);
  const isNamed = new Set(maps.map(({ allocator }) => allocator)).size === maps.length;
  const named = maps.map((map, index) => ({
    name: isNamed && map.allocator ? map.allocator : `plan ${index + 1}`,
    map,
  }));
  // "<" would end the script element early, or start a comment in it.
  const data = JSON.stringify({ title, maps: named }).replaceAll('<', '\\u003c');
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escapeText(title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    '<main id="map"></main>',
    `<script type="application/json" id="data">${data}</script>`,
    `<script>${VIEWER_SCRIPT}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}
