/**
 * What a model takes on each device of a machine, as text and as the JSON of the command line.
 */
import { counted, groupDigits, humanBytes } from '../format.js';
import { describeOutputs } from '../models/assumption.js';
import type { DeviceMeasurement } from '../models/device-sums.js';
import type { LlamaCppFit } from '../models/fit/llama-cpp.js';
import type { MachineMeasurement } from '../models/measure-on-devices.js';
import { memoryTable, type MemoryTableRow } from '../models/memory-table.js';
import type { DeviceBuffer } from '../models/offload/buffers.js';
import { describeLlamaCppFit, llamaCppFitJson } from './llama-fit.js';
import { contextTitle, describeModel, describeRun } from './model-words.js';
import type { Style } from './style.js';
import { formatTable, printable, type Column } from './table.js';

/** A model on a machine. */
export interface MachineFile {
  /** As the user named it. */
  readonly file: string;
  readonly machine: MachineMeasurement;
  /** What llama.cpp changed before that; null or left out if it was not to fit anything. */
  readonly fit?: LlamaCppFit | null;
  /** What is loaded beside it. */
  readonly parts: readonly MachinePart[];
  /** What all of it takes of each device. */
  readonly devices: readonly DeviceMeasurement[];
  /** What a server copies to host memory while it runs; null for other programs. */
  readonly copies: ServerCopies | null;
}

/** A draft model, or a projector. */
export interface MachinePart {
  readonly name: string;
  readonly buffers: readonly DeviceBuffer[];
  /** Sentences about what is not counted. Default: none. */
  readonly notes?: readonly string[];
}

/** Most bytes that a server copies to host memory while it runs. */
export interface ServerCopies {
  /** Of prompts; null: no limit but the tokens of the context. */
  readonly promptCache: number | null;
  /** Of one checkpoint; 0 where the model needs none. */
  readonly checkpoint: number;
  /** Of the checkpoints of all sequences. */
  readonly checkpoints: number;
}

/** What nobody can tell from a header. */
export const NOT_COUNTED =
  'Not counted: what the driver takes for itself, libraries such as cuBLAS, and other processes; on CUDA typically 200–700 MiB of each device.';

/** The report as text, a newline after each line. @param room columns of the terminal; null if it is none */
export function formatMachine(
  { file, machine, fit = null, parts, devices, copies }: MachineFile,
  style: Style,
  room: number | null = null,
): string {
  const lines = [
    style.strong(printable(file)),
    `${describeModel(machine)}.`,
    describeRun(machine),
    ...(fit === null ? [] : describeLlamaCppFit(fit)),
    '',
    ...deviceLines(devices, machine.isRecurrent, style, room),
    '',
    ...bufferLines(
      [...named(machine.buffers), ...parts.flatMap(({ name, buffers }) => named(buffers, name))],
      style,
      room,
    ),
    '',
    ...tableLines(machine),
    '',
    layersText(machine.layers),
    ...graphText(machine),
    ...copiesText(copies),
    ...parts.flatMap(({ notes = [] }) => notes),
    style.faint(NOT_COUNTED),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function deviceLines(
  devices: readonly DeviceMeasurement[],
  isRecurrent: boolean,
  style: Style,
  room: number | null,
): string[] {
  const size = (
    title: string,
    of: (device: DeviceMeasurement) => number,
    spare?: number,
  ): Column<DeviceMeasurement> => ({
    title,
    cell: (device) => humanBytes(of(device)),
    align: 'right',
    ...(spare === undefined ? {} : { spare }),
  });
  const columns: Column<DeviceMeasurement>[] = [
    { title: 'device', cell: ({ name }) => name },
    size('weights', ({ weights }) => weights),
    ...(devices.some(({ adapters }) => adapters > 0) ? [size('adapters', ({ adapters }) => adapters)] : []),
    size(contextTitle([isRecurrent]), ({ context }) => context),
    size('compute', ({ compute }) => compute),
    size('output', ({ output }) => output, 2),
    { ...size('total', ({ total }) => total), paint: style.strong },
    { title: 'of free', cell: freeText, align: 'right', spare: 3 },
    {
      title: 'fits',
      cell: fitText,
      paint: (text, device) => (fits(device) ? style.good : style.bad)(text),
    },
  ];
  return formatTable(columns, devices, style.faint, room ?? undefined);
}

/** The CPU has as much as it takes, as nobody said how much. */
function freeText({ freeBytes }: DeviceMeasurement): string {
  return Number.isFinite(freeBytes) ? humanBytes(freeBytes) : '';
}

function fits({ total, freeBytes }: DeviceMeasurement): boolean {
  return total <= freeBytes;
}

function fitText(device: DeviceMeasurement): string {
  const { total, freeBytes } = device;
  if (!Number.isFinite(freeBytes)) return '';
  return fits(device) ? `yes, ${humanBytes(freeBytes - total)} left` : `no, ${humanBytes(total - freeBytes)} too much`;
}

/** A buffer, and what it belongs to. */
interface NamedBuffer extends DeviceBuffer {
  readonly part?: string;
}

function named(buffers: readonly DeviceBuffer[], part?: string): NamedBuffer[] {
  return buffers.map((buffer) => ({ ...buffer, part }));
}

function bufferLines(buffers: readonly NamedBuffer[], style: Style, room: number | null): string[] {
  const columns: Column<NamedBuffer>[] = [
    { title: 'buffer', cell: ({ type }) => type.name },
    { title: 'for', cell: ({ purpose, part }) => (part === undefined ? purpose : `${purpose}, ${part}`) },
    { title: 'of', cell: ({ device }) => device, spare: 2 },
    { title: 'size', cell: ({ bytes }) => humanBytes(bytes), align: 'right', paint: style.strong },
    { title: 'bytes', cell: ({ bytes }) => groupDigits(bytes), align: 'right', spare: 1 },
  ];
  return formatTable(columns, buffers, style.faint, room ?? undefined);
}

/** Runs of layers on one device: `Layers: CPU 0–15, CUDA0 16–31, output on CUDA0.` */
function layersText(layers: readonly string[]): string {
  const output = layers[layers.length - 1];
  const runs: { name: string; first: number; last: number }[] = [];
  layers.slice(0, -1).forEach((name, layer) => {
    const run = runs.at(-1);
    if (run?.name === name) run.last = layer;
    else runs.push({ name, first: layer, last: layer });
  });
  const parts = runs.map(({ name, first, last }) => `${name} ${first === last ? first : `${first}–${last}`}`);
  return `Layers: ${[...parts, `output on ${output}`].join(', ')}.`;
}

function graphText({ nodes, splits, copies }: MachineMeasurement): string[] {
  const phase = (key: 'pp' | 'tg'): string => `${counted(nodes[key], 'node')} in ${counted(splits[key], 'split')}`;
  const text =
    phase('pp') === phase('tg')
      ? `Graph: ${phase('pp')}, for a batch of the prompt and for one token alike.`
      : `Graph: ${phase('pp')} for a batch of the prompt, ${phase('tg')} for one token of each sequence.`;
  if (copies === 1) return [text];
  return [text, `Batches follow each other as in a pipeline: what crosses devices exists ${copies} times.`];
}

/** The plain data that `--json` prints for a model on a machine; memory without a limit is null. */
export function machineJson({ file, machine, fit = null, parts, devices, copies: server }: MachineFile): object {
  const { architecture, run, weights, adapters, context, compute, output, total, splits, nodes, copies, layers } =
    machine;
  return {
    file,
    architecture,
    program: run.program,
    outputs: run.maxOutputs,
    assumption: describeOutputs(run),
    flashAttention: run.flashAttention,
    ...{ weights, adapters, context, compute, output, total },
    devices: devices.map(deviceJson),
    buffers: buffersJson(machine.buffers),
    parts: parts.map(({ name, buffers, notes = [] }) => ({ name, buffers: buffersJson(buffers), notes })),
    memoryTable: memoryTable(machine),
    server,
    ...{ splits, nodes, copies, layers },
    llamaCppBuild: machine.llamaCppBuild,
    llamaCppCommit: machine.llamaCppCommit,
    ...(fit === null ? {} : { fit: llamaCppFitJson(fit) }),
  };
}

/** One device, as `--json` prints it everywhere. */
export function deviceJson({ totalBytes, freeBytes, ...device }: DeviceMeasurement): object {
  return { ...device, memory: finite(totalBytes), free: finite(freeBytes), fits: device.total <= freeBytes };
}

function buffersJson(buffers: readonly DeviceBuffer[]): object[] {
  return buffers.map(({ device, type, purpose, bytes }) => ({ device, type: type.name, purpose, bytes }));
}

const MIB = 2 ** 20;

/** The rows of llama.cpp's table of memory, without what only a running program knows. */
function tableLines(machine: MachineMeasurement): string[] {
  const mebibytes = (bytes: number): string => String(Math.floor(bytes / MIB));
  const column = (title: string, of: (row: MemoryTableRow) => number): Column<MemoryTableRow> => {
    return { title, cell: (row) => mebibytes(of(row)), align: 'right' };
  };
  const columns: Column<MemoryTableRow>[] = [
    { title: 'memory breakdown [MiB]', cell: ({ name }) => `  - ${name}` },
    column('self', ({ self }) => self),
    column('model', ({ model }) => model),
    column('context', ({ context }) => context),
    column('compute', ({ compute }) => compute),
  ];
  return formatTable(columns, memoryTable(machine), (text) => text);
}

function copiesText(copies: ServerCopies | null): string[] {
  if (copies === null) return [];
  const { promptCache, checkpoint, checkpoints } = copies;
  const prompts =
    promptCache === null
      ? 'prompts of as many tokens as the context has (--cache-ram -1)'
      : `up to ${humanBytes(promptCache)} of prompts (--cache-ram)`;
  const parts = [
    ...(promptCache === 0 ? [] : [prompts]),
    ...(checkpoints === 0
      ? []
      : [`up to ${humanBytes(checkpoints)} of checkpoints, each ${groupDigits(checkpoint)} bytes (--ctx-checkpoints)`]),
  ];
  return parts.length === 0
    ? []
    : [`Besides, the server copies to host memory while it runs: ${parts.join(', and ')}.`];
}

function finite(bytes: number): number | null {
  return Number.isFinite(bytes) ? bytes : null;
}
