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
  /** The origins of the tensors that were set, in the order in which they were first met: a handful. */
  readonly origins: Origin[] = [];
  readonly #pages: Pages[] = [];
  #origin: Origin | null = null;
  #current: Pages = [];

  get(tensor: Tensor): number {
    if (tensor.origin !== this.#origin && !this.#turnTo(tensor.origin)) return 0;
    const page = this.#current[tensor.serial >> PAGE_BITS];
    return page === undefined ? 0 : page[tensor.serial & (PAGE_LENGTH - 1)];
  }

  set(tensor: Tensor, value: number): void {
    this.#pageFor(tensor)[tensor.serial & (PAGE_LENGTH - 1)] = value;
  }

  /** Sets a tensor to 1 unless it has a number, and returns whether it had none. */
  add(tensor: Tensor): boolean {
    const page = this.#pageFor(tensor);
    const index = tensor.serial & (PAGE_LENGTH - 1);
    if (page[index] !== 0) return false;
    page[index] = 1;
    return true;
  }

  #pageFor({ origin, serial }: Tensor): Int32Array {
    if (origin !== this.#origin && !this.#turnTo(origin)) this.#begin(origin);
    return (this.#current[serial >> PAGE_BITS] ??= new Int32Array(PAGE_LENGTH));
  }

  /** Whether tensors of `origin` were set. */
  #turnTo(origin: Origin): boolean {
    const { origins } = this;
    for (let index = 0; index < origins.length; index++) {
      if (origins[index] !== origin) continue;
      this.#origin = origin;
      this.#current = this.#pages[index];
      return true;
    }
    return false;
  }

  #begin(origin: Origin): void {
    this.#origin = origin;
    this.#current = [];
    this.origins.push(origin);
    this.#pages.push(this.#current);
  }
}
