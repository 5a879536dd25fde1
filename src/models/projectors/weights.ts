/**
 * The weights of a projector as virtual tensors: counted, never allocated.
 *
 * Invariant: each name becomes one tensor, in the shape that the file lists. llama.cpp asks for names alone: a wrong shape
 * shows where an operation reads the tensor.
 */
import { Context } from '../../dialects/ggml/context.js';
import { named } from '../../errors.js';
import type { Gguf, GgufTensor } from '../../gguf/types.js';
import type { Tensor } from '../../tensor/tensor.js';
import { badTensor } from '../weights.js';

export class EncoderWeights {
  readonly #context = Context.virtual();
  readonly #listed: ReadonlyMap<string, GgufTensor>;
  readonly #tensors = new Map<string, Tensor>();

  constructor({ tensors }: Gguf) {
    this.#listed = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  }

  /** The tensors that were asked for. */
  get read(): Iterable<Tensor> {
    return this.#tensors.values();
  }

  /** @throws PlannerError `BAD_MODEL` if the file has none of this name */
  get(name: string): Tensor {
    const tensor = this.find(name);
    if (tensor !== null) return tensor;
    throw badTensor(`${named(name)} is missing; the projector needs it.`, name, 'missing', 'there');
  }

  /** The tensor, or null if the file has none of this name. */
  find(name: string): Tensor | null {
    const known = this.#tensors.get(name);
    if (known !== undefined) return known;
    const listed = this.#listed.get(name);
    if (listed === undefined) return null;
    const tensor = this.#context.newTensor(listed.type.name, listed.ne, name);
    this.#tensors.set(name, tensor);
    return tensor;
  }
}
