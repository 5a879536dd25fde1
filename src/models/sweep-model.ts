/**
 * A model with many sets of options: every combination of the values that a grid lists.
 *
 * Invariant: rows come in the order of nested loops, the first option of the grid outermost. The header is read once.
 */
import type { Device } from '../device/device.js';
import { checkArgument, checkOptions, PlannerError, type OptionNames } from '../errors.js';
import { checkBytes } from '../units.js';
import { configure, type ModelConfiguration } from './configuration.js';
import { Trials } from './fit/trial.js';
import type { DeviceMeasurement } from './device-sums.js';
import type { MachineMeasurement, MachineOptions } from './measure-on-devices.js';
import { readModel, type ModelSource } from './model-graph.js';
import { OFFLOAD_OPTIONS } from './offload/options.js';
import { SIZE_OPTIONS, type GraphOption, type ModelOptions, type SizeOptions } from './options.js';

/** The values to try for each option; options that are left out have their defaults. */
export type SweepGrid = { readonly [Option in keyof SizeOptions]?: readonly ModelOptions[Option][] };

/** One combination: its sizes, or why llama.cpp would refuse it. */
export type SweepRow = (ModelConfiguration & { readonly refusal: null }) | RefusedConfiguration;

/** A combination that can't be run, such as quantised values without flash attention. */
export interface RefusedConfiguration {
  readonly options: ModelOptions;
  readonly refusal: PlannerError;
}

/** The values to try for each option of a model on machines of several devices: lists of machines, of layers, of contexts. */
export type MachineGrid = {
  readonly [Option in keyof Omit<MachineOptions, GraphOption | 'devices'>]?: readonly MachineOptions[Option][];
} & {
  /** The machines, a list of devices each. */
  readonly devices: readonly (readonly Device[])[];
};

/** One combination on one machine: what it takes of each device, or why llama.cpp would refuse it. */
export type MachineSweepRow = MachineConfiguration | RefusedMachineConfiguration;

/** What a combination takes of a machine. All sizes in bytes; those of the row are sums over its devices. */
export interface MachineConfiguration extends Pick<
  MachineMeasurement,
  'run' | 'isRecurrent' | 'devices' | 'weights' | 'adapters' | 'context' | 'compute' | 'output' | 'total'
> {
  /** The options as they were given. */
  readonly options: MachineOptions;
  /** Whether no device needs more than is free there. */
  readonly fits: boolean;
  readonly refusal: null;
}

/** A combination on a machine that can't be run. */
export interface RefusedMachineConfiguration {
  readonly options: MachineOptions;
  readonly refusal: PlannerError;
}

const MACHINE_OPTIONS: OptionNames<Omit<MachineOptions, GraphOption>> = {
  ...SIZE_OPTIONS,
  ...OFFLOAD_OPTIONS,
};

/** How many combinations a grid has; 0 if an option has no value. @throws PlannerError `BAD_ARGUMENT` */
export function gridSize(grid: SweepGrid | MachineGrid): number {
  checkOptions(grid, isMachineGrid(grid) ? MACHINE_OPTIONS : SIZE_OPTIONS, 'grid');
  for (const [option, values] of Object.entries(grid)) {
    checkArgument(
      Array.isArray(values),
      `grid.${option}`,
      values,
      'a list of values',
      'Put even one value into a list.',
    );
  }
  return Object.values(grid).reduce((product, values) => product * values.length, 1);
}

/**
 * Measures every combination of a grid, one at a time, so that a caller can show progress or stop. A few milliseconds
 * each. With `devices`, a list of machines, a row says what each device of its machine takes.
 *
 * @throws PlannerError `UNKNOWN_ARCHITECTURE`, `BAD_MODEL`; `BAD_ARGUMENT` for a grid with an unknown option. A refused
 * combination is a row, not an error
 *
 * @example
 * ```ts
 * import { gridSize, sweepModel } from 'tensor-arena/models';
 * import { readGguf } from 'tensor-arena/gguf';
 * const grid = { ctxSize: [2048, 4096], flashAttention: [true, false] };
 * console.log(gridSize(grid)); // 4
 * for (const row of sweepModel(await readGguf('examples/phi-3-mini-4k.gguf'), grid)) {
 *   if (row.refusal === null) console.log(row.run.contextSize, row.run.flashAttention, row.total);
 * }
 * ```
 *
 * @example
 * ```ts
 * import { parseDevices } from 'tensor-arena/device';
 * import { sweepModel } from 'tensor-arena/models';
 * import { readGguf } from 'tensor-arena/gguf';
 * const machine = parseDevices(['cuda:4GiB']);
 * const grid = { devices: [machine], gpuLayers: [16, 33], ctxSize: [1024, 4096] };
 * for (const row of sweepModel(await readGguf('examples/phi-3-mini-4k.gguf'), grid)) {
 *   if (row.refusal === null) console.log(row.options.gpuLayers, row.run.contextSize, row.devices[0]?.total, row.fits);
 * }
 * ```
 */
export function sweepModel(gguf: ModelSource, grid: MachineGrid): Generator<MachineSweepRow, void, undefined>;
export function sweepModel(gguf: ModelSource, grid: SweepGrid): Generator<SweepRow, void, undefined>;
export function sweepModel(
  gguf: ModelSource,
  grid: SweepGrid | MachineGrid,
): Generator<SweepRow | MachineSweepRow, void, undefined> {
  return isMachineGrid(grid) ? sweepMachines(gguf, grid) : sweepCpu(gguf, grid);
}

function isMachineGrid(grid: SweepGrid | MachineGrid): grid is MachineGrid {
  return (grid as Partial<MachineGrid> | null)?.devices !== undefined;
}

function* sweepCpu(gguf: ModelSource, grid: SweepGrid): Generator<SweepRow, void, undefined> {
  const header = readModel(gguf);
  for (const options of combinations<ModelOptions>(grid)) {
    yield orRefused(options, () => {
      const { run, ...sizes } = configure(options, header.withOptions(options));
      const { weights, context, compute, total, isRecurrent } = sizes;
      return { options, run, weights, context, compute, total, isRecurrent, refusal: null };
    });
  }
}

function* sweepMachines(gguf: ModelSource, grid: MachineGrid): Generator<MachineSweepRow, void, undefined> {
  const trials = new Trials(gguf);
  const { isRecurrent } = trials.header;
  for (const options of combinations<MachineOptions>(grid)) {
    yield orRefused(options, () => {
      const { run, devices: gpus, host } = trials.confirmRun(trials.estimateRun(options));
      const devices = [...gpus, host].map(({ used: total, ...device }) => ({ ...device, total }));
      const fits = devices.every(({ total, freeBytes }) => total <= freeBytes);
      return { options, run, ...sumsOf(devices), isRecurrent, devices, fits, refusal: null };
    });
  }
}

type DeviceSizes = Pick<DeviceMeasurement, 'weights' | 'adapters' | 'context' | 'compute' | 'output' | 'total'>;

function sumsOf(devices: readonly DeviceSizes[]): DeviceSizes {
  const sums = { weights: 0, adapters: 0, context: 0, compute: 0, output: 0, total: 0 };
  for (const key of Object.keys(sums) as (keyof DeviceSizes)[]) {
    for (const device of devices) sums[key] = checkBytes(sums[key] + device[key], key);
  }
  return sums;
}

function orRefused<Options, Row>(options: Options, work: () => Row): Row | { options: Options; refusal: PlannerError } {
  try {
    return work();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { options, refusal: error };
  }
}

function isRefusal(error: unknown): error is PlannerError {
  return error instanceof PlannerError && (error.code === 'BAD_ARGUMENT' || error.code === 'BYTES_TOO_LARGE');
}

function* combinations<Options extends object>(grid: SweepGrid | MachineGrid): Generator<Options, void, undefined> {
  const count = gridSize(grid);
  const entries = Object.entries(grid) as [string, readonly unknown[]][];
  for (let index = 0; index < count; index++) {
    const options: Partial<Record<string, unknown>> = {};
    let rest = index;
    for (const [option, values] of [...entries].reverse()) {
      options[option] = values[rest % values.length];
      rest = Math.floor(rest / values.length);
    }
    yield options as Options;
  }
}
