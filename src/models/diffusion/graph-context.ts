/**
 * The tools that build one part of a diffusion model: the context that makes tensors, the graph, and the weights.
 *
 * Invariant: tensors are made and named in the order of stable-diffusion.cpp's `GGMLRunner`, whose graphs these are
 * (commit 97d2990, 2026-08-19): the result is the last node, then come two constants that every graph has.
 */
import { Context } from '../../dialects/ggml/context.js';
import { Graph } from '../../graph/graph.js';
import type { ElementTypeName } from '../../tensor/element-type.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { PartWeights, WeightUse } from './weights.js';

/** How the operations of a part are computed. */
export interface Computation {
  /** Whether attention is computed without writing its scores to memory. */
  readonly flashAttention: boolean;
  /** Whether convolutions are computed without writing their patches to memory. */
  readonly directConvolution: boolean;
  /** Factor of what enters a convolution, against overflow; the result is divided by it. 1: none. */
  readonly convolutionScale: number;
}

/** Nothing fused, nothing scaled. */
export const PLAIN: Computation = { flashAttention: false, directConvolution: false, convolutionScale: 1 };

/** One part under construction. */
export class GraphContext {
  readonly ctx = Context.deferred();
  /** The part outside of all blocks. */
  readonly top: Scope;
  readonly #graph = new Graph();
  readonly #one: Tensor;
  readonly #zero: Tensor;

  constructor(
    readonly computation: Computation,
    readonly weights: PartWeights,
  ) {
    this.#one = this.input('f32', [1], 'ggml_runner_build_in_tensor:one');
    this.#zero = this.input('i32', [1], 'ggml_runner_build_in_tensor:zero_int');
    this.top = new Scope(this, '');
  }

  /** A leaf that is set before every run. Default name: `leaf_N`. */
  input(type: ElementTypeName, ne: readonly number[], name = ''): Tensor {
    return this.ctx.setInput(this.ctx.newTensor(type, ne, name));
  }

  /** The constant 1. */
  get one(): Tensor {
    return this.#one;
  }

  /** The graph that computes `result`. */
  finish(result: Tensor): Graph {
    this.#graph.expand(result);
    this.ctx.setName(this.#graph.nodes.at(-1)!, 'ggml_runner_final_result_tensor');
    this.#graph.expand(this.#one).expand(this.#zero);
    this.weights.name();
    return this.#graph;
  }
}

/** A block of a part: its weights have short names here. */
export class Scope {
  constructor(
    readonly g: GraphContext,
    /** What the names of its weights begin with: empty, or ending in a dot. */
    readonly prefix: string,
  ) {}

  get ctx(): Context {
    return this.g.ctx;
  }

  /** A block inside this one: `at('attn1')` has `attn1.to_q.weight` as `to_q.weight`. */
  at(name: string): Scope {
    return new Scope(this.g, `${this.prefix}${name}.`);
  }

  /** A weight of this block, by its name here. */
  weight(name: string, ne: readonly number[], use: WeightUse): Tensor {
    return this.g.weights.get(this.prefix + name, ne, use);
  }

  /** Names a tensor as the end of a stretch of the graph that stable-diffusion.cpp may run by itself. */
  markCut(tensor: Tensor, stretch: string, label: string): Tensor {
    return this.ctx.setName(tensor, `ggml_runner_cut:${stretch}|${label}|`);
  }
}
