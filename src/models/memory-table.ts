/**
 * The table of memory that llama.cpp prints when it ends.
 *
 * Invariant: rows and sums are those of `common_memory_breakdown_print` in build 10573: logits and adapters are left out.
 */
import { checkArgument, isListLike } from '../errors.js';
import type { MachineMeasurement } from './measure-on-devices.js';
import type { DeviceBuffer } from './offload/buffers.js';

/** One row. All sizes in bytes. */
export interface MemoryTableRow {
  /** The name of a device, `Host` for all that the CPU reads, or that of another buffer type, such as `CPU_REPACK`. */
  readonly name: string;
  readonly model: number;
  readonly context: number;
  readonly compute: number;
  /** The sum of the three. */
  readonly self: number;
}

/** The rows in llama.cpp's order. O(devices × buffers). @throws PlannerError `BAD_ARGUMENT` */
export function memoryTable(machine: MachineMeasurement): readonly MemoryTableRow[] {
  const { devices, buffers } = (machine as Partial<MachineMeasurement> | null) ?? {};
  const remedy = 'Give what measureModel says of a machine.';
  checkArgument(isListLike(devices) && isListLike(buffers), 'machine', machine, 'a measurement of a machine', remedy);
  const gpus = devices.slice(0, -1);
  const isOf = (name: string) => (buffer: DeviceBuffer) => buffer.device === name && !buffer.type.isHost;
  const others = buffers.filter(({ device, type }) => !type.isHost && !gpus.some(({ name }) => name === device));
  const otherNames = [...new Set(others.map(({ type }) => type.name))].sort();
  return [
    ...gpus.map(({ name }) => rowOf(name, buffers.filter(isOf(name)))),
    rowOf(
      'Host',
      buffers.filter(({ type }) => type.isHost),
    ),
    ...otherNames.map((name) =>
      rowOf(
        name,
        others.filter(({ type }) => type.name === name),
      ),
    ),
  ];
}

function rowOf(name: string, buffers: readonly DeviceBuffer[]): MemoryTableRow {
  const sum = (purpose: DeviceBuffer['purpose']): number =>
    buffers.reduce((all, buffer) => all + (buffer.purpose === purpose ? buffer.bytes : 0), 0);
  const [model, context, compute] = [sum('weights'), sum('context'), sum('compute')];
  return { name, model, context, compute, self: model + context + compute };
}
