/**
 * The options with which llama.cpp's server drafts tokens beside its model: by a draft model, or by layers of the model
 * itself.
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
  'devices' | 'gpuLayers' | 'overrideTensors' | 'cpuMoe' | 'nCpuMoe' | 'cacheTypeK' | 'cacheTypeV' | 'contextType'
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
  const { devices: taken, run } = checkMeasured(options, model);
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

/**
 * The options to measure the context in which a model's own layers that predict further tokens run, as for
 * `--spec-type draft-mtp`. It lies where the model lies, and has its context, batch and sequences, but f16 caches, and
 * logits of one token for each sequence. Its weights are those of the model, which was measured with `loadMtp`.
 *
 * @param options those of the model
 * @param model what the model takes with them
 * @throws PlannerError `BAD_ARGUMENT`
 *
 * @example
 * ```ts
 * import { cpuDevice, cudaDevice } from 'tensor-arena/device';
 * import { readGguf } from 'tensor-arena/gguf';
 * import { measureModel, mtpOptions } from 'tensor-arena/models';
 * const gguf = await readGguf('examples/phi-3-mini-4k.gguf');
 * const options = { devices: [cudaDevice({ totalBytes: 8 * 2 ** 30 }), cpuDevice()], ctxSize: 4096, loadMtp: true };
 * const ofLayers = mtpOptions(options, measureModel(gguf, options));
 * console.log(ofLayers.contextType); // measureModel(gguf, ofLayers) if the file holds such layers
 * ```
 */
export function mtpOptions(
  options: MachineOptions,
  model: MachineMeasurement,
  own: Pick<DraftOptions, 'cacheTypeK' | 'cacheTypeV'> = {},
): MachineOptions {
  const { run } = checkMeasured(options, model);
  const given = Object.entries({ ...options, ...DRAFT_CACHES, ...own });
  const kept = given.filter(([name, value]) => value !== undefined && !OF_MODEL.includes(name));
  return { devices: options.devices, ...Object.fromEntries(kept), contextType: 'mtp', outputs: run.sequences };
}

/** What a draft has by itself, whatever the model has. */
const DRAFT_CACHES = { cacheTypeK: undefined, cacheTypeV: undefined };

/** Options that are of the model alone. */
const OF_MODEL: readonly string[] = ['phase', 'embeddings', 'pooling', 'adapters', 'stateSnapshots'];

function checkMeasured(
  options: MachineOptions,
  model: MachineMeasurement,
): Pick<MachineMeasurement, 'devices' | 'run'> {
  const remedy = 'Give what measureModel got and returned for the model, and the devices of the draft model.';
  checkArgument(typeof options === 'object' && options !== null, 'options', options, 'options of a model', remedy);
  const { devices, run } = (model as Partial<MachineMeasurement> | null) ?? {};
  const isMeasured = isListLike(devices!) && run !== undefined;
  checkArgument(isMeasured, 'model', model, 'a measurement of a machine', remedy);
  return { devices, run };
}
