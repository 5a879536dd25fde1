/**
 * Where the parts of a model go on a machine with several devices: layers, weights, caches, the output, and what that
 * means for the graph.
 *
 * Invariant: everything but the compute buffers, which depend on the graph. Conforms to llama.cpp release b10573.
 */
import type { BufferType, Device } from '../../device/device.js';
import { mappedBufferType } from '../../device/memory.js';
import type { Gguf, GgufTensor } from '../../gguf/types.js';
import type { Tensor } from '../../tensor/tensor.js';
import { checkBytes } from '../../units.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { ModelMemory } from '../memory/model-memory.js';
import type { ResolvedModelOptions } from '../options.js';
import { placeAdapters, type PlacedAdapter } from './place-adapters.js';
import {
  allocatedBytes,
  fileRanges,
  mappedBytes,
  type BufferPurpose,
  type DeviceBuffer,
  type FileRanges,
} from './buffers.js';
import { isFullyOffloaded, layerDevices, type LayerDevices } from './layers.js';
import type { ResolvedOffloadOptions } from './options.js';
import {
  placeWeights,
  weightReadings,
  type PlacedWeight,
  type PlacedWeights,
  type WeightReading,
} from './weight-buffers.js';

/** A tensor of a cache in a buffer. */
export interface PlacedCacheTensor {
  readonly tensor: Tensor;
  readonly layer: number;
  readonly type: BufferType;
  /** Bytes that it takes there, before padding. */
  readonly bytes: number;
}

type SizedTensor = Pick<PlacedCacheTensor, 'type' | 'bytes'>;

/** A model spread over devices. */
export interface Offload {
  readonly options: ResolvedOffloadOptions;
  /** The devices that compute, in order of priority; the CPU is the last. */
  readonly devices: readonly Device[];
  /** The buffer type that the results of each device go to. */
  readonly bufferTypes: readonly BufferType[];
  readonly layerDevices: LayerDevices;
  readonly isFullyOffloaded: boolean;
  readonly weights: PlacedWeights;
  /** The tensors of each cache, or of the state. */
  readonly caches: readonly (readonly PlacedCacheTensor[])[];
  readonly adapters: readonly PlacedAdapter[];
  /** The buffers of weights, adapters, caches and output, sorted by purpose and name. */
  readonly buffers: readonly DeviceBuffer[];
  /** How many batches are under way at once: what crosses devices exists as often. 1 without a pipeline. */
  readonly copyCount: number;
}

/** What a file says of its weights, whatever the devices. */
export interface LoadedFile {
  readonly architecture: string;
  readonly readings: readonly WeightReading[];
  readonly ranges: FileRanges;
}

/**
 * O(tensors of the file × layers).
 *
 * @param loaded the tensors that are loaded
 * @throws PlannerError `BAD_MODEL`
 */
export function loadFile(gguf: Gguf, loaded: readonly GgufTensor[], hp: Hyperparameters): LoadedFile {
  return {
    architecture: String(gguf.metadata['general.architecture']),
    readings: weightReadings(gguf, loaded, hp.layerCount + hp.predictLayerCount),
    ranges: fileRanges(gguf),
  };
}

/** Copies of what crosses devices in a pipeline, as llama.cpp is built by default. */
const PIPELINE_COPIES = 4;

const LOGIT_BYTES = 4;

/** O(tensors of the file × devices). @throws PlannerError `BAD_MODEL`, `BYTES_TOO_LARGE` */
export function offloadModel(
  { architecture, readings, ranges }: LoadedFile,
  hp: Hyperparameters,
  run: ResolvedModelOptions,
  memory: ModelMemory,
  options: ResolvedOffloadOptions,
): Offload {
  const { gpus, cpu, kvOffload } = options;
  const layerCount = hp.layerCount + hp.predictLayerCount;
  const placedLayers = layerDevices(options, layerCount);
  const weights = placeWeights(readings, hp, options, placedLayers);
  const adapters = placeAdapters(options, architecture, weights.all);
  const adapterTensors = adapters.map(({ tensors }) =>
    tensors.map((placed) => ({ ...placed, bytes: placed.type.sizeOf(placed.tensor) })),
  );
  const caches = memory.caches.map((cache) =>
    cache.map(({ tensor, layer }) => {
      const type = (kvOffload ? placedLayers.layers[layer] : cpu).bufferType;
      return { tensor, layer, type, bytes: type.sizeOf(tensor) };
    }),
  );
  const outputType = placedLayers.output.hostBufferType ?? cpu.bufferType;
  const outputBytes = checkBytes(resultLength(hp, run) * run.sequences * LOGIT_BYTES, 'output');
  const buffer = (purpose: BufferPurpose, type: BufferType, bytes: number): DeviceBuffer => {
    return { device: ownerOf(type, options).name, type, purpose, bytes };
  };
  return {
    options,
    devices: [...gpus, cpu],
    bufferTypes: [...gpus.map(({ bufferType }) => bufferType), gpus[0]?.hostBufferType ?? cpu.bufferType],
    layerDevices: placedLayers,
    isFullyOffloaded: isFullyOffloaded(options, layerCount),
    weights,
    caches,
    adapters,
    buffers: [
      ...byType(weights.all).map(({ type, items }) => buffer('weights', type, weightBytes(type, items, ranges))),
      ...byType(adapterTensors.flat()).map(({ type }) => buffer('adapters', type, groupedBytes(adapterTensors, type))),
      ...byType(caches.flat()).map(({ type }) => buffer('context', type, groupedBytes(caches, type))),
      buffer('output', outputType, outputBytes + outputType.overhead),
    ],
    copyCount: isPipelined(options, layerCount) ? PIPELINE_COPIES : 1,
  };
}

/** Whether batches overlap: while a device computes the second half of one, another computes the first of the next. */
function isPipelined(options: ResolvedOffloadOptions, layerCount: number): boolean {
  const { gpus, splitMode, kvOffload, overrides } = options;
  const isWhole = isFullyOffloaded(options, layerCount) && splitMode === 'layer' && kvOffload;
  const isPlain = isWhole && overrides.length === 0;
  return isPlain && gpus.length > 1 && gpus.every(({ isAsynchronous }) => isAsynchronous);
}

/** The device whose memory a buffer type takes; host memory counts as that of the CPU, whoever offers it. */
export function ownerOf(type: BufferType, { gpus, cpu }: ResolvedOffloadOptions): Device {
  const isOwn = ({ bufferType, extraBufferTypes }: Device): boolean =>
    [bufferType, mappedBufferType(bufferType), ...extraBufferTypes].some(({ name }) => name === type.name);
  return gpus.find(isOwn) ?? cpu;
}

/** Weights lie in the mapped file itself where their device can compute there. */
function weightBytes(type: BufferType, weights: readonly PlacedWeight[], ranges: FileRanges): number {
  const listed = weights.flatMap((weight) => (weight.isMapped ? [weight.listed] : []));
  if (listed.length > 0) return mappedBytes(listed, ranges);
  return allocatedBytes(
    weights.map(({ bytes }) => bytes),
    type,
  );
}

/** Each cache, and each adapter, has buffers of its own. */
function groupedBytes(groups: readonly (readonly SizedTensor[])[], type: BufferType): number {
  return groups.reduce((sum, group) => {
    const sizes = group.filter((placed) => placed.type.name === type.name).map(({ bytes }) => bytes);
    return checkBytes(sum + allocatedBytes(sizes, type), type.name);
  }, 0);
}

/** The things of each buffer type, sorted by its name. */
function byType<T extends { readonly type: BufferType }>(things: readonly T[]): { type: BufferType; items: T[] }[] {
  const groups = new Map<string, { type: BufferType; items: T[] }>();
  for (const thing of things) {
    const group = groups.get(thing.type.name);
    if (group === undefined) groups.set(thing.type.name, { type: thing.type, items: [thing] });
    else group.items.push(thing);
  }
  return [...groups.values()].sort((a, b) => (a.type.name < b.type.name ? -1 : 1));
}

/** Elements of what a run gives of a token: its scores, and its embedding if there is one. */
function resultLength(
  { vocabularySize, outputLength, givesEmbeddings }: Hyperparameters,
  { pooling }: ResolvedModelOptions,
): number {
  return vocabularySize + (pooling !== null || givesEmbeddings ? outputLength : 0);
}
