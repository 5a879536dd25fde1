/**
 * The parts of every live range, in sections instead of steps, as the lowest fit uses them:
 *
 *     step      0  1  2  3  4  5            section   0        1
 *     A         ■  ■  ■  ·  ·  ·            A         ■        ·
 *     B         ·  ■  ■  ■  ·  ·            B         ■        ■      B starts before A ends, D after it
 *     D         ·  ·  ·  ·  ■  ■            D         ·        ■
 *
 * Invariant: two parts share a section exactly if they share a step.
 */
import { partsOf, type Parts } from './parts.js';
import type { Problem } from './problem.js';
import { numberSections } from './sections.js';

/** The starts and ends of the parts are sections. */
export interface Timeline extends Parts {
  readonly sectionCount: number;
}

/** Cuts live ranges at their gaps and numbers the sections. O(buffers + gaps + steps). */
export function createTimeline(problem: Problem): Timeline {
  const parts = partsOf(problem);
  const { count, at } = numberSections(problem.stepCount, [parts.starts], [parts.ends]);
  const inSections = (steps: Int32Array): Int32Array => steps.map((step) => at[step]);
  return { ...parts, starts: inSections(parts.starts), ends: inSections(parts.ends), sectionCount: count };
}
