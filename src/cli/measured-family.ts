/**
 * One plan for all graphs of a box of lengths, as `measure` prints it.
 */
import { planFamily } from '../planner/family.js';
import type { PlannerOptions } from '../planner/planner.js';
import type { MeasuredFile } from '../report/measured-file.js';
import type { GraphFamily } from './model-graph.js';

/** @param lowerBound of the graph with the greatest lengths, which the family holds as well */
export function measureFamily(
  { box, build }: GraphFamily,
  options: PlannerOptions,
  lowerBound: number,
): Pick<MeasuredFile, 'bufferSize' | 'chunks' | 'optimal' | 'family'> {
  const family = planFamily(build, box, options);
  const { bufferSize } = family;
  const corners = family.costs().map(({ dims, bufferSize: own }) => ({ dims, bufferSize: own }));
  return { bufferSize, chunks: [bufferSize], optimal: bufferSize === lowerBound, family: { box, corners } };
}
