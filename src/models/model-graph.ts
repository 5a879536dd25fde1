/**
 * From a GGUF header to llama.cpp's compute graph.
 */
import type { BufferType } from '../device/device.js';
import { nearestName, PlannerError, shown } from '../errors.js';
import type { Gguf } from '../gguf/types.js';
import type { Graph } from '../graph/graph.js';
import type { Architecture } from './architecture.js';
import { ARCHITECTURES } from './architectures/index.js';
import { checkpointBytes } from './checkpoint.js';
import { checkGraphSize } from './graph-limit.js';
import type { Hyperparameters } from './hyperparameters.js';
import { loadedTensors } from './loaded-tensors.js';
import { MetadataReader } from './metadata-reader.js';
import { ModelBuilder } from './model-builder.js';
import { asModelErrors } from './model-errors.js';
import { createModelMemory } from './memory/model-memory.js';
import { rejectPart } from './not-a-model.js';
import type { ScheduleInput } from '../schedule/schedule.js';
import type { Tensor } from '../tensor/tensor.js';
import type { PlacedAdapter } from './offload/place-adapters.js';
import { loadFile, offloadModel, type LoadedFile, type Offload } from './offload/offload.js';
import { targetPlaces } from './offload/target-places.js';
import { resolveOffloadOptions, type OffloadOptions } from './offload/options.js';
import { scheduleInputOf } from './offload/schedule-input.js';
import { batchOf, resolveOptions, type ModelOptions, type Phase, type ResolvedModelOptions } from './options.js';
import { checkGguf, loadedBytes, Weights, type WeightPlaces } from './weights.js';

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

/** A model whose header has been read, to be run with any options. */
export interface ModelHeader {
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
  /** @throws PlannerError `BAD_ARGUMENT`, `BYTES_TOO_LARGE`, `BAD_MODEL` */
  readonly withOptions: (options: ModelOptions) => Model;
}

type Adapters = readonly PlacedAdapter[];

/** A graph for places of weights, with the weights that it was built of. */
interface PlacedGraph {
  readonly graph: Graph;
  readonly own: Weights;
  readonly shared: Weights | null;
}

/** Whether a model remembers only a state of constant size. */
function isRecurrent({ attention, state }: Hyperparameters): boolean {
  return state !== null && attention.layers.every(({ cacheLayer }) => cacheLayer === null);
}

/** @throws PlannerError `UNKNOWN_ARCHITECTURE`, `BAD_MODEL`, `BAD_ARGUMENT` */
export function openModel(gguf: Gguf, options: ModelOptions): Model {
  return readModel(gguf).withOptions(options);
}

/**
 * Reads everything that does not depend on options, once for all options. @throws PlannerError `UNKNOWN_ARCHITECTURE`,
 * `BAD_MODEL`
 */
export function readModel(gguf: Gguf): ModelHeader {
  checkGguf(gguf);
  rejectPart(gguf);
  const reader = new MetadataReader(gguf);
  const architecture = architectureOf(reader);
  const hp = architecture.read(reader);
  const weights = new Weights(gguf);
  const loaded = loadedTensors(gguf);
  const weightBytes = loadedBytes(loaded);
  let file: LoadedFile | null = null;
  let isChecked = false;
  const openWith = (run: ResolvedModelOptions, target: Gguf | null): Model => {
    const memory = createModelMemory(hp, run);
    const built = new Map<string, PlacedGraph>();
    const build = (phase: Phase, own: Weights, shared: Weights | null, adapters: Adapters = []): Graph => {
      const applied = adapters.flatMap(({ inGraph }) => inGraph ?? []);
      const builder = new ModelBuilder(hp, run, batchOf(phase, run), own, memory, applied, shared);
      asModelErrors(() => {
        architecture.build(builder);
      });
      if (!isChecked) own.requireNoStrangers();
      isChecked = true;
      const adaptedCount = adapters.reduce((sum, { tensors }) => sum + tensors.length / 2, 0);
      const contents = { weightCount: loaded.length, adaptedCount, tokens: Math.min(run.contextSize, run.ubatchSize) };
      checkGraphSize(builder.graph, contents, architecture.graphRoom);
      return builder.graph;
    };
    return {
      architecture: reader.architecture,
      isRecurrent: isRecurrent(hp),
      run,
      weightBytes,
      contextBytes: memory.bytes,
      checkpointBytes: checkpointBytes(hp, memory, run),
      graph: (phase) => build(phase, weights, weightsOf(target)),
      offload: (wanted) => {
        const resolved = resolveOffloadOptions(wanted);
        return asModelErrors(() => offloadModel((file ??= loadFile(gguf, hp)), hp, run, memory, resolved));
      },
      scheduleInput: (phase, offload) => {
        const { places, sharing } = offload.weights;
        const key = `${phase} ${sharing}`;
        const isBare = offload.adapters.length === 0;
        let found = isBare ? built.get(key) : undefined;
        if (found === undefined) {
          const own = new Weights(gguf, places);
          const shared = weightsOf(target, targetPlaces(offload));
          found = { graph: build(phase, own, shared, offload.adapters), own, shared };
          // The tensors of adapters are those of one offload.
          if (isBare) built.set(key, found);
        }
        return scheduleInputOf(found.graph, offload, run, batchOf(phase, run), placedWeights(found, offload));
      },
      withoutFlashAttention: () => openWith({ ...run, flashAttention: false }, target),
    };
  };
  return {
    architecture: reader.architecture,
    trainedContext: hp.contextLength,
    layerCount: hp.layerCount,
    expertCount: hp.experts?.count ?? 0,
    isRecurrent: isRecurrent(hp),
    weightBytes,
    withOptions: (options) => openWith(resolveOptions(options, hp), options.target ?? null),
  };
}

/** Where all weights of a graph lie. */
function placedWeights({ own, shared }: PlacedGraph, offload: Offload): ReadonlyMap<Tensor, BufferType> {
  const ofTarget = shared?.placedIn(targetPlaces(offload)) ?? [];
  return new Map([...own.placedIn(offload.weights.places), ...ofTarget]);
}

/** The weights of the model whose tokens a draft guesses, if there is one. @throws PlannerError `BAD_ARGUMENT` */
function weightsOf(target: Gguf | null, places?: WeightPlaces): Weights | null {
  if (target === null) return null;
  checkGguf(target);
  return new Weights(target, places);
}

/** @throws PlannerError `UNKNOWN_ARCHITECTURE` */
function architectureOf({ architecture: name }: MetadataReader): Architecture {
  const found = ARCHITECTURES.get(name);
  if (found !== undefined) return found;
  const names = [...ARCHITECTURES.keys()];
  const nearest = nearestName(name, names);
  throw new PlannerError('UNKNOWN_ARCHITECTURE', {
    message: `\`general.architecture\` is ${shown(name)}, which this library cannot build.`,
    culprit: 'general.architecture',
    value: name,
    limit: `one of the ${names.length} that it builds`,
    remedy:
      nearest === null
        ? 'Its weights can be measured all the same; a newer version may know more.'
        : `Of those that it builds, ${nearest} has the nearest name. The weights of any can be measured.`,
  });
}
