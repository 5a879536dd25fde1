/**
 * One number per tensor, for whoever numbers or visits the tensors of a graph: an array where a map would hash.
 *
 * Invariant: a tensor that was never set reads as 0. Pages keep the column as small as the graph, however many tensors
 * their origins have made besides.
 */
/* eslint-disable no-bitwise -- serial numbers, which are no byte counts */
import type { Origin, Tensor } from './tensor.js';

const PAGE_BITS = 9;
const PAGE_LENGTH = 1 << PAGE_BITS;

type Pages = (Int32Array | undefined)[];

export class TensorColumn {
  /** The origins of the tensors that were asked for, in the order in which they were first met: a handful. */
  readonly origins: Origin[] = [];
  readonly #pages: Pages[] = [];
  #origin: Origin | null = null;
  #current: Pages = [];

  get(tensor: Tensor): number {
    if (tensor.origin !== this.#origin) this.#turnTo(tensor.origin);
    const page = this.#current[tensor.serial >> PAGE_BITS];
    return page === undefined ? 0 : page[tensor.serial & (PAGE_LENGTH - 1)];
  }

  set(tensor: Tensor, value: number): void {
    if (tensor.origin !== this.#origin) this.#turnTo(tensor.origin);
    const number = tensor.serial >> PAGE_BITS;
    let page = this.#current[number];
    if (page === undefined) this.#current[number] = page = new Int32Array(PAGE_LENGTH);
    page[tensor.serial & (PAGE_LENGTH - 1)] = value;
  }

  #turnTo(origin: Origin): void {
    let index = 0;
    while (index < this.origins.length && this.origins[index] !== origin) index++;
    if (index === this.origins.length) {
      this.origins.push(origin);
      this.#pages.push([]);
    }
    this.#origin = origin;
    this.#current = this.#pages[index];
  }
}
