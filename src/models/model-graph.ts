/**
 * From a GGUF header to llama.cpp's compute graph.
 */
import type { BufferType } from '../device/device.js';
import type { Gguf } from '../gguf/types.js';
import type { Graph } from '../graph/graph.js';
import { checkpointBytes } from './checkpoint.js';
import { checkGraphSize } from './graph-limit.js';
import type { Hyperparameters } from './hyperparameters.js';
import { MetadataReader } from './metadata-reader.js';
import { architectureOf, ModelFile } from './model-file.js';
import { ModelBuilder } from './model-builder.js';
import { createModelMemory, type ModelMemory } from './memory/model-memory.js';
import { asModelErrors } from './model-errors.js';
import type { RunningTarget, Target } from './target.js';
import { rejectPart } from './not-a-model.js';
import { inTheirContext } from './predict-layers.js';
import type { ScheduleInput } from '../schedule/schedule.js';
import type { Tensor } from '../tensor/tensor.js';
import type { PlacedAdapter } from './offload/place-adapters.js';
import { offloadModel, type Offload } from './offload/offload.js';
import { placedCaches, targetPlaces } from './offload/target-places.js';
import { resolveOffloadOptions, type OffloadOptions } from './offload/options.js';
import { scheduleInputOf } from './offload/schedule-input.js';
import { batchOf, resolveOptions, type ModelOptions, type Phase, type ResolvedModelOptions } from './options.js';
import { checkGguf, WeightIndex, Weights, type WeightPlaces } from './weights.js';

/** A model with its options resolved, ready to build graphs. */
export interface Model {
  readonly architecture: string;
  /** Whether the model remembers a state of constant size instead of each token. */
  readonly isRecurrent: boolean;
  readonly run: ResolvedModelOptions;
  /** Bytes of the weights. */
  readonly weightBytes: number;
  /** Bytes of the KV cache or state. */
  readonly contextBytes: number;
  /** Bytes of one checkpoint of a sequence; 0 where none is needed. */
  readonly checkpointBytes: number;
  /** The graph that llama.cpp reserves memory for in a phase. */
  readonly graph: (phase: Phase) => Graph;
  /** Where the parts of the model go on several devices. @throws PlannerError `BAD_ARGUMENT`, `BAD_MODEL` */
  readonly offload: (options: OffloadOptions) => Offload;
  /** As {@link graph}, with what is decided before it is spread over the devices. */
  readonly scheduleInput: (phase: Phase, offload: Offload) => ScheduleInput;
  /** The same model where flash attention was to be used if possible, but is not. Its cache stays as it is. */
  readonly withoutFlashAttention: () => Model;
}

/**
 * A model whose header has been read, to be run with any options. It keeps the graphs of the last options that it was
 * measured with: other places for its layers, on other devices, need no new graph.
 */
export interface ModelHeader {
  /** The name of the file. */
  readonly name: string;
  readonly architecture: string;
  /** Tokens that the model was trained on. */
  readonly trainedContext: number;
  /** Layers that every token goes through. */
  readonly layerCount: number;
  /** Experts of each layer; 0 in a dense model. */
  readonly expertCount: number;
  /** Whether the model remembers a state of constant size instead of each token. */
  readonly isRecurrent: boolean;
  /** Bytes of the weights. */
  readonly weightBytes: number;
  /** The model of the last call, if its options were the same. @internal @throws PlannerError `BAD_ARGUMENT`, `BYTES_TOO_LARGE`, `BAD_MODEL` */
  readonly withOptions: (options: ModelOptions) => Model;
}

/** What a model is measured from: the header of its file, or what `readModel` has made of it. */
export type ModelSource = Gguf | ModelHeader;

type Adapters = readonly PlacedAdapter[];

/** A graph for places of weights, with the weights that it was built of. */
interface PlacedGraph {
  readonly graph: Graph;
  /** Which readers of one weight find the same tensor: other places that are alike in this need no other graph. */
  readonly sharing: string;
  readonly own: Weights;
  readonly target: Target | null;
}

/** Whether a model remembers only a state of constant size. */
function isRecurrent({ attention, state }: Hyperparameters): boolean {
  return state !== null && attention.layers.every(({ cacheLayer }) => cacheLayer === null);
}

/** @throws PlannerError `UNKNOWN_ARCHITECTURE`, `BAD_MODEL`, `BAD_ARGUMENT` */
export function openModel(source: ModelSource, options: ModelOptions): Model {
  return readModel(source).withOptions(options);
}

/** Whether a header has been read by {@link readModel}. */
export function isRead(source: ModelSource): source is ModelHeader {
  return typeof (source as Partial<ModelHeader> | null)?.withOptions === 'function';
}

/**
 * Reads everything that does not depend on options, once for all options: whoever measures one model many times, such as
 * a page with sliders, reads it once and gives the result to `measureModel` and the other functions in place of the header.
 *
 * O(tensors of the file). The header must not change from then on.
 *
 * @throws PlannerError `BAD_ARGUMENT` unless it is a header that was read, `UNKNOWN_ARCHITECTURE`, `BAD_MODEL`
 *
 * @example
 * ```ts
 * import { cudaDevice } from 'tensor-arena/device';
 * import { measureModel, readModel } from 'tensor-arena/models';
 * import { readGguf } from 'tensor-arena/gguf';
 * const model = readModel(await readGguf('examples/phi-3-mini-4k.gguf'));
 * const devices = [cudaDevice({ totalBytes: 8 * 2 ** 30 })];
 * for (const gpuLayers of [10, 20, 30]) console.log(measureModel(model, { devices, gpuLayers, ctxSize: 4096 }).devices);
 * ```
 */
export function readModel(source: ModelSource): ModelHeader {
  if (isRead(source)) return source;
  checkGguf(source);
  rejectPart(source);
  const file = new ModelFile(source);
  const { architectureName, hp } = file;
  let last: Model | null = null;
  return {
    name: source.name,
    architecture: architectureName,
    trainedContext: hp.contextLength,
    layerCount: hp.layerCount,
    expertCount: hp.experts?.count ?? 0,
    isRecurrent: isRecurrent(hp),
    weightBytes: file.loaded(false).bytes,
    withOptions: (options) => {
      const run = resolveOptions(options, hp);
      const target = openTarget(options);
      // What a draft shares with its target follows from the target's options, too.
      if (target !== null) return openFile(file, run, target);
      // Graphs are large, and a search seldom comes back to options but the last.
      if (last === null || !areSame(run, last.run)) last = openFile(file, run, null);
      return last;
    },
  };
}

function openFile(file: ModelFile, run: ResolvedModelOptions, targetFile: TargetFile | null): Model {
  const { architecture } = file;
  const isPredicting = run.contextType === 'mtp' && architecture.predict !== undefined;
  const hp = run.contextType === 'mtp' ? inTheirContext(file.hp, architecture) : file.hp;
  const loaded = file.loaded(run.loadsPredictLayers);
  const memory = createModelMemory(hp, run);
  const built = new Map<Phase, PlacedGraph>();
  let plain: Model | null = null;
  const build = (phase: Phase, own: Weights, target: Target | null, adapters: Adapters = []): Graph => {
    const applied = adapters.flatMap(({ inGraph }) => inGraph ?? []);
    const builder = new ModelBuilder(hp, run, batchOf(phase, run), own, memory, applied, target);
    asModelErrors(() => {
      if (isPredicting) architecture.predict(builder);
      else architecture.build(builder);
    });
    // A part of the model does not ask for all tensors.
    if (!isPredicting) file.checkWeights(own);
    const adaptedCount = adapters.reduce((sum, { tensors }) => sum + tensors.length / 2, 0);
    const contents = { weightCount: loaded.count, adaptedCount, tokens: Math.min(run.contextSize, run.ubatchSize) };
    checkGraphSize(builder.graph, contents, architecture.graphRoom);
    return builder.graph;
  };
  return {
    architecture: file.architectureName,
    isRecurrent: isRecurrent(hp),
    run,
    weightBytes: loaded.bytes,
    contextBytes: memory.bytes,
    checkpointBytes: checkpointBytes(hp, memory, run),
    graph: (phase) => build(phase, file.weights, targetOf(targetFile)),
    offload: (wanted) => {
      const resolved = resolveOffloadOptions(wanted);
      return asModelErrors(() => offloadModel(loaded.file(), hp, run, memory, resolved));
    },
    scheduleInput: (phase, offload) => {
      const { places, sharing } = offload.weights;
      // The tensors of adapters are those of one offload.
      const isBare = offload.adapters.length === 0;
      let found = isBare ? built.get(phase) : undefined;
      if (found?.sharing !== sharing) {
        const own = new Weights(file.index, places);
        const target = targetOf(targetFile, targetPlaces(offload));
        found = { graph: build(phase, own, target, offload.adapters), sharing, own, target };
        if (isBare) built.set(phase, found);
      }
      const lent = targetFile?.memory() ?? null;
      const caches = lent === null ? new Map<Tensor, BufferType>() : placedCaches(lent, offload);
      return scheduleInputOf(found.graph, offload, run, batchOf(phase, run), placedWeights(found, offload), caches);
    },
    withoutFlashAttention: () => (plain ??= openFile(file, { ...run, flashAttention: false }, targetFile)),
  };
}

function areSame(a: ResolvedModelOptions, b: ResolvedModelOptions): boolean {
  return (Object.keys(a) as (keyof ResolvedModelOptions)[]).every((name) => a[name] === b[name]);
}

/** Where all weights of a graph lie. */
function placedWeights({ own, target }: PlacedGraph, offload: Offload): ReadonlyMap<Tensor, BufferType> {
  const placed = own.placedIn(offload.weights.places);
  for (const [tensor, type] of target?.weights.placedIn(targetPlaces(offload)) ?? []) placed.set(tensor, type);
  return placed;
}

/** The model whose tokens a draft guesses: what graphs with other places of weights have in common. */
interface TargetFile {
  readonly index: WeightIndex;
  readonly running: () => RunningTarget;
  /** Its memory, if a draft has asked for it; null if none has. */
  readonly memory: () => ModelMemory | null;
}

/** @throws PlannerError `BAD_ARGUMENT` */
function openTarget({ target: gguf, targetOptions, ...own }: ModelOptions): TargetFile | null {
  if (gguf === undefined) return null;
  checkGguf(gguf);
  let running: RunningTarget | null = null;
  const open = (): RunningTarget => {
    const reader = new MetadataReader(gguf);
    const hp = architectureOf(reader).read(reader);
    return { hp, memory: createModelMemory(hp, resolveOptions(targetOptions ?? own, hp)) };
  };
  const index = new WeightIndex(gguf);
  return { index, running: () => (running ??= open()), memory: () => running?.memory ?? null };
}

function targetOf(file: TargetFile | null, places?: WeightPlaces): Target | null {
  return file === null ? null : { weights: new Weights(file.index, places), running: file.running };
}
