/**
 * Which buffer each weight of a model is loaded into.
 *
 * Invariant: the choice is that of `create_tensor` in llama.cpp: of a list of buffer types, the first whose device can
 * compute with the weight there. A weight that is read in several places is loaded once for each buffer type.
 */
import type { BufferType, Device } from '../../device/device.js';
import { mappedBufferType } from '../../device/memory.js';
import { Context } from '../../dialects/ggml/context.js';
import { named } from '../../errors.js';
import type { Gguf, GgufTensor } from '../../gguf/types.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Hyperparameters } from '../hyperparameters.js';
import { badTensor, type WeightPlaces, type WeightReader } from '../weights.js';
import type { LayerDevices } from './layers.js';
import type { ResolvedOffloadOptions } from './options.js';
import { loadTimes } from './load-order.js';
import { TIED_OUTPUT, weightUse, type TestOperation, type WeightUse } from './tensor-kinds.js';
import { testNode } from './test-node.js';

/** A weight in a buffer; one that is loaded twice comes twice. */
export interface PlacedWeight {
  readonly listed: GgufTensor;
  readonly type: BufferType;
  readonly use: WeightUse;
  /** Whether it stays in the mapped file. */
  readonly isMapped: boolean;
  /** Bytes that it takes there, before padding. */
  readonly bytes: number;
}

/** A buffer type that may be chosen, and the device that is asked whether it can compute with what lies there. */
interface Candidate {
  readonly device: Device;
  readonly type: BufferType;
}

/** All weights in their buffers. */
export interface PlacedWeights {
  /** In the order in which llama.cpp makes them. */
  readonly all: readonly PlacedWeight[];
  readonly places: WeightPlaces;
  /** Which readers of one weight find the same tensor. Graphs of models that are alike in this read the same tensors. */
  readonly sharing: string;
}

/** @throws PlannerError `BAD_MODEL` if no device can compute with a weight */
export function placeWeights(
  readings: readonly WeightReading[],
  hp: Hyperparameters,
  options: ResolvedOffloadOptions,
  devices: LayerDevices,
): PlacedWeights {
  const chooser = new Chooser(hp, options);
  const all: PlacedWeight[] = [];
  const places = new Map<string, Map<WeightReader, BufferType>>();
  for (const { listed, reader, use, isCopy } of readings) {
    const device = reader === null ? options.cpu : reader === 'output' ? devices.output : devices.layers[reader];
    const tensor = chooser.tensor(listed);
    const { type, isMapped } = chooser.choose(tensor, use.operation, device);
    const { name } = listed;
    const readers = places.get(name) ?? new Map<WeightReader, BufferType>([[null, type]]);
    const isThere = places.has(name) && [...readers.values()].some((known) => known.name === type.name);
    places.set(name, readers.set(reader, type));
    if (!isCopy || !isThere) all.push({ listed, type, use, isMapped, bytes: type.sizeOf(tensor) });
  }
  return { all, places: (name, reader) => places.get(name)?.get(reader) ?? null, sharing: sharingOf(places) };
}

/** By weight that lies in several places: each reader's tensor, as the index of the first reader that finds the same one. */
function sharingOf(places: ReadonlyMap<string, ReadonlyMap<WeightReader, BufferType>>): string {
  let sharing = '';
  for (const [name, readers] of places) {
    const names = [...readers.values()].map((type) => type.name);
    if (names.every((each) => each === names[0])) continue;
    sharing += `${name} ${names.map((each) => names.indexOf(each)).join(' ')},`;
  }
  return sharing;
}

/** A weight that llama.cpp loads for a reader. */
export interface WeightReading {
  readonly listed: GgufTensor;
  readonly reader: WeightReader;
  readonly use: WeightUse;
  /** Whether it is loaded only if its buffer type does not have it yet. */
  readonly isCopy: boolean;
}

/** All weights in the order in which llama.cpp makes them. O(tensors of the file × layers). @throws PlannerError `BAD_MODEL` */
export function weightReadings(
  gguf: Gguf,
  loaded: readonly GgufTensor[],
  layerCount: number,
): readonly WeightReading[] {
  const storedCount = Math.min(layerCount, storedLayers(gguf));
  const architecture = String(gguf.metadata['general.architecture']);
  const seen = new Set<string>();
  const readings = loaded.flatMap((listed): WeightReading[] => {
    const use = weightUse(listed.name, architecture);
    if (use.layer !== null && use.layer >= layerCount) {
      const [found, limit] = [`a weight of layer ${use.layer}`, `of a layer below ${layerCount}, the number of layers`];
      throw badTensor(`${named(listed.name)} is ${found}, but must be ${limit}.`, listed.name, found, limit);
    }
    const isSecond = seen.has(listed.name);
    seen.add(listed.name);
    if (isSecond) return [{ listed, reader: 'output', use: TIED_OUTPUT, isCopy: false }];
    if (!use.isShared)
      return [{ listed, reader: use.layer ?? (use.part === 'output' ? 'output' : null), use, isCopy: false }];
    return Array.from({ length: storedCount }, (_, reader) => ({ listed, reader, use, isCopy: true }));
  });
  const table = loaded.find(({ name }) => name === 'token_embd.weight');
  if (table !== undefined && !seen.has('output.weight'))
    readings.push({ listed: table, reader: 'output', use: TIED_OUTPUT, isCopy: true });

  const timeOf = loadTimes(architecture);
  const timed = readings.map((reading) => {
    const { listed, reader, use } = reading;
    const name = use === TIED_OUTPUT ? 'output.weight' : listed.name;
    return { reading, time: timeOf(name, typeof reader === 'number' ? reader : null) };
  });
  timed.sort(({ time: a }, { time: b }) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  return timed.map(({ reading }) => reading);
}

/** How many layers the file holds: fewer than tokens go through, where they go through them again. */
function storedLayers({ tensors }: Gguf): number {
  return tensors.reduce((count, { name }) => {
    const [, layer] = /^blk\.(\d+)\./.exec(name) ?? [];
    return layer === undefined ? count : Math.max(count, Number(layer) + 1);
  }, 0);
}

/** Chooses buffer types, and remembers the answers for weights that are alike. */
class Chooser {
  readonly #hp: Hyperparameters;
  readonly #options: ResolvedOffloadOptions;
  readonly #context = Context.virtual();
  readonly #cpuCandidates: readonly Candidate[];
  readonly #answers = new Map<string, BufferType>();
  /** What each buffer type is called where the mapped file is the buffer, by its own name. */
  readonly #mapped: ReadonlyMap<string, BufferType>;

  constructor(hp: Hyperparameters, options: ResolvedOffloadOptions) {
    this.#hp = hp;
    this.#options = options;
    this.#cpuCandidates = cpuCandidates(options);
    const wrapping = [...options.gpus, options.cpu].filter(({ wrapsHostMemory }) => wrapsHostMemory);
    const types = options.isMapped ? wrapping.map(({ bufferType }) => bufferType) : [];
    this.#mapped = new Map(types.map((type) => [type.name, mappedBufferType(type)]));
  }

  tensor({ name, type, ne }: GgufTensor): Tensor {
    return this.#context.newTensor(type.name, ne, name);
  }

  choose(weight: Tensor, operation: TestOperation, reader: Device): { type: BufferType; isMapped: boolean } {
    const { overrides, cpu, isMapped, gpus } = this.#options;
    const override = overrides.find(({ pattern }) => pattern.test(weight.name))?.bufferType;
    const isElsewhere = override !== undefined && override !== cpu.bufferType;
    const best = isElsewhere ? override : this.#best(weight, operation, override === undefined ? reader : cpu);
    // What a device offers for fast copies would be a copy of the file.
    const isPinned = gpus.some(({ hostBufferType }) => hostBufferType?.name === best.name);
    const type = isMapped && isPinned ? cpu.bufferType : best;
    const mapped = this.#mapped.get(type.name);
    return { type: mapped ?? type, isMapped: mapped !== undefined };
  }

  #best(weight: Tensor, operation: TestOperation, reader: Device): BufferType {
    const key = `${reader.name} ${operation} ${weight.type.name} ${weight.ne.join(' ')}`;
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const node = testNode(operation, weight, this.#hp);
    const candidates =
      reader === this.#options.cpu ? this.#cpuCandidates : [...ownCandidates(reader), ...this.#cpuCandidates];
    const best = candidates.find(({ device, type }) => device.supports(node, (t) => (t === weight ? type : null)));
    if (best === undefined) {
      const found = `of type ${weight.type.name} and shape [${weight.ne.join(', ')}]`;
      const message = `${named(weight.name)} is ${found}, with which neither ${reader.name} nor another device can compute ${operation}.`;
      throw badTensor(message, weight.name, found, `a tensor that a device can compute ${operation} with`);
    }
    this.#answers.set(key, best.type);
    return best.type;
  }
}

function ownCandidates(device: Device): Candidate[] {
  return [device.bufferType, ...device.extraBufferTypes].map((type) => ({ device, type }));
}

/** What the weights of the CPU may lie in, the best first; weights of other devices, if those cannot take them. */
function cpuCandidates({ gpus, cpu, host, repack }: ResolvedOffloadOptions): Candidate[] {
  const device = gpus.find(({ hostBufferType }) => hostBufferType !== null);
  const pinned = host && device?.hostBufferType ? [{ device, type: device.hostBufferType }] : [];
  const repacked = repack ? cpu.extraBufferTypes.map((type) => ({ device: cpu, type })) : [];
  return [...pinned, ...repacked, { device: cpu, type: cpu.bufferType }];
}
