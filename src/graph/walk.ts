/**
 * Walks over what a graph doesn't have yet, depth first.
 *
 * Invariant: a tensor is met once in the life of a graph. There are no cycles, since a tensor is made after all that it
 * needs. Iterative: chains may be millions long. A model grows by many small steps, so both lists keep their room between
 * walks: entries at or above a count are leftovers.
 */
import { PlannerError, subject } from '../errors.js';
import type { TensorColumn } from '../tensor/tensor-column.js';
import type { Tensor } from '../tensor/tensor.js';

export class Walk {
  /** What the last walk met, dependencies first: entries below `foundCount`. */
  readonly found: Tensor[] = [];
  foundCount = 0;
  /** Above 0 for each tensor that was met. */
  readonly #isMet: TensorColumn;
  readonly #path: Tensor[] = [];
  readonly #nextNeeds: number[] = [];
  #depth = 0;

  /** @param isMet above 0 for each tensor that is not to be met */
  constructor(isMet: TensorColumn) {
    this.#isMet = isMet;
  }

  /**
   * Finds tensors below and including `start` that were not met before.
   *
   * @throws PlannerError `BAD_OPERAND`; nothing counts as met then
   */
  from(start: Tensor): void {
    this.foundCount = 0;
    this.#meet(start);
    while (this.#depth > 0) {
      const top = this.#path[this.#depth - 1];
      const next = this.#nextNeeds[this.#depth - 1]++;
      if (next <= top.sources.length) {
        const need = needOf(top, next);
        if (need !== null) this.#meet(need);
      } else {
        this.found[this.foundCount++] = top;
        this.#depth--;
      }
    }
  }

  #meet(tensor: Tensor): void {
    if (!this.#isMet.add(tensor)) return;
    if (tensor.origin.replaced?.has(tensor)) this.#giveUp(tensor);
    if (tensor.sources.length === 0 && tensor.destination === null) {
      this.found[this.foundCount++] = tensor;
      return;
    }
    this.#path[this.#depth] = tensor;
    this.#nextNeeds[this.#depth++] = 0;
  }

  #giveUp(tensor: Tensor): never {
    const reader = this.#depth === 0 ? null : this.#path[this.#depth - 1];
    this.#isMet.set(tensor, 0);
    for (let index = 0; index < this.foundCount; index++) this.#isMet.set(this.found[index], 0);
    for (let index = 0; index < this.#depth; index++) this.#isMet.set(this.#path[index], 0);
    this.#depth = 0;
    throw replacedTensor(tensor, reader);
  }
}

/** What a tensor needs before it can be computed, in ggml's order: its sources, then its destination. */
function needOf({ sources, destination }: Tensor, index: number): Tensor | null {
  return index === sources.length ? destination : (sources[index] ?? null);
}

export function replacedTensor(tensor: Tensor, reader: Tensor | null): PlannerError {
  const { label } = tensor;
  const who = reader === null ? 'The graph contains' : `${subject(reader.label)} reads`;
  return new PlannerError('BAD_OPERAND', {
    message: `${who} ${label}, but setOutput has returned another tensor in its place.`,
    culprit: label,
    value: 'the tensor that setOutput was given',
    limit: 'the tensor that setOutput returned',
    remedy: 'Use the tensor that setOutput returned, and call setOutput before anything reads the result.',
  });
}
