/**
 * The weights of a model as virtual tensors: counted, never allocated.
 *
 * Invariant: every name becomes one tensor, however often it is asked for, and only in the shape that the
 * architecture expects.
 */
import { PlannerError } from '../errors.js';
import type { Gguf, GgufTensor } from '../gguf/gguf.js';
import { Context } from '../graph/context.js';
import type { Tensor } from '../tensor/tensor.js';
import { alignUp, checkBytes } from '../units.js';

/** ggml aligns the tensors of a CPU buffer to this many bytes. */
const BUFFER_ALIGNMENT = 32;

export class Weights {
  readonly #context = Context.virtual();
  readonly #listed: ReadonlyMap<string, GgufTensor>;
  readonly #made = new Map<string, Tensor>();

  constructor(gguf: Gguf) {
    this.#listed = new Map(gguf.tensors.map((tensor) => [tensor.name, tensor]));
  }

  /** @throws PlannerError `BAD_MODEL` if the tensor is missing or has another shape */
  get(name: string, ne: readonly number[]): Tensor {
    const tensor = this.find(name, ne);
    if (tensor === null) throw badTensor(name, 'missing', `there, of shape [${ne.join(', ')}]`);
    return tensor;
  }

  /** The tensor, or null if the file has none of this name. @throws PlannerError `BAD_MODEL` if it has another shape */
  find(name: string, ne: readonly number[]): Tensor | null {
    const listed = this.#listed.get(name);
    if (listed === undefined) return null;
    if (!listed.ne.every((length, dim) => length === (ne[dim] ?? 1))) {
      throw badTensor(name, `of shape [${listed.ne.join(', ')}]`, `[${ne.join(', ')}]`);
    }
    let tensor = this.#made.get(name);
    if (tensor === undefined) {
      tensor = this.#context.newTensor(listed.type.name, listed.ne, name);
      this.#made.set(name, tensor);
    }
    return tensor;
  }
}

/**
 * Bytes of memory that the tensors of a file take once loaded into one CPU buffer, padding included.
 *
 * @param isLoaded whether a tensor is loaded at all. Default: all are
 */
export function measureWeights(gguf: Gguf, isLoaded: (name: string) => boolean = () => true): number {
  return gguf.tensors
    .filter(({ name }) => isLoaded(name))
    .reduce((sum, { name, bytes }) => checkBytes(sum + alignUp(bytes, BUFFER_ALIGNMENT), name), 0);
}

/** Bytes of memory for `tensors` in one CPU buffer, padding included. */
export function bufferBytes(tensors: readonly Tensor[]): number {
  return tensors.reduce(
    (sum, { name, byteLength }) => checkBytes(sum + alignUp(byteLength, BUFFER_ALIGNMENT), name),
    0,
  );
}

function badTensor(culprit: string, value: string, limit: string): PlannerError {
  return new PlannerError('BAD_MODEL', {
    culprit,
    value,
    limit,
    remedy: 'The tensors don’t fit the architecture that the file names: convert the model again.',
  });
}
