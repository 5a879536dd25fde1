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
    if (tensor.origin !== this.#origin && !this.#turnTo(tensor.origin)) this.#begin(tensor.origin);
    const number = tensor.serial >> PAGE_BITS;
    let page = this.#current[number];
    if (page === undefined) this.#current[number] = page = new Int32Array(PAGE_LENGTH);
    page[tensor.serial & (PAGE_LENGTH - 1)] = value;
  }

  /** Whether tensors of `origin` were set. */
  #turnTo(origin: Origin): boolean {
    const index = this.origins.indexOf(origin);
    if (index === -1) return false;
    this.#origin = origin;
    this.#current = this.#pages[index];
    return true;
  }

  #begin(origin: Origin): void {
    this.#origin = origin;
    this.#current = [];
    this.origins.push(origin);
    this.#pages.push(this.#current);
  }
}
