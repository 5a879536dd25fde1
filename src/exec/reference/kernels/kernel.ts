/**
 * The interface of a reference kernel: it reads the operands' elements and writes the result's. Reads and writes come
 * in the order of ggml's CPU kernel wherever that order decides what may be overwritten.
 *
 * Invariant: a kernel touches memory through {@link Elements} alone and keeps nothing between calls.
 */
import type { Operation } from '../../../tensor/operation.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { Settings } from '../../settings.js';
import type { Elements } from '../elements.js';

/** One operation about to run. */
export class Call extends Settings {
  readonly out: Elements;
  readonly #sources: readonly (Elements | null)[];

  constructor(node: Tensor, out: Elements, sources: readonly (Elements | null)[]) {
    super(node);
    this.out = out;
    this.#sources = sources;
  }

  /** The operand in a slot that is never empty. */
  source(slot: number): Elements {
    return this.optional(slot) ?? this.failEmpty(slot);
  }

  /** The operand in a slot that may be empty. */
  optional(slot: number): Elements | null {
    return this.#sources[slot] ?? null;
  }
}

export type Kernel = (call: Call) => void;

/** Operations, each with its kernel. */
export type Kernels = readonly (readonly [Operation, Kernel])[];
