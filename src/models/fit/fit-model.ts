/**
 * The best ways to run a model on a machine: those that no other way beats in everything.
 *
 *     for each batch and cache type, from the most precise:       bounds first: what weights and caches alone rule out, and
 *       for each context, from the longest:                       what a point that was found beats, is not measured
 *         the highest rung of the ladder that fits (guess, measure, correct)
 *       where everything fits, the longest context for which it does
 *
 * Invariant: a point was measured as it would run, and fits. That no better point exists is not proven: compute buffers
 * neither grow nor shrink evenly.
 */
import { checkArgument, checkOptions, isListLike, PlannerError, type OptionNames } from '../../errors.js';
import type { Device } from '../../device/device.js';
import { exactBytes } from '../../format.js';
import { alignUp } from '../../units.js';
import { nullIfRefused } from '../cache-choices.js';
import type { ModelHeader, ModelSource } from '../model-graph.js';
import { OFFLOAD_OPTIONS, resolveOffloadOptions, type OffloadOptions } from '../offload/options.js';
import { CACHE_TYPES } from '../cache-types.js';
import { CONTEXT_STEP, SIZE_OPTIONS, type GraphOption, type ResolvedModelOptions } from '../options.js';
import { separated, type MachineOptions } from '../measure-on-devices.js';
import { commandOf, programName } from './command.js';
import { checkTokens, DEFAULT_MIN_CONTEXT, resolveTargets, type FitOptions } from './options.js';
import { precision, Search, type CacheTypes, type Found } from './search.js';
import { Trials, type MemoryUse } from './trial.js';

/** What the search chooses itself. */
type Chosen = GraphOption | 'devices' | 'gpuLayers' | 'tensorSplit' | 'overrideTensors' | 'cpuMoe' | 'nCpuMoe';

/** Options of `fitModel`. An option of the model that is given holds for all points; others are chosen. */
export interface FitModelOptions extends Omit<FitOptions, Chosen> {
  /** The model's file in the commands. Default: the name of the header. */
  readonly file?: string;
  /** Types of the cache, for keys and values alike. Default: `f16` and `q8_0`. */
  readonly cacheTypes?: readonly string[];
  /** Physical batches. Default: 512 only. */
  readonly ubatchSizes?: readonly number[];
}

/** One way to run the model. */
export interface FitPoint {
  /** Tokens of context. */
  readonly ctxSize: number;
  /** Layers on GPUs, the output layer included. */
  readonly gpuLayers: number;
  /** Layers, the first ones, whose experts are on the host. */
  readonly hostExperts: number;
  readonly cacheTypeK: string;
  readonly cacheTypeV: string;
  readonly ubatchSize: number;
  /** What it takes of each GPU. */
  readonly devices: readonly MemoryUse[];
  /** What it takes of the host, rearranged weights and logits included. */
  readonly host: MemoryUse;
  /** The options for `measureModel`. */
  readonly options: MachineOptions;
  /** The options as they were applied; `flashAttention` is what llama.cpp finds possible. */
  readonly run: ResolvedModelOptions;
  /** The command, word by word, which a shell may need quoted. `outputs` has no flag, so it is not in there. */
  readonly command: readonly string[];
}

/** The best ways to run a model on a machine. */
export interface ModelFit {
  /** Bytes that stay free on each GPU at least. */
  readonly targets: readonly number[];
  /** Layers of the model, the output layer included. */
  readonly layerCount: number;
  /** Whether a state of constant size takes the place of a cache of keys and values. */
  readonly isRecurrent: boolean;
  /** More on GPUs first, then the longer context. Empty if nothing fits. */
  readonly points: readonly FitPoint[];
  /** How many graphs were measured. */
  readonly measured: number;
}

const FIT_OPTIONS: OptionNames<FitModelOptions> = (() => {
  const { devices, gpuLayers, tensorSplit, overrideTensors, cpuMoe, nCpuMoe, ...offload } = OFFLOAD_OPTIONS;
  void [devices, gpuLayers, tensorSplit, overrideTensors, cpuMoe, nCpuMoe];
  return {
    ...SIZE_OPTIONS,
    ...offload,
    targets: true,
    minContext: true,
    file: true,
    cacheTypes: true,
    ubatchSizes: true,
  };
})();

/**
 * Finds the best ways to run a model on a machine. Better is: more layers on GPUs, then more experts there; a longer context; a
 * more precise cache; a larger ubatch. Each point fits every device, with the targets left free, to the byte. Contexts that are
 * tried are those that the model was trained on, its fourths down to `minContext`, and the longest with everything on GPUs.
 *
 * Some dozen graphs are measured, a few milliseconds each.
 *
 * @throws PlannerError `BAD_ARGUMENT` for options that contradict each other, or a machine without a GPU;
 * `UNKNOWN_ARCHITECTURE`, `BAD_MODEL`
 *
 * @example
 * ```ts
 * import { cudaDevice } from 'tensor-arena/device';
 * import { fitModel } from 'tensor-arena/models';
 * import { readGguf } from 'tensor-arena/gguf';
 * const gpu = cudaDevice({ totalBytes: 4 * 2 ** 30 });
 * const { points } = fitModel(await readGguf('examples/phi-3-mini-4k.gguf'), [gpu]);
 * for (const { gpuLayers, ctxSize, command } of points) console.log(gpuLayers, ctxSize, command.join(' '));
 * ```
 */
export function fitModel(gguf: ModelSource, devices: readonly Device[], options: FitModelOptions = {}): ModelFit {
  checkOptions(options, FIT_OPTIONS);
  const { targets, minContext, file, cacheTypes, ubatchSizes, ...model } = options;
  const base: MachineOptions = { ...model, devices };
  const { gpus } = resolveOffloadOptions(pickOffload(base));
  if (gpus.length === 0) throw noGpu();
  programName(model.program);
  const reserve = resolveTargets(targets, { devices: gpus });
  const limits = gpus.map(({ freeBytes, name }, gpu) => limitOf(name, freeBytes, reserve[gpu]));
  const trials = new Trials(gguf);
  const { header } = trials;
  const contexts = contextsOf(header, base, minContext);
  const types = typesOf(header, base, cacheTypes);
  const search = new Search(trials, base, limits);
  for (const ubatch of ubatchesOf(base, ubatchSizes))
    for (const type of types) search.addFamily(ubatch, type, contexts);
  const points = search.frontier().map((found) => pointOf(found, file ?? header.name));
  return {
    targets: reserve,
    layerCount: search.layerCount,
    isRecurrent: header.isRecurrent,
    points,
    measured: search.measured,
  };
}

function pickOffload(options: MachineOptions): OffloadOptions {
  const entries = Object.entries(options).filter(([name]) => name in OFFLOAD_OPTIONS);
  return Object.fromEntries(entries) as unknown as OffloadOptions;
}

function pointOf(
  { trial, split, types: [cacheTypeK, cacheTypeV], ubatchSize, ctxSize }: Found,
  file: string,
): FitPoint {
  const { devices, host, options, run } = trial;
  const gpuLayers = split.counts.reduce((sum, count) => sum + count, 0);
  const choice = { ctxSize, gpuLayers, hostExperts: split.hostExperts, cacheTypeK, cacheTypeV, ubatchSize };
  return { ...choice, devices, host, options, run, command: commandOf(file, options) };
}

/** Most bytes of a GPU. */
function limitOf(name: string, freeBytes: number, target: number): number {
  if (target < freeBytes) return freeBytes - target;
  throw new PlannerError('BAD_ARGUMENT', {
    message: `${name} has ${exactBytes(freeBytes)} free, of which ${exactBytes(target)} are to stay free: nothing is left.`,
    culprit: 'targets',
    value: target,
    limit: `below ${freeBytes}, the free bytes of ${name}`,
    remedy: 'Leave less free, or leave the device out.',
  });
}

function noGpu(): PlannerError {
  return new PlannerError('BAD_ARGUMENT', {
    message: '`devices` has none besides the CPU, so there is nothing to share out.',
    culprit: 'devices',
    value: 'no GPU',
    limit: 'at least one device whose memory is not the host’s',
    remedy: 'Give a device, such as cudaDevice({ totalBytes }); what fits a CPU, fitContext says.',
  });
}

/** The longest context first. */
function contextsOf(header: ModelHeader, { ctxSize }: MachineOptions, minContext = DEFAULT_MIN_CONTEXT): number[] {
  checkTokens('minContext', minContext);
  if (ctxSize !== undefined && ctxSize !== 0) {
    const limit = `at most ${ctxSize}, the ctxSize`;
    checkArgument(
      minContext <= ctxSize || minContext === DEFAULT_MIN_CONTEXT,
      'minContext',
      minContext,
      limit,
      'Leave one of them out.',
    );
    return [ctxSize];
  }
  const longest = header.trainedContext || minContext;
  if (ctxSize === 0 || header.isRecurrent || longest <= minContext) return [longest];
  const contexts = [longest];
  for (let context = longest / FEWER; context > minContext; context /= FEWER)
    contexts.push(alignUp(Math.floor(context), CONTEXT_STEP));
  return [...contexts, minContext];
}

/** Each context that is tried is so many times shorter than the one before. */
const FEWER = 4;

const UNQUANTISED = 'f16';
const QUANTISED = ['q8_0'];

/** The most precise types first. */
function typesOf(header: ModelHeader, base: MachineOptions, given?: readonly string[]): CacheTypes[] {
  const { cacheTypeK, cacheTypeV } = base;
  if (cacheTypeK !== undefined || cacheTypeV !== undefined) {
    refuseBoth('cacheTypes', given, cacheTypeK === undefined ? 'cacheTypeV' : 'cacheTypeK');
    return [[cacheTypeK ?? 'f16', cacheTypeV ?? 'f16']];
  }
  if (given !== undefined)
    checkList(
      'cacheTypes',
      given,
      (type) => (CACHE_TYPES as readonly unknown[]).includes(type),
      `one of ${CACHE_TYPES.join(', ')}`,
    );
  const types = [...(given ?? usualTypes(header, base))];
  return types.map((type): CacheTypes => [type, type]).sort((a, b) => precision(b) - precision(a));
}

/** The types that are tried if none are given, without those that the model refuses. A state has one type. */
function usualTypes(header: ModelHeader, base: MachineOptions): string[] {
  if (header.isRecurrent) return [UNQUANTISED];
  const [options] = separated(base);
  const isTaken = (type: string): boolean =>
    nullIfRefused(() => header.withOptions({ ...options, cacheTypeK: type, cacheTypeV: type })) !== null;
  return [UNQUANTISED, ...QUANTISED.filter(isTaken)];
}

function ubatchesOf({ ubatchSize }: MachineOptions, given?: readonly number[]): number[] {
  if (ubatchSize !== undefined) {
    refuseBoth('ubatchSizes', given, 'ubatchSize');
    return [ubatchSize];
  }
  if (given !== undefined)
    checkList(
      'ubatchSizes',
      given,
      (size) => Number.isSafeInteger(size) && (size as number) > 0,
      'an integer of at least 1',
    );
  return [...(given ?? [DEFAULT_UBATCH])].sort((a, b) => b - a);
}

const DEFAULT_UBATCH = 512;

function checkList(name: string, list: unknown, isRight: (value: unknown) => boolean, limit: string): void {
  const isList = isListLike(list) && list.length > 0 && Array.from(list).every(isRight);
  checkArgument(isList, name, list, `a list, each ${limit}`, 'Leave it out for the default.');
}

function refuseBoth(list: string, given: unknown, single: string): void {
  checkArgument(given === undefined, list, given, `left out where ${single} is given`, 'Leave one of them out.');
}
