/**
 * The memory map of a plan as a picture: the way in for users.
 */
import type { Plan } from '../plan/plan.js';
import { drawMap } from './draw.js';
import { toMemoryMap } from './source.js';
import type { MemoryMap } from './memory-map.js';
import { checkMapOptions, type MapOptions } from './options.js';

/**
 * Draws the memory map of a plan as SVG: static, self-contained, valid. O(storages + pixels).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 * @example
 * ```ts
 * import { Context, Graph, planGraph } from 'tensor-arena';
 * import { renderMap } from 'tensor-arena/map';
 * const ctx = Context.deferred();
 * const x = ctx.setInput(ctx.newTensor('f32', [256, 8], 'x'));
 * const y = ctx.setOutput(ctx.softMax(ctx.norm(x, 1e-5)));
 * const svg = renderMap(planGraph(Graph.forward(y)), { title: 'two steps' });
 * console.log(svg.startsWith('<svg')); // true
 * ```
 */
export function renderMap(source: Plan | MemoryMap, options: MapOptions = {}): string {
  checkMapOptions(options);
  return drawMap(toMemoryMap(source), options);
}
