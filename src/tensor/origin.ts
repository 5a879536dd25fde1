/**
 * Where tensors are made, such as a context or a graph file: numbers them, and collects what is said of them.
 *
 * Invariant: the tensors of an origin have the serial numbers 0, 1, 2, … in the order in which they were made.
 */
import type { Tensor } from './tensor.js';

export class Origin {
  /** Tensors made so far. */
  count = 0;
  /** Grows with every mark and replacement: what a graph took over before is stale. */
  revision = 0;
  readonly #inputs = new Set<Tensor>();
  readonly #outputs = new Set<Tensor>();
  /** Null at first: walks ask about every tensor. */
  #replaced: Set<Tensor> | null = null;

  /** Tensors that are set from outside before every run. */
  get inputs(): ReadonlySet<Tensor> {
    return this.#inputs;
  }

  /** Tensors that are read from outside after the run. */
  get outputs(): ReadonlySet<Tensor> {
    return this.#outputs;
  }

  /** Tensors for which others stand now: no graph may contain them. Null without any. */
  get replaced(): ReadonlySet<Tensor> | null {
    return this.#replaced;
  }

  markInput(tensor: Tensor): void {
    this.#inputs.add(tensor);
    this.revision++;
  }

  markOutput(tensor: Tensor): void {
    this.#outputs.add(tensor);
    this.revision++;
  }

  /** Lets `successor` stand for `tensor`, with the same marks. */
  replace(tensor: Tensor, successor: Tensor): void {
    this.#replaced ??= new Set();
    this.#replaced.add(tensor);
    this.revision++;
    if (this.#inputs.has(tensor)) successor.origin.markInput(successor);
    if (this.#outputs.has(tensor)) successor.origin.markOutput(successor);
  }
}
