/**
 * From a plan to the map of it.
 *
 * Invariant: the boxes at a step add up to the live load of that step.
 */
import { isKept } from '../graph/table.js';
import type { Plan } from '../plan/plan.js';
import type { PlannedTensor } from '../plan/layout.js';
import type { Schedule } from '../schedule/schedule.js';
import { familyOf } from './families.js';
import type { MapBox, MapDevices, MapRun, MapView, MemoryMap } from './memory-map.js';

/** What the map shows of a schedule. */
export type MappedSchedule = Pick<Schedule, 'graph' | 'devices' | 'deviceOf'>;

/** The map of a plan, with the devices that compute its graph if a schedule says so. O(tensors + sources). */
export function mapOfPlan(plan: Plan, schedule?: MappedSchedule): MemoryMap {
  const { allocator, chunks, bufferSize, lowerBound, pools } = plan;
  const boxes = boxesOf(plan);
  const map = { allocator, stepCount: Math.max(1, plan.nodeCount), chunks, bufferSize, lowerBound, boxes };
  return {
    ...map,
    ...(pools === null ? {} : { poolNames: pools.flatMap((pool) => pool.chunks.map(() => pool.name)) }),
    ...(schedule === undefined ? {} : { devices: devicesOf(schedule) }),
  };
}

function devicesOf({ graph: { table }, devices, deviceOf }: MappedSchedule): MapDevices {
  const runs: MapRun[] = [];
  table.nodes.forEach((node, step) => {
    const last = runs.at(-1);
    const device = deviceOf[node];
    if (last?.device === device) runs[runs.length - 1] = { ...last, end: step + 1 };
    else runs.push({ device, start: step, end: step + 1 });
  });
  return { names: devices.map(({ name }) => name), runs };
}

function boxesOf(plan: Plan): MapBox[] {
  const { tensors } = plan.graph;
  const placed = plan.tensors.filter(({ size, start, end }) => size > 0 && end > start);
  const boxOf = new Map(placed.map(({ id }, box) => [id, box]));
  const reuses = new Int32Array(placed.length).fill(-1);
  const reusedBy = new Int32Array(placed.length).fill(-1);
  for (const { id, owner: reused, why } of plan.shares) {
    const box = boxOf.get(id);
    const from = boxOf.get(reused);
    if (why !== 'reuse' || box === undefined || from === undefined) continue;
    reuses[box] = from;
    reusedBy[from] = box;
  }
  const views = viewsOf(plan, boxOf);
  return placed.map(({ id, name, chunk, offset, size, start, end }, box): MapBox => {
    const { op, type, shape } = tensors[id];
    return {
      name,
      op,
      family: familyOf(tensors[id], plan.graph),
      type: type.name,
      shape: trimmed(shape),
      chunk,
      offset,
      size,
      start,
      end: reusedBy[box] === -1 ? end : placed[reusedBy[box]].start,
      reuses: reuses[box],
      reusedBy: reusedBy[box],
      views: views.get(box) ?? [],
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
  for (const { id, name, owner: root } of shares) {
    const box = boxOf.get(root);
    const owner = owners.get(root);
    if (owners.has(id) || box === undefined || owner === undefined) continue;
    const { op, viewOffset: offset, byteLength } = tensors[id];
    const isLast = graph.outputs.has(tensors[id]) && isKept(table.traits[root]);
    const end = isLast ? stepCount : Math.max(ends[id], starts[id] + 1);
    const view = { name, op, offset, size: Math.min(byteLength, owner.size - offset), start: starts[id], end };
    const list = views.get(box);
    if (list === undefined) views.set(box, [view]);
    else list.push(view);
  }
  return views;
}

/** Sizes without the trailing ones, as people write them. */
function trimmed(shape: readonly number[]): number[] {
  let length = shape.length;
  while (length > 1 && shape[length - 1] === 1) length--;
  return shape.slice(0, length);
}
