/**
 * The machine that `--gpu` names, and whether a model fits on it.
 */
import { cpuDevice } from '../device/cpu.js';
import type { Device } from '../device/device.js';
import { parseDevices } from '../device/parse.js';
import { exactBytes } from '../format.js';
import type { Gguf } from '../gguf/types.js';
import { fitAsLlamaCpp, type LlamaCppFit } from '../models/fit/llama-cpp.js';
import { measureModel } from '../models/measure-model.js';
import type { MachineMeasurement } from '../models/measure-on-devices.js';
import { fitOptionsOf } from './fitting-flags.js';
import { modelOptionsOf, offloadOptionsOf, type Flags } from './flags.js';

/** The devices that texts such as `cuda:24GiB` name, and a CPU. @throws PlannerError */
export function machineOf(texts: readonly string[]): readonly Device[] {
  return withCpu(parseDevices(texts));
}

/** Adds the CPU that is most likely beside these devices: Metal is that of Apple’s ARM, all else that of an x86. */
export function withCpu(devices: readonly Device[]): readonly Device[] {
  const isApple = devices.some(({ wrapsHostMemory }) => wrapsHostMemory);
  return [...devices, cpuDevice({ features: isApple ? 'i8mm' : 'avx2' })];
}

/** What a model takes on a machine, and what llama.cpp changed before that; null if it was not to fit anything. */
export interface Measured {
  readonly machine: MachineMeasurement;
  readonly fit: LlamaCppFit | null;
}

/** @throws PlannerError as {@link measureModel} */
export function measureOn(devices: readonly Device[], gguf: Gguf, flags: Flags): Measured {
  const options = { devices, ...modelOptionsOf(flags), ...offloadOptionsOf(flags) };
  const fit = flags.fit === true ? fitAsLlamaCpp(gguf, { ...options, ...fitOptionsOf(flags, devices) }) : null;
  return { machine: measureModel(gguf, fit?.options ?? options), fit };
}

/** Which devices have too little memory, and by how much; `undefined` if all have enough. */
export function shortage({ machine: { devices }, fit }: Measured, { gpuLayers }: Flags): string | undefined {
  const short = devices.filter(({ total, freeBytes }) => total > freeBytes);
  if (short.length === 0) return undefined;
  const needs = short.map(
    ({ name, total, freeBytes }) =>
      `${name} needs ${exactBytes(total)}, which is ${exactBytes(total - freeBytes)} more than is free there`,
  );
  const advice =
    gpuLayers === undefined && fit === null ? ' (with all layers on devices: give fewer as -ngl, or -fit on)' : '';
  return `does not fit: ${needs.join('; ')}${advice}`;
}
