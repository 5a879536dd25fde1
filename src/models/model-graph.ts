/**
 * From a GGUF header to llama.cpp's compute graph.
 */
import type { BufferType } from '../device/device.js';
import { nearestName, PlannerError, shown, type ErrorCode } from '../errors.js';
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
import { createModelMemory, type ModelMemory } from './memory/model-memory.js';
import type { RunningTarget, Target } from './target.js';
import { rejectPart } from './not-a-model.js';
import { inTheirContext } from './predict-layers.js';
import type { ScheduleInput } from '../schedule/schedule.js';
import type { Tensor } from '../tensor/tensor.js';
import type { PlacedAdapter } from './offload/place-adapters.js';
import { loadFile, offloadModel, type LoadedFile, type Offload } from './offload/offload.js';
import { placedCaches, targetPlaces } from './offload/target-places.js';
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
  readonly target: Target | null;
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
  const file = new ModelFile(gguf);
  const { architectureName, hp } = file;
  return {
    architecture: architectureName,
    trainedContext: hp.contextLength,
    layerCount: hp.layerCount,
    expertCount: hp.experts?.count ?? 0,
    isRecurrent: isRecurrent(hp),
    weightBytes: file.loaded(false).bytes,
    withOptions: (options) => openFile(file, resolveOptions(options, hp), openTarget(options)),
  };
}

/** The tensors of a file that are loaded. */
interface LoadedTensors {
  readonly count: number;
  /** Bytes of them on a CPU. */
  readonly bytes: number;
  readonly file: () => LoadedFile;
}

/** What is read of a file once for all options. */
class ModelFile {
  readonly architectureName: string;
  readonly architecture: Architecture;
  readonly hp: Hyperparameters;
  readonly weights: Weights;
  /** Whether the file was found to hold no tensor that the model has no use for. */
  isChecked = false;
  readonly #loaded = new Map<boolean, LoadedTensors>();

  constructor(readonly gguf: Gguf) {
    const reader = new MetadataReader(gguf);
    this.architectureName = reader.architecture;
    this.architecture = architectureOf(reader);
    this.hp = this.architecture.read(reader);
    this.weights = new Weights(gguf);
  }

  /** @param hasPredictLayers whether the layers that predict further tokens are loaded, too */
  loaded(hasPredictLayers: boolean): LoadedTensors {
    let found = this.#loaded.get(hasPredictLayers);
    if (found !== undefined) return found;
    const tensors = loadedTensors(this.gguf, hasPredictLayers);
    let file: LoadedFile | null = null;
    found = {
      count: tensors.length,
      bytes: loadedBytes(tensors),
      file: () => (file ??= loadFile(this.gguf, tensors, this.hp)),
    };
    this.#loaded.set(hasPredictLayers, found);
    return found;
  }
}

function openFile(file: ModelFile, run: ResolvedModelOptions, targetFile: TargetFile | null): Model {
  const { gguf, architecture } = file;
  const isPredicting = run.contextType === 'mtp' && architecture.predict !== undefined;
  const hp = run.contextType === 'mtp' ? inTheirContext(file.hp, architecture) : file.hp;
  const loaded = file.loaded(run.loadsPredictLayers);
  const memory = createModelMemory(hp, run);
  const built = new Map<string, PlacedGraph>();
  const build = (phase: Phase, own: Weights, target: Target | null, adapters: Adapters = []): Graph => {
    const applied = adapters.flatMap(({ inGraph }) => inGraph ?? []);
    const builder = new ModelBuilder(hp, run, batchOf(phase, run), own, memory, applied, target);
    asModelErrors(() => {
      if (isPredicting) architecture.predict(builder);
      else architecture.build(builder);
    });
    // A part of the model does not ask for all tensors.
    if (!isPredicting && !file.isChecked) {
      own.requireNoStrangers();
      file.isChecked = true;
    }
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
      const key = `${phase} ${sharing}`;
      const isBare = offload.adapters.length === 0;
      let found = isBare ? built.get(key) : undefined;
      if (found === undefined) {
        const own = new Weights(gguf, places);
        const target = targetOf(targetFile, targetPlaces(offload));
        found = { graph: build(phase, own, target, offload.adapters), own, target };
        // The tensors of adapters are those of one offload.
        if (isBare) built.set(key, found);
      }
      const lent = targetFile?.memory() ?? null;
      const caches = lent === null ? new Map<Tensor, BufferType>() : placedCaches(lent, offload);
      return scheduleInputOf(found.graph, offload, run, batchOf(phase, run), placedWeights(found, offload), caches);
    },
    withoutFlashAttention: () => openFile(file, { ...run, flashAttention: false }, targetFile),
  };
}

/** Where all weights of a graph lie. */
function placedWeights({ own, target }: PlacedGraph, offload: Offload): ReadonlyMap<Tensor, BufferType> {
  const ofTarget = target?.weights.placedIn(targetPlaces(offload)) ?? [];
  return new Map([...own.placedIn(offload.weights.places), ...ofTarget]);
}

/** The model whose tokens a draft guesses: what graphs with other places of weights have in common. */
interface TargetFile {
  readonly gguf: Gguf;
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
  return { gguf, running: () => (running ??= open()), memory: () => running?.memory ?? null };
}

function targetOf(file: TargetFile | null, places?: WeightPlaces): Target | null {
  return file === null ? null : { weights: new Weights(file.gguf, places), running: file.running };
}

/**
 * Runs `build`, and reports wrong operands as errors of the file: the operands of a model's graph come from its file.
 */
function asModelErrors<T>(build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof PlannerError && OPERAND_ERRORS.includes(error.code))) throw error;
    const { culprit, value, limit } = error;
    const message = `The keys and tensors of the file do not fit each other: ${culprit} is ${String(value)}, but must be ${limit}.`;
    throw new PlannerError('BAD_MODEL', { message, culprit, value, limit, remedy: 'Convert the model again.' });
  }
}

const OPERAND_ERRORS: readonly ErrorCode[] = ['BAD_OPERAND', 'BAD_SHAPE', 'BAD_VIEW'];

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
