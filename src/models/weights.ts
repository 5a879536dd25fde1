/**
 * The weights of a model as virtual tensors: counted, never allocated.
 *
 * Invariant: each name becomes one tensor for each buffer type that it lies in, even if it is asked for several times,
 * or one for each reader if it is loaded twice; and only in the shape that the architecture expects. A tensor that a
 * file lists and nobody asks for is a stranger, which llama.cpp refuses as well.
 */
import { checkArgument, named, PlannerError } from '../errors.js';
import type { BufferType } from '../device/device.js';
import type { Gguf, GgufTensor } from '../gguf/types.js';
import { Context } from '../dialects/ggml/context.js';
import type { Tensor } from '../tensor/tensor.js';
import { alignUp, checkBytes } from '../units.js';
import { loadedTensors, loadedTwice } from './loaded-tensors.js';

/** ggml aligns the tensors of a CPU buffer to this many bytes. */
const BUFFER_ALIGNMENT = 32;

/** Who reads a weight: a layer, by its index, or the output; null: whoever reads it first. */
export type WeightReader = number | 'output' | null;

/** The buffer type that a reader finds a weight in; null if there is only one for everything. */
export type WeightPlaces = (name: string, reader: WeightReader) => BufferType | null;

const ONE_PLACE: WeightPlaces = () => null;

/**
 * The tensors that a file lists, by name in two levels: prefix, such as `blk.N.` (empty outside of layers), then the rest.
 * So look-ups concatenate nothing. Made once for all graphs of a file.
 */
export class WeightIndex {
  readonly #parts = new Map<string, Map<string, Entry>>();
  /** The name of the tensor that each of its readers has for itself, even in the same buffer type. */
  readonly twice: string | null;
  /** Of entries. */
  readonly count: number;

  /** O(tensors). */
  constructor(gguf: Gguf) {
    this.count = gguf.tensors.length;
    this.twice = loadedTwice(gguf)?.name ?? null;
    for (const [number, listed] of gguf.tensors.entries()) {
      const prefix = prefixOf(listed.name);
      let part = this.#parts.get(prefix);
      if (part === undefined) this.#parts.set(prefix, (part = new Map<string, Entry>()));
      part.set(listed.name.slice(prefix.length), { listed, number });
    }
  }

  /** The tensors whose names begin with `prefix`, by the rest of their names. */
  part(prefix: string): ListedPart {
    return this.#parts.get(prefix) ?? NO_PART;
  }

  get parts(): Iterable<ListedPart> {
    return this.#parts.values();
  }
}

/** A tensor that the file lists, and how many it lists before. */
interface Entry {
  readonly listed: GgufTensor;
  readonly number: number;
}

type ListedPart = ReadonlyMap<string, Entry>;

const NO_PART: ListedPart = new Map();
const LAYER_PREFIX = /(?:(?:(?:enc|dec)\.)?blk|posnet|convnext)\.\d+\./y;

/** The sticky flag says where a match ends: no list of matches for each of a file's names. */
function prefixOf(name: string): string {
  LAYER_PREFIX.lastIndex = 0;
  return LAYER_PREFIX.test(name) ? name.slice(0, LAYER_PREFIX.lastIndex) : '';
}

export class Weights {
  readonly #index: WeightIndex;
  readonly #memory: WeightMemory;

  constructor(index: WeightIndex, places: WeightPlaces = ONE_PLACE) {
    this.#index = index;
    const readings = new Array<undefined>(index.count);
    this.#memory = { context: Context.virtual(), places, twice: index.twice, readings };
  }

  /**
   * The buffer types of the tensors that were asked for, in places that give the same readers the same tensor. A tensor
   * without one is left out.
   */
  placedIn(places: WeightPlaces): Map<Tensor, BufferType> {
    const placed = new Map<Tensor, BufferType>();
    for (const first of this.#memory.readings) {
      for (let reading = first ?? null; reading !== null; reading = reading.next) {
        const type = places(reading.tensor.name, reading.reader);
        if (type !== null) placed.set(reading.tensor, type);
      }
    }
    return placed;
  }

  /** The tensors of a layer of a stack, or those outside of all layers. */
  inLayer(layer: number | null, stack = 'blk'): LayerWeights {
    const prefix = layer === null ? '' : `${stack}.${layer}.`;
    return new LayerWeights(this.#memory, prefix, this.#index.part(prefix));
  }

  /** Marks all tensors of a layer that llama.cpp skips as known. */
  skipLayer(layer: number): void {
    const { readings } = this.#memory;
    for (const { number } of this.#index.part(`blk.${layer}.`).values()) readings[number] ??= null;
  }

  /**
   * Checks, after the model was built, that the file lists no tensor that the model has no use for.
   *
   * @throws PlannerError `BAD_MODEL`
   */
  requireNoStrangers(): void {
    const { readings } = this.#memory;
    for (const part of this.#index.parts) {
      for (const [name, { listed, number }] of part) {
        if (readings[number] !== undefined) continue;
        const matrix = scaledMatrix(name, part);
        if (matrix === null || readings[matrix.number] === undefined)
          throw badTensor(
            `${named(listed.name)} is in the file, but is no tensor that the architecture knows.`,
            listed.name,
            'in the file',
            'a tensor that the architecture knows',
          );
        checkShape(listed, [matrix.listed.ne[2]]);
      }
    }
  }
}

/** Matrices that may have a scale of their own or of their input, even where the architecture ignores it. */
const SCALABLE = /^(attn_(q|k|v|output|qkv|gate)|ffn_(up|gate|down)(_shexp|_exps)?|ssm_(in|out|alpha|beta)|output)$/;

/**
 * The matrix that `name` scales, with one number for each plane of the matrix; null if `name` is not a scale. A scale
 * is loaded along with its matrix; the scale of the model's output matrix only if that matrix is NVFP4.
 */
function scaledMatrix(name: string, part: ListedPart): Entry | null {
  const [, matrix] = /^(.+)\.(?:input_)?scale$/.exec(name) ?? [];
  if (matrix === undefined || !SCALABLE.test(matrix)) return null;
  const entry = part.get(`${matrix}.weight`) ?? null;
  return matrix !== 'output' || entry?.listed.type.name === 'nvfp4' ? entry : null;
}

/** What all weights of a model have in common. */
interface WeightMemory {
  readonly context: Context;
  readonly places: WeightPlaces;
  readonly twice: string | null;
  /**
   * By number of the entry: the last of its readings; null if the architecture knows the entry and nothing reads it. An
   * entry that the architecture does not know is absent.
   */
  readonly readings: (Reading | null | undefined)[];
}

/** A tensor, and who asked for it first. */
interface Reading {
  readonly tensor: Tensor;
  readonly reader: WeightReader;
  /** What tells the tensor from others of the same entry: its reader, or the name of its buffer type. */
  readonly key: string;
  /** The reading of another tensor of the entry. */
  readonly next: Reading | null;
}

/** The tensors whose names begin with `prefix`, by the rest of their names. */
export class LayerWeights {
  readonly #memory: WeightMemory;
  readonly #prefix: string;
  readonly #part: ListedPart;

  constructor(memory: WeightMemory, prefix: string, part: ListedPart) {
    this.#memory = memory;
    this.#prefix = prefix;
    this.#part = part;
  }

  /** @throws PlannerError `BAD_MODEL` if the tensor is missing or has another shape */
  get(name: string, ne: readonly number[], reader: WeightReader = null): Tensor {
    const tensor = this.find(name, ne, reader);
    if (tensor !== null) return tensor;
    const culprit = this.#prefix + name;
    const message = `${named(culprit)} is missing; the architecture needs it in shape [${ne.join(', ')}].`;
    throw badTensor(message, culprit, 'missing', `there, of shape [${ne.join(', ')}]`);
  }

  /** The shape of a tensor of the file; null if there is none of this name. */
  shapeOf(name: string): readonly number[] | null {
    return this.#part.get(name)?.listed.ne ?? null;
  }

  /** The tensor, or null if the file has none of this name. @throws PlannerError `BAD_MODEL` if it has another shape */
  find(name: string, ne: readonly number[], reader: WeightReader = null): Tensor | null {
    const entry = this.#part.get(name);
    if (entry === undefined) return null;
    const { listed, number } = entry;
    checkShape(listed, ne);
    const { context, places, twice, readings } = this.#memory;
    const type = places(listed.name, reader);
    const key = listed.name === twice ? String(reader) : (type?.name ?? '');
    const last = readings[number] ?? null;
    for (let known = last; known !== null; known = known.next) if (known.key === key) return known.tensor;
    const tensor = context.newTensor(listed.type.name, listed.ne, listed.name);
    readings[number] = { tensor, reader, key, next: last };
    return tensor;
  }
}

function checkShape(listed: GgufTensor, ne: readonly number[]): void {
  let isSame = true;
  for (let dim = 0; dim < listed.ne.length; dim++) isSame &&= listed.ne[dim] === (ne[dim] ?? 1);
  if (isSame) return;
  const [found, limit] = [`[${listed.ne.join(', ')}]`, `[${ne.join(', ')}]`];
  throw badTensor(
    `${named(listed.name)} has shape ${found}, but the architecture needs ${limit}.`,
    listed.name,
    `of shape ${found}`,
    limit,
  );
}

/** @throws PlannerError `BAD_ARGUMENT` unless `gguf` is a header that was read */
export function checkGguf(gguf: Gguf): void {
  const { metadata, tensors } = (gguf as Partial<Gguf> | null) ?? {};
  const isGguf = typeof metadata === 'object' && Array.isArray(tensors);
  if (isGguf) return;
  const isGraph = Array.isArray(tensors) && 'nodes' in gguf;
  const remedy = isGraph
    ? 'A graph has one size, which measureGraph says; of a model, give what readGguf resolves to.'
    : 'Give what readGguf resolves to, and await it first.';
  checkArgument(false, 'gguf', gguf, 'a Gguf', remedy);
}

/**
 * Bytes of memory that a file's weights take in llama.cpp once loaded into one CPU buffer, padding included. Works for
 * every architecture; tensors that llama.cpp skips, such as those of layers that predict further tokens, don't count.
 * O(tensors).
 *
 * @throws PlannerError `BAD_ARGUMENT` unless `gguf` is a header that was read, `BYTES_TOO_LARGE`
 */
export function measureWeights(gguf: Gguf): number {
  checkGguf(gguf);
  return loadedBytes(loadedTensors(gguf));
}

/** Bytes of memory for tensors of a file in one CPU buffer, padding included. */
export function loadedBytes(tensors: readonly GgufTensor[]): number {
  return tensors.reduce((sum, { name, bytes }) => checkBytes(sum + alignUp(bytes, BUFFER_ALIGNMENT), name), 0);
}

/** Bytes of memory for `tensors` in one CPU buffer, padding included. */
export function bufferBytes(tensors: readonly Tensor[]): number {
  return tensors.reduce(
    (sum, { name, byteLength }) => checkBytes(sum + alignUp(byteLength, BUFFER_ALIGNMENT), name),
    0,
  );
}

/** A tensor that is not as the architecture expects it. */
export function badTensor(message: string, culprit: string, value: string, limit: string): PlannerError {
  return new PlannerError('BAD_MODEL', {
    message,
    culprit,
    value,
    limit,
    remedy: 'The tensors don’t fit the architecture that the file names: convert the model again.',
  });
}
