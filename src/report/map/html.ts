/**
 * A plan as a page that can be looked into, in one file: the maps as data, and the viewer of `src/viewer` as a script.
 *
 * Invariant: no network request; the page's own policy forbids them.
 */
import type { Plan } from '../../plan/plan.js';
import { toMemoryMap } from './from-plan.js';
import type { MemoryMap } from './memory-map.js';
import { checkTitle } from './options.js';
import { escapeText } from './svg.js';
import { VIEWER_SCRIPT } from './viewer-script.generated.js';

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

const STYLE =
  'html,body{height:100%;margin:0}body{box-sizing:border-box;padding:12px}#map{height:100%}' +
  '@media (prefers-color-scheme:dark){body{background:#10151b}}';

/**
 * Writes a self-contained HTML page: hover and search for details, zoom and pan, and a switch if there are two plans of
 * the same graph. O(storages + views).
 *
 * @param other a second plan of the same graph. Default: none, and no switch
 * @param title what it is the map of. Default `Memory map`
 * @throws PlannerError `BAD_ARGUMENT`
 * @example
 * ```ts
 * import { Context, Graph, planGraph, renderMapHtml } from 'tensor-arena';
 * const ctx = Context.deferred();
 * const graph = Graph.forward(ctx.relu(ctx.setInput(ctx.newTensor('f32', [256], 'x'))));
 * const page = renderMapHtml(planGraph(graph), planGraph(graph, { allocator: 'ggml' }), 'ours and ggml’s');
 * console.log(page.startsWith('<!doctype html>')); // true
 * ```
 */
export function renderMapHtml(source: Plan | MemoryMap, other?: Plan | MemoryMap, title = 'Memory map'): string {
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
