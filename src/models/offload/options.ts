/**
 * The options that spread a model over devices, and what llama.cpp makes of them.
 *
 * Invariant: names and defaults are those of llama.cpp's flags. Whatever llama.cpp refuses is refused, with the reason.
 */
import { checkArgument, checkChoice, checkOptions, isListLike, PlannerError, type OptionNames } from '../../errors.js';
import type { Device } from '../../device/device.js';
import { withCpu } from '../../device/machine.js';
import { readAdapters, type Adapter, type LoraAdapter } from './adapters.js';
import {
  checkOverrides,
  expertsOfFirstLayers,
  readOverrides,
  EXPERTS,
  type Override,
  type TensorOverride,
} from './overrides.js';

/** How several devices share a model: each gets whole layers, or one gets all; `row` and `tensor` are refused. */
export type SplitMode = 'none' | 'layer' | 'row' | 'tensor';

const SPLIT_MODES: readonly SplitMode[] = ['none', 'layer', 'row', 'tensor'];

/** The options that spread a model over devices, named as llama.cpp names them. */
export interface OffloadOptions {
  /**
   * The devices of the machine, in the order in which llama.cpp lists them. One whose own memory is host memory is the
   * CPU; without one, it is that of `withCpu`.
   */
  readonly devices: readonly Device[];
  /**
   * Layers on devices other than the CPU, the output layer included and counted from the last one back. Default `auto`,
   * and any number below 0: all. llama.cpp takes `auto` as a wish to fit layers to free memory first.
   */
  readonly gpuLayers?: number | 'auto' | 'all';
  /** Default `layer`. */
  readonly splitMode?: SplitMode;
  /** Share of the layers of each device, in any unit. Default: the bytes that are free there. */
  readonly tensorSplit?: readonly number[];
  /** Index of the only device with the split mode `none`; below 0: no device but the CPU. Default 0. */
  readonly mainGpu?: number;
  /** Whether keys and values lie on the device of their layer, not on the CPU. Default true. */
  readonly kvOffload?: boolean;
  /** Where weights go whose names match a pattern; the first match wins. Default: none. */
  readonly overrideTensors?: readonly TensorOverride[];
  /** Whether the weights of all experts stay on the CPU, unless `overrideTensors` says otherwise. Default false. */
  readonly cpuMoe?: boolean;
  /** As `cpuMoe`, for the first layers only: how many. Default 0. */
  readonly nCpuMoe?: number;
  /** Whether devices compute large batches with weights in host memory. Default true. */
  readonly opOffload?: boolean;
  /** Whether the CPU may hold weights in a layout of its own. Default true. */
  readonly repack?: boolean;
  /** Whether weights stay in the mapped file where they can. Default `auto`: unless a device rules it out. */
  readonly mmap?: boolean | 'auto';
  /** Whether weights of the CPU may lie in memory that a device offers for fast copies. Default true. */
  readonly host?: boolean;
  /** LoRA adapters that are loaded with the model. Default: none. */
  readonly adapters?: readonly LoraAdapter[];
}

/** The names of all options. */
export const OFFLOAD_OPTIONS: OptionNames<OffloadOptions> = {
  devices: true,
  gpuLayers: true,
  splitMode: true,
  tensorSplit: true,
  mainGpu: true,
  kvOffload: true,
  overrideTensors: true,
  cpuMoe: true,
  nCpuMoe: true,
  opOffload: true,
  repack: true,
  mmap: true,
  host: true,
  adapters: true,
};

/** The options as llama.cpp applies them. */
export interface ResolvedOffloadOptions {
  /** The devices that take part, without the CPU, in order. */
  readonly gpus: readonly Device[];
  readonly cpu: Device;
  /** Layers on GPUs, the output layer included; `Infinity`: all. */
  readonly gpuLayers: number;
  readonly splitMode: 'none' | 'layer';
  /** Shares of the layers, one for each GPU. */
  readonly shares: readonly number[];
  readonly kvOffload: boolean;
  /** In the order in which they are tried. */
  readonly overrides: readonly Override[];
  readonly opOffload: boolean;
  readonly repack: boolean;
  /** Whether the file is mapped. */
  readonly isMapped: boolean;
  readonly host: boolean;
  readonly adapters: readonly Adapter[];
}

/** llama.cpp takes fewer shares than this. */
const MAX_SHARES = 16;
/** The sum of all shares must stay finite in 32-bit floating point. */
const MAX_SHARE = 1e30;

/** @throws PlannerError `BAD_ARGUMENT` */
export function resolveOffloadOptions(options: OffloadOptions): ResolvedOffloadOptions {
  checkOptions(options, OFFLOAD_OPTIONS);
  const { splitMode = 'layer', gpuLayers = 'auto', mmap = 'auto', cpuMoe = false, nCpuMoe = 0 } = options;
  checkSwitches(options);
  const { all, cpu } = sortDevices(options.devices);
  checkChoice('splitMode', splitMode, SPLIT_MODES);
  const gpus = splitMode === 'none' ? onlyDevice(all, options.mainGpu ?? 0) : all;
  if (gpus.length > 0) checkSplitMode(splitMode, gpus[0]);
  if (gpuLayers !== 'auto' && gpuLayers !== 'all') checkInteger('gpuLayers', gpuLayers, -Infinity, 'auto, all');
  checkInteger('nCpuMoe', nCpuMoe, 0);
  return {
    gpus,
    cpu,
    gpuLayers: typeof gpuLayers === 'number' && gpuLayers >= 0 ? gpuLayers : Infinity,
    splitMode: splitMode === 'none' ? 'none' : 'layer',
    shares: options.tensorSplit === undefined ? freeMemory(gpus, cpu) : sharesOf(options.tensorSplit, gpus),
    kvOffload: options.kvOffload ?? true,
    overrides: readOverrides(
      [
        ...checkOverrides(options.overrideTensors ?? []),
        ...(cpuMoe ? [EXPERTS] : []),
        ...expertsOfFirstLayers(nCpuMoe),
      ],
      [...gpus, cpu].map(({ bufferType }) => bufferType),
    ),
    opOffload: options.opOffload ?? true,
    repack: options.repack ?? true,
    isMapped: mmap === 'auto' ? gpus.every(({ allowsMapping }) => allowsMapping) : mmap,
    host: options.host ?? true,
    adapters: readAdapters(options.adapters ?? []),
  };
}

function checkSwitches(options: OffloadOptions): void {
  for (const name of ['kvOffload', 'cpuMoe', 'opOffload', 'repack', 'host'] as const) {
    if (options[name] !== undefined) checkChoice(name, options[name], [true, false]);
  }
  if (options.mmap !== undefined) checkChoice('mmap', options.mmap, [true, false, 'auto']);
}

function checkInteger(name: string, value: number, min: number, words?: string): void {
  const range = min === -Infinity ? 'an integer' : `an integer of at least ${min}`;
  const limit = words === undefined ? range : `one of ${words}, or ${range}`;
  checkArgument(Number.isSafeInteger(value) && value >= min, name, value, limit, 'Choose another value.');
}

/** The CPU, and all other devices. */
function sortDevices(devices: readonly Device[]): { all: readonly Device[]; cpu: Device } {
  const machine = withCpu(devices);
  const hosts = machine.filter(({ bufferType }) => bufferType.isHost);
  const names = machine.map(({ name }) => name);
  const isDistinct = new Set(names).size === names.length && hosts.length <= 1;
  checkArgument(isDistinct, 'devices', names, 'devices of different names, with one CPU at most', 'Name each once.');
  const [cpu] = hosts;
  return { all: machine.filter((device) => device !== cpu), cpu };
}

/** With the split mode `none` only one device takes part. */
function onlyDevice(devices: readonly Device[], mainGpu: number): readonly Device[] {
  checkInteger('mainGpu', mainGpu, -Infinity);
  if (mainGpu < 0 || devices.length === 0) return [];
  const limit = `below ${devices.length}, the number of devices besides the CPU`;
  checkArgument(mainGpu < devices.length, 'mainGpu', mainGpu, limit, 'The first device is 0.');
  return [devices[mainGpu]];
}

function checkSplitMode(splitMode: SplitMode, { name }: Device): void {
  if (splitMode === 'none' || splitMode === 'layer') return;
  const reason = {
    row: `${name} cannot hold the rows of a matrix that is split`,
    tensor: 'this library does not know that experiment of llama.cpp',
  }[splitMode];
  throw new PlannerError('BAD_ARGUMENT', {
    message: `The option splitMode is ${splitMode}, but ${reason}.`,
    culprit: 'splitMode',
    value: splitMode,
    limit: 'layer or none',
    remedy: 'Use layer for several devices, or none for one.',
  });
}

/** The bytes that are free on each device; on one that knows neither its size nor what is free, those of the CPU. */
function freeMemory(gpus: readonly Device[], cpu: Device): readonly number[] {
  const free = gpus.map(({ totalBytes, freeBytes }) =>
    totalBytes === 0 && freeBytes === 0 ? cpu.freeBytes : freeBytes,
  );
  const isUsable = free.length === 0 || free.some((bytes) => bytes > 0);
  const remedy = 'Give the free bytes of the devices, or `tensorSplit`.';
  checkArgument(isUsable, 'free memory', 0, 'above 0 on one device at least', remedy);
  return free;
}

/** The shares that were given to the devices. */
function sharesOf(tensorSplit: readonly number[], gpus: readonly Device[]): readonly number[] {
  const remedy = 'Give one share for each device, such as 3 and 1.';
  const isList = isListLike(tensorSplit) && tensorSplit.length < MAX_SHARES;
  checkArgument(isList, 'tensorSplit', tensorSplit, `a list of fewer than ${MAX_SHARES} shares`, remedy);
  const areShares = tensorSplit.every((share) => share >= 0 && share <= MAX_SHARE);
  checkArgument(areShares, 'tensorSplit', tensorSplit, `a list of numbers from 0 to ${MAX_SHARE}`, remedy);
  const shares = gpus.map((_, index) => tensorSplit[index] ?? 0);
  const used = gpus.length === 0 ? tensorSplit : shares;
  const isSplit = used.some((share) => Math.fround(share) > 0);
  checkArgument(isSplit, 'tensorSplit', tensorSplit, 'a list with a share above 0 for one device at least', remedy);
  return shares;
}
