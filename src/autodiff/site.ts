/**
 * One node about to be differentiated, as its rule sees it; and the gradients that have been found so far.
 *
 * Invariant: the first contribution to a gradient becomes it; each further one is added by a node of its own, which writes in
 * place only into an accumulator. That is how ggml adds gradients, so that names, nodes and their order are ggml's.
 */
import type { Context } from '../dialects/ggml/context.js';
import { hasContiguousRows, hasEvenRows } from '../dialects/ggml/shape.js';
import { PlannerError } from '../errors.js';
import { Settings } from '../exec/settings.js';
import { isContiguous, sameShape } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';
import type { GrowingGraph } from './growing-graph.js';

/** The gradients of a graph while they are found. */
export class GradientState {
  readonly context: Context;
  readonly graph: GrowingGraph;
  /** Tensors that need a gradient. */
  readonly needed = new Set<Tensor>();
  /** By tensor, what its gradient is so far. */
  readonly gradients = new Map<Tensor, Tensor>();
  readonly #accumulators: ReadonlyMap<Tensor, Tensor>;

  constructor(context: Context, graph: GrowingGraph, accumulators: ReadonlyMap<Tensor, Tensor>) {
    this.context = context;
    this.graph = graph;
    this.#accumulators = accumulators;
  }

  /** Says that `tensor` needs a gradient, which begins at its accumulator if it has one. */
  need(tensor: Tensor): void {
    this.needed.add(tensor);
    const accumulator = this.#accumulators.get(tensor);
    if (accumulator !== undefined) this.gradients.set(tensor, accumulator);
  }

  /**
   * Puts `first` in place of a gradient that is not there yet, or what `more` makes of the one that is.
   *
   * @param more whose option says whether it may write into the gradient that it is given
   */
  update(
    tensor: Tensor,
    first: () => Tensor,
    more: (sum: Tensor, option: { readonly inPlace: boolean }) => Tensor,
  ): void {
    const sum = this.gradients.get(tensor);
    const gradient = sum === undefined ? first() : more(sum, { inPlace: this.#accumulators.has(tensor) });
    this.context.setName(gradient, `grad for ${tensor.name}`);
    this.gradients.set(tensor, gradient);
    this.graph.expand(gradient);
  }
}

/** A node, its gradient, and the gradients of its operands. */
export class Site extends Settings {
  readonly context: Context;
  /** The gradient of the node's result, of its shape. */
  readonly gradient: Tensor;
  readonly #state: GradientState;

  constructor(node: Tensor, gradient: Tensor, state: GradientState) {
    super(node);
    this.context = state.context;
    this.gradient = gradient;
    this.#state = state;
  }

  /** The operand in a slot that is never empty. */
  operand(slot: number): Tensor {
    return this.node.sources[slot] ?? this.failEmpty(slot);
  }

  /** The operand in a slot that may be empty. */
  optional(slot: number): Tensor | null {
    return this.node.sources[slot] ?? null;
  }

  needs(slot: number): boolean {
    const operand = this.node.sources[slot] ?? null;
    return operand !== null && this.#state.needed.has(operand);
  }

  /** Adds what `make` makes, of the operand's shape, to the gradient of an operand. */
  add(slot: number, make: () => Tensor): void {
    if (!this.needs(slot)) return;
    const part = make();
    this.#state.update(
      this.operand(slot),
      () => part,
      (sum, option) => this.context.add(sum, part, option),
    );
  }

  /** Subtracts what `make` makes from the gradient of an operand. */
  subtract(slot: number, make: () => Tensor): void {
    if (!this.needs(slot)) return;
    const part = make();
    this.#state.update(
      this.operand(slot),
      () => this.context.neg(hasContiguousRows(part) ? part : this.context.cont(part)),
      (sum, option) => this.context.sub(sum, part, option),
    );
  }

  /** Adds a single element to every element of the gradient of an operand. */
  addOne(slot: number, make: () => Tensor): void {
    if (!this.needs(slot)) return;
    const part = make();
    const operand = this.operand(slot);
    this.#state.update(
      operand,
      () => this.context.repeat(part, operand.ne),
      (sum, option) => this.context.add1(sum, part, option),
    );
  }

  /** Adds what `make` makes to a part of the gradient of an operand: at `offset`, with byte strides of an f32 tensor. */
  accumulate(slot: number, make: () => Tensor, nb: readonly [number, number, number], offset: number): void {
    if (!this.needs(slot)) return;
    const part = make();
    const operand = this.operand(slot);
    const ctx = this.context;
    this.#state.update(
      operand,
      () => ctx.acc(this.scaled(operand.type.name === 'f32' ? operand : ctx.cast(operand, 'f32'), 0), part, nb, offset),
      (sum, option) => ctx.acc(isContiguous(sum) ? sum : ctx.cont(sum), part, nb, offset, option),
    );
  }

  /** `a`, or a contiguous copy where it isn't contiguous. */
  contiguous(a: Tensor): Tensor {
    return isContiguous(a) ? a : this.context.cont(a);
  }

  /** `a × factor + bias`, of a copy where rows are not at equal distances. */
  scaled(a: Tensor, factor: number, bias = 0): Tensor {
    return this.context.scale(this.packed(a), factor, { bias });
  }

  /** `a`, or a copy where the rows of `a` are not dense and at equal distances, which some operations ask for. */
  packed(a: Tensor): Tensor {
    return hasEvenRows(a) ? a : this.context.cont(a);
  }

  /** `a` summed over what was repeated to get its shape from `like`'s. */
  summedTo(a: Tensor, like: Tensor): Tensor {
    return sameShape(a, like) ? a : this.context.repeatBack(a, like.ne);
  }

  /** Throws where the rule does not reach. @throws PlannerError `NO_GRADIENT` */
  refuse(value: string, limit: string, remedy: string): never {
    throw noGradient(this.node, value, limit, remedy);
  }
}

export function noGradient(node: Tensor, value: string, limit: string, remedy: string): PlannerError {
  const culprit = node.label;
  return new PlannerError('NO_GRADIENT', {
    message: `The gradient of ${node.op} (${culprit}) is not known: ${value}.`,
    culprit,
    value,
    limit,
    remedy,
  });
}
