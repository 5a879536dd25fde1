/**
 * The memory map of a plan as a picture: the way in for users.
 */
import { checkOptionsObject } from '../../errors.js';
import type { Plan } from '../../plan/plan.js';
import { drawMap, type MapOptions } from './draw.js';
import { toMemoryMap } from './from-plan.js';
import type { MemoryMap } from './memory-map.js';

/**
 * Draws the memory map of a plan as SVG. O(storages + pixels).
 *
 * @example
 * ```ts
 * import { Context, Graph, planGraph, renderMap } from 'tensor-arena';
 * const ctx = Context.deferred();
 * const x = ctx.setInput(ctx.newTensor('f32', [256, 8], 'x'));
 * const y = ctx.setOutput(ctx.softMax(ctx.norm(x, 1e-5)));
 * const svg = renderMap(planGraph(Graph.forward(y)), { title: 'two steps' });
 * console.log(svg.startsWith('<svg')); // true
 * ```
 */
export function renderMap(source: Plan | MemoryMap, options: MapOptions = {}): string {
  checkOptionsObject(options);
  return drawMap(toMemoryMap(source), options);
}
