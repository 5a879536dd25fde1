/**
 * Brings every node that overwrites another tensor's storage to a device that reaches this storage. llama.cpp takes for
 * granted that the passes have done so, as they do for its caches.
 *
 * Invariant: where every writer reaches what it writes, nothing changes. O(writers · devices + tensors).
 */
import { named, PlannerError } from '../errors.js';
import type { BufferType } from '../device/device.js';
import { isPureView } from '../graph/node-kind.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Capabilities, NO_DEVICE } from './capabilities.js';
import type { ScheduleInput } from './schedule.js';

/** Changes `deviceOf`. @throws PlannerError `BAD_ARGUMENT` if no device reaches a storage and computes what writes into it */
export function bringWritersHome(input: ScheduleInput, can: Capabilities, deviceOf: Int32Array): void {
  const { tensors, table } = input.graph;
  const moved = new Map<number, number>();
  // A result is looked for in the memory of the device that computes it, so that must be the memory it is written into.
  const isAtHome = (root: number, placed: BufferType | null, device: number): boolean =>
    placed === null
      ? deviceOf[root] !== NO_DEVICE && can.bufferTypes[device].name === can.bufferTypes[deviceOf[root]].name
      : can.reads(placed, device);
  const writersOf = writersByStorage(input);
  for (const [root, writers] of writersOf) {
    const placed = can.placed(root);
    if (writers.every((writer) => isAtHome(root, placed, deviceOf[writer]))) continue;
    // A storage without a place goes where all can be computed that is in it.
    const computing = placed === null && table.steps[root] !== -1 ? [root, ...writers] : writers;
    const inOrder = [deviceOf[root], ...writers.map((writer) => deviceOf[writer]), ...can.devices.keys()];
    const home = inOrder.find((device) => {
      const reaches = placed === null || can.reads(placed, device);
      return device !== NO_DEVICE && reaches && computing.every((id) => can.supports(id, device));
    });
    if (home === undefined) throw noDevice(tensors[writers[0]].label, tensors[root].label);
    for (const writer of writers) deviceOf[writer] = home;
    if (placed === null) moved.set(root, home);
  }
  if (moved.size === 0) return;
  table.roots.forEach((root, id) => {
    const home = moved.get(root);
    if (home !== undefined && (id === root || isPureView(tensors[id]))) deviceOf[id] = home;
  });
}

/** The nodes that write into each storage but its owner, by the id of the owner. */
function writersByStorage({ graph }: ScheduleInput): Map<number, number[]> {
  const { tensors, table } = graph;
  const byStorage = new Map<number, number[]>();
  const note = (written: Tensor, writer: number): void => {
    const root = graph.idOf(written.root);
    const writers = byStorage.get(root);
    if (writers === undefined) byStorage.set(root, [writer]);
    else if (writers[writers.length - 1] !== writer) writers.push(writer);
  };
  for (const writer of table.writers) {
    const { operation, sources, isView } = tensors[writer];
    for (const slot of operation?.updates ?? []) {
      const updated = sources[slot] ?? null;
      if (updated !== null) note(updated, writer);
    }
    if (isView) note(tensors[writer], writer);
  }
  return byStorage;
}

function noDevice(writer: string, storage: string): PlannerError {
  return new PlannerError('BAD_ARGUMENT', {
    message: `No device that reaches ${named(storage)} computes ${named(writer)}, which is written there.`,
    culprit: writer,
    value: `written into ${storage}`,
    limit: 'what some device computes that reaches the storage',
    remedy: 'Place the storage where the device that computes everything reaches it, or let the node write elsewhere.',
  });
}
