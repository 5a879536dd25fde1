/**
 * From a plan, or a placement without a graph, to the map of it.
 *
 * Invariant: the boxes at a step add up to the live load of that step.
 */
import { checkArgument } from '../../errors.js';
import { placementSize, type Placement } from '../../solver/allocator.js';
import { isKept } from '../../graph/table.js';
import { Plan, type PlannedTensor } from '../../plan/plan.js';
import { liveLoad } from '../../problem/lower-bound.js';
import { neededParts } from '../../problem/parts.js';
import type { Problem } from '../../problem/problem.js';
import { familyOf } from './families.js';
import type { MapBox, MapView, MemoryMap } from './memory-map.js';

/** The map of a plan. O(tensors + sources). @throws PlannerError `BAD_ARGUMENT` */
export function memoryMapOf(plan: Plan): MemoryMap {
  checkArgument(plan instanceof Plan, 'plan', plan, 'a Plan', 'Give what planGraph returns.');
  const { allocator, chunks, bufferSize, lowerBound } = plan;
  const boxes = boxesOf(plan);
  return { allocator, stepCount: Math.max(1, plan.nodeCount), chunks, bufferSize, lowerBound, boxes };
}

/** The map of either. @throws PlannerError `BAD_ARGUMENT` */
export function toMemoryMap(source: Plan | MemoryMap): MemoryMap {
  if (source instanceof Plan) return memoryMapOf(source);
  const { boxes, chunks } = (source as Partial<MemoryMap> | null) ?? {};
  const isMap = Array.isArray(boxes) && Array.isArray(chunks);
  checkArgument(isMap, 'source', source, 'a Plan or a MemoryMap', 'Give what planGraph or memoryMapOf returns.');
  return source;
}

/**
 * The map of a placement without a graph. A buffer with gaps becomes one box for each part of its life that needs bytes.
 * O(buffers + gaps + steps).
 *
 * @param names what to call each buffer. Default: as the problem does, or its index
 * @param allocator how the placement was found
 * @param steps what to call each step, 0 to `stepCount`; such as `steps` of a problem that was read from CSV. Default:
 *   its number
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function memoryMapOfPlacement(
  problem: Problem,
  placement: Placement,
  names?: readonly (string | undefined)[],
  allocator = '',
  steps?: ArrayLike<number>,
): MemoryMap {
  checkPlacement(problem, placement);
  const called = names ?? problem.names ?? [];
  const boxes: MapBox[] = [];
  for (let b = 0; b < problem.bufferCount; b++) {
    for (const { start, end, lower, upper } of neededParts(problem, b)) {
      boxes.push({
        ...{
          name: called[b] ?? `buffer ${b}`,
          op: '',
          family: 'other',
          type: '',
          shape: [],
          chunk: placement.chunkOf[b],
        },
        ...{ offset: placement.offsets[b] + lower, size: upper - lower, start, end },
        ...{ takesOver: -1, takenBy: -1, views: [] },
      });
    }
  }
  return {
    ...{ allocator, stepCount: Math.max(1, problem.stepCount), chunks: placement.chunks, boxes },
    ...{
      bufferSize: placementSize(placement),
      lowerBound: Math.max(liveLoad(problem).bytes, placement.lowerBound ?? 0),
    },
    ...(boxes.length !== problem.bufferCount && { bufferCount: problem.bufferCount }),
    ...(problem.fixedOffsets !== null && { hasFixedOffsets: true as const }),
    ...(steps !== undefined && Array.from(steps).some((name, step) => name !== step) && { steps: Array.from(steps) }),
  };
}

function checkPlacement(problem: Partial<Problem> | null, placement: Partial<Placement> | null): void {
  const { bufferCount: count, sizes } = problem ?? {};
  const isProblem = count !== undefined && ArrayBuffer.isView(sizes);
  checkArgument(isProblem, 'problem', problem, 'a Problem', 'Make one with createProblem or parseProblemCsv.');
  const { chunks, chunkOf, offsets } = placement ?? {};
  const isPlaced = Array.isArray(chunks) && chunkOf?.length === count && offsets?.length === count;
  checkArgument(
    isPlaced,
    'placement',
    placement,
    `one of ${count} buffers`,
    'Give what an allocator or solve returns.',
  );
}

function boxesOf(plan: Plan): MapBox[] {
  const { tensors } = plan.graph;
  const placed = plan.tensors.filter(({ size, start, end }) => size > 0 && end > start);
  const boxOf = new Map(placed.map(({ id }, box) => [id, box]));
  const takesOver = new Int32Array(placed.length).fill(-1);
  const takenBy = new Int32Array(placed.length).fill(-1);
  for (const { id, with: giver, why } of plan.shares) {
    const box = boxOf.get(id);
    const from = boxOf.get(giver);
    if (why !== 'in-place' || box === undefined || from === undefined) continue;
    takesOver[box] = from;
    takenBy[from] = box;
  }
  const views = viewsOf(plan, boxOf);
  return placed.map(({ id, name, chunk, offset, size, start, end }, box): MapBox => {
    const { op, type, ne } = tensors[id];
    return {
      ...{ name, op, family: familyOf(tensors[id]), type: type.name, shape: trimmed(ne), chunk, offset, size, start },
      end: takenBy[box] === -1 ? end : placed[takenBy[box]].start,
      ...{ takesOver: takesOver[box], takenBy: takenBy[box], views: views.get(box) ?? [] },
    };
  });
}

/** The views of each box, from the step that makes them to their last reader. */
function viewsOf(
  { graph, shares, tensors: planned }: Plan,
  boxOf: ReadonlyMap<number, number>,
): Map<number, MapView[]> {
  const { table, tensors } = graph;
  const stepCount = Math.max(1, table.nodes.length);
  const starts = new Int32Array(table.tensorCount);
  const ends = new Int32Array(table.tensorCount);
  table.nodes.forEach((node, step) => {
    starts[node] = step;
    for (let s = table.sourceFirst[node]; s < table.sourceFirst[node + 1]; s++) ends[table.sources[s]] = step + 1;
  });
  const owners = new Map<number, PlannedTensor>(planned.map((owner) => [owner.id, owner]));
  const views = new Map<number, MapView[]>();
  for (const { id, name, with: root } of shares) {
    const box = boxOf.get(root);
    const owner = owners.get(root);
    if (owners.has(id) || box === undefined || owner === undefined) continue;
    const { op, viewOffset: offset, byteLength, isOutput } = tensors[id];
    const isLast = isOutput && isKept(table.traits[root]);
    const end = isLast ? stepCount : Math.max(ends[id], starts[id] + 1);
    const view = { name, op, offset, size: Math.min(byteLength, owner.size - offset), start: starts[id], end };
    const list = views.get(box);
    if (list === undefined) views.set(box, [view]);
    else list.push(view);
  }
  return views;
}

/** Sizes without the trailing ones, as people write them. */
function trimmed(ne: readonly number[]): number[] {
  let length = ne.length;
  while (length > 1 && ne[length - 1] === 1) length--;
  return ne.slice(0, length);
}
