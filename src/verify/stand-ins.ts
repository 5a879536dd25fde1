/**
 * Whether the tensors of a schedule are those that they stand for.
 *
 * Invariant: trusts nothing of a schedule but its fields, and shares no code with what makes schedules.
 */
import type { Graph } from '../graph/graph.js';
import type { Copy, Schedule } from '../schedule/schedule.js';
import { sameLayout } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';
import { labelOf } from './plan-violation.js';
import type { ScheduleViolation } from './schedule-violation.js';

/** The part of a schedule that says what its graph is. */
export type ScheduleLike = Pick<
  Schedule,
  'graph' | 'devices' | 'bufferTypes' | 'copies' | 'deviceOf' | 'standsFor' | 'pools'
>;

/** Why nothing can be said of a schedule's tensors; null if its lists fit its graph. */
export function faultOfLists(
  given: Graph,
  { graph, devices, copies, deviceOf, standsFor }: ScheduleLike,
): string | null {
  const count = graph.tensors.length;
  if (deviceOf.length !== count) return `deviceOf has ${deviceOf.length} entries for ${count} tensors`;
  if (standsFor.length !== count) return `standsFor has ${standsFor.length} entries for ${count} tensors`;
  const stranger = deviceOf.findIndex((device) => !(device >= -1 && device < devices.length));
  if (stranger !== -1) return `tensor ${stranger} is on device ${deviceOf[stranger]}, which does not exist`;
  const unknown = standsFor.findIndex((id) => !(id >= -1 && id < given.tensors.length));
  if (unknown !== -1) return `tensor ${unknown} stands for ${standsFor[unknown]}, which does not exist`;
  const lost = copies.findIndex(({ tensor, from, at, of }) => {
    return !given.has(of) || [tensor, from ?? tensor, at ?? tensor].some((each) => !graph.has(each));
  });
  return lost === -1 ? null : `copy ${lost} is of tensors that the graphs do not have`;
}

/** What is wrong with single tensors and copies. O(tensors + sources). */
export function compareTensors(given: Graph, schedule: ScheduleLike): ScheduleViolation[] {
  const { graph, copies, standsFor } = schedule;
  const ids = new Map(graph.tensors.map((tensor, id) => [tensor, id]));
  const violations: ScheduleViolation[] = [];
  const report = (kind: ScheduleViolation['kind'], id: number, what: string): void => {
    const label = labelOf((kind === 'missing' ? given : graph).tensors[id], id);
    violations.push({ kind, ids: [id], step: null, message: `${kind}: ${label} ${what}` });
  };
  const isCopy = new Set(copies.map(({ tensor }) => tensor));
  const standIn = new Int32Array(given.tensors.length).fill(-1);
  graph.tensors.forEach((tensor, id) => {
    const original = standsFor[id];
    if (original === -1) {
      const isKeeper = tensor.operation === null && tensor.isView;
      if (!isCopy.has(tensor) && !isKeeper) report('unknown-tensor', id, 'stands for nothing, and is no copy');
      return;
    }
    if (standIn[original] !== -1) report('duplicate', id, `stands for ${given.tensors[original].label} a second time`);
    standIn[original] = id;
    const what = differenceOf(given, given.tensors[original], schedule, tensor, ids);
    if (what !== null) report('wrong-tensor', id, `differs from what it stands for in ${what}`);
  });
  standIn.forEach((id, original) => {
    if (id === -1) report('missing', original, 'has nothing that stands for it');
  });
  for (const copy of copies) {
    const what = faultOfCopy(given, copy, schedule, ids);
    if (what !== null) report('wrong-copy', ids.get(copy.tensor)!, what);
  }
  return violations;
}

/** In what a tensor differs from the one that it stands for; null if in nothing that matters. */
function differenceOf(
  given: Graph,
  original: Tensor,
  { graph, standsFor }: ScheduleLike,
  tensor: Tensor,
  ids: ReadonlyMap<Tensor, number>,
): string | null {
  if (given.inputs.has(original) && !graph.inputs.has(tensor)) return 'its mark as an input';
  if (given.outputs.has(original) && !graph.outputs.has(tensor)) return 'its mark as an output';
  if (tensor === original) return null;
  const standsForTensor = (each: Tensor | null): Tensor | null =>
    each === null ? null : (given.tensors[standsFor[ids.get(each)!]] ?? null);
  if (tensor.operation !== original.operation) return 'its operation';
  if (!sameLayout(tensor, original)) return 'type, shape or strides';
  if (tensor.memory !== original.memory || tensor.bytes !== original.bytes) return 'its kind of memory';
  if (tensor.isView !== original.isView || tensor.viewOffset !== original.viewOffset) return 'its place in a storage';
  if (tensor.isView && standsForTensor(tensor.root) !== original.root) return 'the storage that it looks into';
  if (standsForTensor(tensor.destination) !== original.destination) return 'its destination';
  if (tensor.params !== original.params && JSON.stringify(tensor.params) !== JSON.stringify(original.params)) {
    return 'its settings';
  }
  const { length } = original.sources;
  return tensor.sources.length === length
    ? null
    : `the number of its operands: ${tensor.sources.length}, not ${length}`;
}

/** What a copy says at odds with the graph; null if nothing. */
function faultOfCopy(
  given: Graph,
  { of, from, at, device, tensor }: Copy,
  { graph, deviceOf, standsFor }: ScheduleLike,
  ids: ReadonlyMap<Tensor, number>,
): string | null {
  const id = ids.get(tensor)!;
  if (!sameLayout(tensor, of)) return `has another layout than ${of.label}, of which it is a copy`;
  if (tensor.isView || tensor.memory !== 'deferred') return 'is a copy, but has no bytes of its own in the plan';
  if (deviceOf[id] !== device) return `is on device ${deviceOf[id]}, but is a copy for device ${device}`;
  if (from === null) return at === null && graph.inputs.has(tensor) ? null : 'is a copy of nothing, but no input';
  if (at === null) return 'is a copy that nobody makes';
  const copied = given.tensors[standsFor[ids.get(from)!]] as Tensor | undefined;
  if (copied !== of) return `is a copy of ${of.label}, but is made from ${from.label}`;
  return at === tensor || at.sources.includes(from)
    ? null
    : `is made at ${at.label}, which does not keep ${from.label}`;
}
