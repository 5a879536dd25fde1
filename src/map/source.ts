/**
 * What a map can be made of: a plan, or a placement without a graph.
 */
import type { Placement } from '../solver/allocator.js';
import { checkArgument } from '../errors.js';
import { Plan } from '../plan/plan.js';
import type { Problem } from '../problem/problem.js';
import type { Schedule } from '../schedule/schedule.js';
import { mapOfPlacement, type NamedProblem } from './from-placement.js';
import { mapOfPlan, type MappedSchedule } from './from-plan.js';
import type { MemoryMap } from './memory-map.js';

/**
 * The map of a plan. O(tensors + sources).
 *
 * @param schedule how the graph of the plan is spread over devices; the map then says which device computes when
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function memoryMapOf(plan: Plan, schedule?: Schedule): MemoryMap;
/**
 * The map of a placement without a graph. A buffer with gaps becomes one box for each part of its life that needs bytes.
 * O(buffers + gaps + steps).
 *
 * @param problem what was placed; or what `parseProblemCsv` returns, whose names for buffers and steps the map then has
 * @param placement where everything is
 * @param allocator how the placement was found. Default: not said
 * @throws PlannerError `BAD_ARGUMENT`
 * @example
 * ```ts
 * import { ALLOCATORS, parseProblemCsv } from 'tensor-arena';
 * import { memoryMapOf } from 'tensor-arena/map';
 * const csv = parseProblemCsv('id,lower,upper,size\na,0,900,64\nb,100,300,32\n');
 * const map = memoryMapOf(csv, ALLOCATORS.auto.place(csv.problem), 'auto');
 * console.log(map.boxes.map(({ name, offset }) => `${name} at ${offset}`)); // [ 'a at 0', 'b at 64' ]
 * ```
 */
export function memoryMapOf(problem: Problem | NamedProblem, placement: Placement, allocator?: string): MemoryMap;
export function memoryMapOf(
  source: Plan | Problem | NamedProblem,
  placed?: Placement | Schedule,
  allocator = '',
): MemoryMap {
  if (source instanceof Plan) {
    if (placed === undefined) return mapOfPlan(source);
    const schedule = placed as Schedule;
    checkSchedule(source, schedule);
    return mapOfPlan(source, schedule);
  }
  checkArgument(placed !== undefined, 'plan', source, 'a Plan', 'Give what planGraph returns.');
  const named = namedProblem(source);
  const placement = placed as Placement;
  checkPlacement(named.problem, placement);
  return mapOfPlacement(named, placement, allocator);
}

function checkSchedule({ graph }: Plan, schedule: Partial<MappedSchedule> | null): void {
  const isOfPlan = schedule?.graph === graph && Array.isArray(schedule.devices);
  checkArgument(
    isOfPlan,
    'schedule',
    schedule,
    'the Schedule whose graph was planned',
    'Give what scheduleGraph returns.',
  );
}

/** The map of a plan, or the map itself. @throws PlannerError `BAD_ARGUMENT` */
export function toMemoryMap(source: Plan | MemoryMap): MemoryMap {
  if (source instanceof Plan) return mapOfPlan(source);
  const { boxes, chunks } = (source as Partial<MemoryMap> | null) ?? {};
  const isMap = Array.isArray(boxes) && Array.isArray(chunks);
  checkArgument(isMap, 'source', source, 'a Plan or a MemoryMap', 'Give what planGraph or memoryMapOf returns.');
  return source;
}

function namedProblem(source: Problem | NamedProblem): Partial<NamedProblem> & { readonly problem: Problem } {
  const isNamed = typeof source === 'object' && source !== null && 'problem' in source;
  return isNamed ? source : { problem: source };
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
