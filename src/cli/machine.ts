/**
 * The machine that `--gpu` names, and whether a model fits on it.
 */
import { withCpu } from '../device/machine.js';
import type { Device } from '../device/device.js';
import { parseDevices } from '../device/parse.js';
import { exactBytes } from '../format.js';
import type { Gguf } from '../gguf/types.js';
import { fitAsLlamaCpp } from '../models/fit/llama-cpp.js';
import { measureModel } from '../models/measure-model.js';
import { sumByDevice } from '../models/device-sums.js';
import type { MachineFile } from '../report/machine-report.js';
import { fitOptionsOf } from './fitting-flags.js';
import { modelOptionsOf, offloadOptionsOf, type Flags } from './flags.js';
import { chosenDevices, draftsByMtp, measureParts, serverCopies, snapshotsForDrafts, type PartFiles } from './parts.js';

/** The devices that texts such as `cuda:24GiB` name, and a CPU. @throws PlannerError */
export function machineOf(texts: readonly string[]): readonly Device[] {
  return withCpu(parseDevices(texts));
}

/**
 * What a model and what is loaded beside it take, after llama.cpp has fitted the model, if it is to fit anything.
 *
 * @throws PlannerError as {@link measureModel}; CliError
 */
export function measureOn(
  all: readonly Device[],
  gguf: Gguf,
  flags: Flags,
  files: PartFiles,
): Omit<MachineFile, 'file'> {
  const devices = chosenDevices(all, flags.device);
  const loadMtp = draftsByMtp(flags, files.draft);
  const stateSnapshots = snapshotsForDrafts(flags, files.draft);
  const own = { devices, adapters: files.adapters, loadMtp, stateSnapshots };
  const wanted = { ...own, ...modelOptionsOf(flags), ...offloadOptionsOf(flags) };
  const fit = flags.fit === true ? fitAsLlamaCpp(gguf, { ...wanted, ...fitOptionsOf(flags, devices) }) : null;
  const options = fit?.options ?? wanted;
  const machine = measureModel(gguf, options);
  const parts = measureParts(all, options, machine, gguf, files, flags);
  const buffers = [...machine.buffers, ...parts.flatMap((part) => part.buffers)];
  return {
    machine,
    fit,
    parts,
    devices: sumByDevice(
      parts.length === 0
        ? machine.devices
        : all.map(({ name, totalBytes, freeBytes }) => ({ name, totalBytes, freeBytes })),
      buffers,
    ),
    copies: serverCopies(machine, flags),
  };
}

/** Which devices have too little memory, and by how much; `undefined` if all have enough. */
export function shortage({ devices, fit }: Omit<MachineFile, 'file'>, { gpuLayers }: Flags): string | undefined {
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
