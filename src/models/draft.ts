/**
 * The options with which llama.cpp's server loads the draft model of speculative decoding beside its model.
 *
 * Invariant: the rules are those of `common_base_params_to_speculative` in build 10573.
 */
import { checkArgument, isListLike } from '../errors.js';
import { checkDevices } from '../device/machine.js';
import type { MachineMeasurement, MachineOptions } from './measure-on-devices.js';
import { SIZE_OPTIONS } from './options.js';

/** What is said of a draft model itself; the rest is as for the model. */
export type DraftOptions = Pick<
  MachineOptions,
  'devices' | 'gpuLayers' | 'overrideTensors' | 'cpuMoe' | 'nCpuMoe' | 'cacheTypeK' | 'cacheTypeV'
>;

/**
 * The options to measure a draft model with. It has the context, batch and sequences of the model, but f16 caches, all
 * layers on devices, logits of one token for each sequence, and what the model has left free.
 *
 * @param options those of the model
 * @param model what the model takes with them
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function draftOptions(options: MachineOptions, model: MachineMeasurement, own: DraftOptions): MachineOptions {
  const remedy = 'Give what measureModel got and returned for the model, and the devices of the draft model.';
  checkArgument(typeof options === 'object' && options !== null, 'options', options, 'options of a model', remedy);
  const { devices: taken, run } = (model as Partial<MachineMeasurement> | null) ?? {};
  checkArgument(isListLike(taken!) && run !== undefined, 'model', model, 'a measurement of a machine', remedy);
  checkDevices((own as Partial<DraftOptions> | null)?.devices);
  const { ctxSize, batchSize, ubatchSize, parallel, kvUnified, flashAttention, swaFull, program } = options;
  const { splitMode, tensorSplit, mainGpu, kvOffload, opOffload, repack, mmap, host } = options;
  const shared = {
    ...{ ctxSize, batchSize, ubatchSize, parallel, kvUnified, flashAttention, swaFull, program },
    ...{ splitMode, tensorSplit, mainGpu, kvOffload, opOffload, repack, mmap, host },
  };
  const leftOn = new Map(taken.map(({ name, total, freeBytes }) => [name, Math.max(0, freeBytes - total)]));
  const given = Object.entries({ ...shared, ...own }).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(given),
    outputs: run.sequences,
    targetOptions: Object.fromEntries(Object.entries(options).filter(([name]) => name in SIZE_OPTIONS)),
    devices: own.devices.map((device) => ({ ...device, freeBytes: leftOn.get(device.name) ?? device.freeBytes })),
  };
}
