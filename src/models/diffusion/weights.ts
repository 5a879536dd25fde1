/**
 * The weights of one part as virtual tensors: counted, never allocated.
 *
 * Invariant: each path becomes one tensor. Its element type follows from what reads it, as in stable-diffusion.cpp: a
 * matrix keeps the type of the file, a kernel of a convolution is f16, everything else is f32.
 */
import { Context } from '../../dialects/ggml/context.js';
import { elementType, type ElementTypeName } from '../../tensor/element-type.js';
import type { Tensor } from '../../tensor/tensor.js';
import { checkBytes } from '../../units.js';

/** What reads a weight, which decides its element type. */
export type WeightUse = 'matrix' | 'table' | 'kernel' | 'vector';

/** The type that a weight has where it is loaded from. @throws PlannerError `BAD_MODEL` if it is not there */
export type TypeOfWeight = (path: string, ne: readonly number[]) => ElementTypeName;

/** Types whose rows stable-diffusion.cpp looks up by index; a table of any other type becomes f32. */
const TABLE_TYPES: readonly ElementTypeName[] = ['f16', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0'];

export class PartWeights {
  readonly #context = Context.virtual();
  readonly #tensors = new Map<string, Tensor>();
  readonly #typeOf: TypeOfWeight;

  constructor(typeOf: TypeOfWeight) {
    this.#typeOf = typeOf;
  }

  /** @throws PlannerError `BAD_SHAPE`, `BYTES_TOO_LARGE` */
  get(path: string, ne: readonly number[], use: WeightUse): Tensor {
    let tensor = this.#tensors.get(path);
    if (tensor !== undefined) return tensor;
    tensor = this.#context.newTensor(this.#typeFor(path, ne, use), ne);
    this.#tensors.set(path, tensor);
    return tensor;
  }

  #typeFor(path: string, ne: readonly number[], use: WeightUse): ElementTypeName {
    const type = this.#typeOf(path, ne);
    if (use === 'kernel') return 'f16';
    if (use === 'vector') return 'f32';
    if (use === 'table') return TABLE_TYPES.includes(type) ? type : 'f32';
    return ne[0] % elementType(type).blockSize === 0 ? type : 'f32';
  }

  /** Bytes of all weights that were asked for, without padding, as stable-diffusion.cpp adds them up. */
  get bytes(): number {
    let sum = 0;
    for (const [path, { byteLength }] of this.#tensors) sum = checkBytes(sum + byteLength, path);
    return sum;
  }

  /** How many weights were asked for. */
  get count(): number {
    return this.#tensors.size;
  }

  /**
   * Names each tensor by its path. This comes last: names that ggml derives from others depend on when a weight gets
   * its own, and in the graphs that this library is compared with it has none.
   */
  name(): void {
    for (const [path, tensor] of this.#tensors) tensor.name = path;
  }
}
