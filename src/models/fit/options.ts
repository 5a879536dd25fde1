/**
 * The options of a search for what fits a machine.
 */
import { checkArgument, checkOptionsObject, isListLike } from '../../errors.js';
import { checkDevices } from '../../device/machine.js';
import type { MachineOptions } from '../measure-on-devices.js';

/** Options of `fitAsLlamaCpp`: those of a model on a machine, and what is to be left free. */
export interface FitOptions extends MachineOptions {
  /**
   * Bytes that stay free on each device: one number for all, or one for each. Default 1 GiB: the driver, the libraries and
   * other programs take memory that nobody counts.
   */
  readonly targets?: number | readonly number[];
  /** Tokens of context that are the least worth having. Default 4096. */
  readonly minContext?: number;
}

export interface ResolvedFitOptions {
  readonly machine: MachineOptions;
  /** Bytes, one for each device besides the CPU; one where there is only the CPU. */
  readonly targets: readonly number[];
  readonly minContext: number;
  /** Whether the context may be made shorter than the model allows. */
  readonly isContextFree: boolean;
  /** As llama.cpp counts them: -1 is a free choice, -2 is all. */
  readonly gpuLayers: number;
}

/** llama.cpp's default of `--fit-target`, in bytes. */
export const DEFAULT_TARGET = 2 ** 30;
/** llama.cpp's default of `--fit-ctx`. */
export const DEFAULT_MIN_CONTEXT = 4096;

const GPU_LAYERS: Readonly<Record<string, number>> = { auto: -1, all: -2 };

/** @throws PlannerError `BAD_ARGUMENT` */
export function resolveFitOptions(options: FitOptions): ResolvedFitOptions {
  checkOptionsObject(options);
  const { targets, minContext = DEFAULT_MIN_CONTEXT, ...machine } = options;
  checkTokens('minContext', minContext);
  const { gpuLayers = 'auto', ctxSize } = machine;
  return {
    machine,
    targets: resolveTargets(targets, machine),
    minContext,
    isContextFree: ctxSize === undefined,
    gpuLayers: typeof gpuLayers === 'number' ? gpuLayers : (GPU_LAYERS[gpuLayers] ?? 0),
  };
}

export function checkTokens(name: string, value: unknown): void {
  const isCount = Number.isSafeInteger(value) && (value as number) >= 1;
  checkArgument(isCount, name, value, 'an integer of at least 1', 'Give a number of tokens.');
}

/** One target for each device besides the CPU, and for the CPU if it is alone. @throws PlannerError `BAD_ARGUMENT` */
export function resolveTargets(targets: FitOptions['targets'] = DEFAULT_TARGET, { devices }: MachineOptions): number[] {
  checkDevices(devices);
  const others = devices.filter(({ bufferType }) => !bufferType.isHost);
  const count = Math.max(1, others.length);
  const list = typeof targets === 'number' ? new Array<number>(count).fill(targets) : targets;
  const remedy = 'Give one number for all devices, or one for each.';
  const isList = isListLike(list) && list.length === count && Array.from(list).every(isBytes);
  const limit = count === 1 ? 'one whole number' : `${count} whole numbers`;
  checkArgument(isList, 'targets', targets, `${limit} of bytes from 0 to 2^53 - 1`, remedy);
  return Array.from(list);
}

function isBytes(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
