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
import { TIED_OUTPUT, weightUses, type WeightUse } from './tensor-kinds.js';
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
  const byName = new Map<string, ReaderTypes>();
  for (const reading of readings) {
    const { listed, tensor, reader, use, isCopy } = reading;
    const device = reader === null ? options.cpu : reader === 'output' ? devices.output : devices.layers[reader];
    const { type, isMapped } = chooser.choose(reading, device);
    const known = byName.get(listed.name);
    const isThere = known?.types.some(({ name }) => name === type.name) === true;
    if (known === undefined) byName.set(listed.name, firstReader(reader, type));
    else addReader(known, reader, type);
    if (!isCopy || !isThere) all.push({ listed, type, use, isMapped, bytes: type.sizeOf(tensor) });
  }
  return { all, places: (name, reader) => typeFor(byName.get(name), reader), sharing: sharingOf(byName) };
}

/** The buffer types of one weight, by reader: lists, as most weights have one reader. */
interface ReaderTypes {
  readonly readers: WeightReader[];
  readonly types: BufferType[];
}

/** A weight that nobody in particular reads is found where its first reader finds it. */
function firstReader(reader: WeightReader, type: BufferType): ReaderTypes {
  return reader === null ? { readers: [null], types: [type] } : { readers: [null, reader], types: [type, type] };
}

function addReader({ readers, types }: ReaderTypes, reader: WeightReader, type: BufferType): void {
  const known = readers.indexOf(reader);
  const at = known === -1 ? readers.push(reader) - 1 : known;
  types[at] = type;
}

function typeFor(found: ReaderTypes | undefined, reader: WeightReader): BufferType | null {
  return found?.types[found.readers.indexOf(reader)] ?? null;
}

/** By weight that lies in several places: each reader's tensor, as the index of the first reader that finds the same one. */
function sharingOf(byName: ReadonlyMap<string, ReaderTypes>): string {
  let sharing = '';
  for (const [weight, { types }] of byName) {
    if (types.every(({ name }) => name === types[0].name)) continue;
    const names = types.map(({ name }) => name);
    sharing += `${weight} ${names.map((each) => names.indexOf(each)).join(' ')},`;
  }
  return sharing;
}

/** A weight that llama.cpp loads for a reader. */
export interface WeightReading {
  readonly listed: GgufTensor;
  /** The weight, without a place. */
  readonly tensor: Tensor;
  /** Readings of one number are alike to every device: the same operation with the same type and shape. */
  readonly kind: number;
  readonly reader: WeightReader;
  readonly use: WeightUse;
  /** Whether it is loaded only if its buffer type does not have it yet. */
  readonly isCopy: boolean;
}

/**
 * All weights in the order in which llama.cpp makes them. O(tensors of the file × layers).
 *
 * @param loaded the tensors that are loaded
 * @throws PlannerError `BAD_MODEL`
 */
export function weightReadings(
  gguf: Gguf,
  loaded: readonly GgufTensor[],
  layerCount: number,
): readonly WeightReading[] {
  const architecture = String(gguf.metadata['general.architecture']);
  const useOf = weightUses(architecture);
  const list = new ReadingList();
  const seen = new Set<string>();
  for (const listed of loaded) {
    const use = useOf(listed.name);
    checkLayer(listed.name, use, layerCount);
    const isSecond = seen.has(listed.name);
    seen.add(listed.name);
    if (isSecond) list.add(listed, 'output', TIED_OUTPUT, false);
    else if (!use.isShared) list.add(listed, use.layer ?? (use.part === 'output' ? 'output' : null), use, false);
    else for (const reader of Array(storedLayers(gguf, layerCount)).keys()) list.add(listed, reader, use, true);
  }
  const table = loaded.find(({ name }) => name === 'token_embd.weight');
  if (table !== undefined && !seen.has('output.weight')) list.add(table, 'output', TIED_OUTPUT, true);

  const timeOf = loadTimes(architecture);
  const timed = list.readings.map((reading) => {
    const { listed, reader, use } = reading;
    const name = use === TIED_OUTPUT ? 'output.weight' : listed.name;
    return { reading, time: timeOf(name, typeof reader === 'number' ? reader : null) };
  });
  timed.sort(({ time: a }, { time: b }) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  return timed.map(({ reading }) => reading);
}

function checkLayer(name: string, { layer }: WeightUse, layerCount: number): void {
  if (layer === null || layer < layerCount) return;
  const [found, limit] = [`a weight of layer ${layer}`, `of a layer below ${layerCount}, the number of layers`];
  throw badTensor(`${named(name)} is ${found}, but must be ${limit}.`, name, found, limit);
}

/** Numbers the kinds of readings, and makes the tensor of each entry of the file once. */
class ReadingList {
  readonly readings: WeightReading[] = [];
  readonly #context = Context.virtual();
  readonly #tensors = new Map<GgufTensor, Tensor>();
  readonly #kinds = new Map<string, number>();

  add(listed: GgufTensor, reader: WeightReader, use: WeightUse, isCopy: boolean): void {
    const { name, type, ne } = listed;
    let tensor = this.#tensors.get(listed);
    if (tensor === undefined) this.#tensors.set(listed, (tensor = this.#context.newTensor(type.name, ne, name)));
    const likeness = `${use.operation} ${type.name} ${ne[0]} ${ne[1]} ${ne[2]} ${ne[3]}`;
    const kind = this.#kinds.get(likeness) ?? this.#kinds.size;
    this.#kinds.set(likeness, kind);
    this.readings.push({ listed, tensor, kind, reader, use, isCopy });
  }
}

/** How many of the layers the file holds: not all, where tokens go through some again. */
function storedLayers({ tensors }: Gguf, layerCount: number): number {
  const stored = tensors.reduce((count, { name }) => {
    const [, layer] = /^blk\.(\d+)\./.exec(name) ?? [];
    return layer === undefined ? count : Math.max(count, Number(layer) + 1);
  }, 0);
  return Math.min(layerCount, stored);
}

/** Chooses buffer types, and remembers the answers for weights that are alike. */
class Chooser {
  readonly #hp: Hyperparameters;
  readonly #options: ResolvedOffloadOptions;
  readonly #cpuCandidates: readonly Candidate[];
  /** By device that reads the weight, then by kind of reading. */
  readonly #answers = new Map<Device, BufferType[]>();
  /** What each buffer type is called where the mapped file is the buffer, by its own name. */
  readonly #mapped: ReadonlyMap<string, BufferType>;
  /** The names of the buffer types that devices offer for fast copies: they would be copies of a mapped file. */
  readonly #pinned: ReadonlySet<string>;

  constructor(hp: Hyperparameters, options: ResolvedOffloadOptions) {
    this.#hp = hp;
    this.#options = options;
    this.#cpuCandidates = cpuCandidates(options);
    const wrapping = [...options.gpus, options.cpu].filter(({ wrapsHostMemory }) => wrapsHostMemory);
    const types = options.isMapped ? wrapping.map(({ bufferType }) => bufferType) : [];
    this.#mapped = new Map(types.map((type) => [type.name, mappedBufferType(type)]));
    const pinned = options.isMapped ? options.gpus : [];
    this.#pinned = new Set(pinned.flatMap(({ hostBufferType }) => hostBufferType?.name ?? []));
  }

  choose(reading: WeightReading, reader: Device): { type: BufferType; isMapped: boolean } {
    const { overrides, cpu } = this.#options;
    const override = overrides.find(({ pattern }) => pattern.test(reading.tensor.name))?.bufferType;
    const isElsewhere = override !== undefined && override !== cpu.bufferType;
    const best = isElsewhere ? override : this.#best(reading, override === undefined ? reader : cpu);
    const type = this.#pinned.has(best.name) ? cpu.bufferType : best;
    const mapped = this.#mapped.get(type.name);
    return { type: mapped ?? type, isMapped: mapped !== undefined };
  }

  #best(reading: WeightReading, reader: Device): BufferType {
    let answers = this.#answers.get(reader);
    if (answers === undefined) this.#answers.set(reader, (answers = []));
    return (answers[reading.kind] ??= this.#askFor(reading, reader));
  }

  #askFor({ tensor: weight, use: { operation } }: WeightReading, reader: Device): BufferType {
    const node = testNode(operation, weight, this.#hp);
    const candidates =
      reader === this.#options.cpu ? this.#cpuCandidates : [...ownCandidates(reader), ...this.#cpuCandidates];
    const best = candidates.find(({ device, type }) => device.supports(node, (t) => (t === weight ? type : null)));
    if (best !== undefined) return best.type;
    const found = `of type ${weight.type.name} and shape [${weight.ne.join(', ')}]`;
    const message = `${named(weight.name)} is ${found}, with which neither ${reader.name} nor another device can compute ${operation}.`;
    throw badTensor(message, weight.name, found, `a tensor that a device can compute ${operation} with`);
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
