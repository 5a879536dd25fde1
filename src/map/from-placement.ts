/**
 * From a placement without a graph to the map of it. A buffer with gaps becomes one box for each part of its life that
 * needs bytes.
 *
 * Invariant: the boxes at a step add up to the live load of that step.
 */
import { placementSize, type Placement } from '../solver/allocator.js';
import type { CsvProblem } from '../problem/csv.js';
import { liveLoad } from '../problem/lower-bound.js';
import { neededParts } from '../problem/parts.js';
import type { Problem } from '../problem/problem.js';
import type { MapBox, MemoryMap } from './memory-map.js';

/** A problem, with the names that its text gives to buffers and steps. */
export type NamedProblem = Pick<CsvProblem, 'problem' | 'ids' | 'steps'>;

/** The map of a placement. O(buffers + gaps + steps). */
export function mapOfPlacement(
  { problem, ids, steps }: Partial<NamedProblem> & { readonly problem: Problem },
  placement: Placement,
  allocator: string,
): MemoryMap {
  const boxes = boxesOf(problem, ids ?? problem.names ?? [], placement);
  const isSplit = boxes.length !== problem.bufferCount;
  const isRenamed = steps?.some((name, step) => name !== step) === true;
  return {
    allocator,
    stepCount: Math.max(1, problem.stepCount),
    chunks: placement.chunks,
    boxes,
    bufferSize: placementSize(placement),
    lowerBound: Math.max(liveLoad(problem).bytes, placement.lowerBound ?? 0),
    ...(isSplit && { bufferCount: problem.bufferCount }),
    ...(problem.fixedOffsets !== null && { hasFixedOffsets: true as const }),
    ...(isRenamed && { steps: Array.from(steps) }),
  };
}

function boxesOf(problem: Problem, names: readonly (string | undefined)[], placement: Placement): MapBox[] {
  const boxes: MapBox[] = [];
  for (let b = 0; b < problem.bufferCount; b++) {
    for (const { start, end, lower, upper } of neededParts(problem, b)) {
      boxes.push({
        name: names[b] ?? `buffer ${b}`,
        op: '',
        family: 'other',
        type: '',
        shape: [],
        chunk: placement.chunkOf[b],
        offset: placement.offsets[b] + lower,
        size: upper - lower,
        start,
        end,
        reuses: -1,
        reusedBy: -1,
        views: [],
      });
    }
  }
  return boxes;
}
