/**
 * The tools that build an architecture: the context that makes tensors, the graph that they join, weights and caches.
 *
 * Invariant: tensors are named, and join the graph, at the same moments as in llama.cpp; `node_N`, and names that ggml
 * derives from other names, depend on these moments.
 */
import { Context } from '../dialects/ggml/context.js';
import { Graph } from '../graph/graph.js';
import type { ElementTypeName } from '../tensor/element-type.js';
import type { Tensor } from '../tensor/tensor.js';
import type { GraphAdapter } from './adapter.js';
import type { Hyperparameters, LayerHeads } from './hyperparameters.js';
import type { ModelMemory } from './memory/model-memory.js';
import type { Batch, ResolvedModelOptions } from './options.js';
import type { Target } from './target.js';
import type { LayerWeights, WeightReader, Weights } from './weights.js';

/** One forward pass under construction. */
export class ModelBuilder<H extends Hyperparameters = Hyperparameters> {
  readonly ctx = Context.deferred();
  readonly graph = new Graph();
  /** The model outside of its layers. */
  readonly top: Scope<H>;

  constructor(
    readonly hp: H,
    readonly run: ResolvedModelOptions,
    readonly batch: Batch,
    readonly weights: Weights,
    readonly memory: ModelMemory,
    /** LoRA adapters that are applied. */
    readonly adapters: readonly GraphAdapter[] = [],
    /** The model whose tokens this one guesses, if it is a draft and was given that model. */
    readonly target: Target | null = null,
  ) {
    this.top = new Scope<H>(this, weights.inLayer(null), '');
  }

  /**
   * The layers that a token goes through, first to last.
   *
   * @param stack how the names of their weights begin, where a model has several stacks of layers
   */
  layers(stack = 'blk', count = this.hp.layerCount): Layer<H>[] {
    return Array.from({ length: count }, (_, layer) => new Layer<H>(this, layer, { stack }));
  }

  /** The layers after {@link layers}, which predict further tokens. */
  predictLayers(): Layer<H>[] {
    const { layerCount, predictLayerCount } = this.hp;
    return Array.from({ length: predictLayerCount }, (_, layer) => new Layer<H>(this, layerCount + layer));
  }

  /** A leaf that is set before every run. Default name: `leaf_N`. */
  input(type: ElementTypeName, ne: readonly number[], name = ''): Tensor {
    return this.ctx.setInput(this.ctx.newTensor(type, ne, name));
  }
}

/** A part of a model in which weights and results have short names. */
export class Scope<H extends Hyperparameters = Hyperparameters> {
  readonly #weights: LayerWeights;

  /** @param suffix of the names of results */
  constructor(
    readonly model: ModelBuilder<H>,
    weights: LayerWeights,
    readonly suffix: string,
  ) {
    this.#weights = weights;
  }

  get ctx(): Context {
    return this.model.ctx;
  }

  get hp(): H {
    return this.model.hp;
  }

  /**
   * `attn_q.weight` of layer 3 is `blk.3.attn_q.weight`.
   *
   * @param reader who reads it, where several do: each may find it in memory of its own
   * @throws PlannerError `BAD_MODEL`
   */
  weight(name: string, ne: readonly number[], reader?: WeightReader): Tensor {
    return this.#weights.get(name, ne, reader);
  }

  /** As {@link weight}, or null if the file has none. */
  optionalWeight(name: string, ne: readonly number[], reader?: WeightReader): Tensor | null {
    return this.#weights.find(name, ne, reader);
  }

  /** The shape that the file lists a tensor in; null if it has none of this name. */
  listedShape(name: string): readonly number[] | null {
    return this.#weights.shapeOf(name);
  }

  /** Names a result: `Qcur` in layer 3 is `Qcur-3`. */
  named(tensor: Tensor, label: string): Tensor {
    return this.ctx.setName(tensor, label + this.suffix);
  }

  /** Adds a tensor, and all tensors that it needs, to the graph now. */
  expand(tensor: Tensor): Tensor {
    this.model.graph.expand(tensor);
    return tensor;
  }
}

/** One layer. */
export class Layer<H extends Hyperparameters = Hyperparameters> extends Scope<H> {
  /** The layer of the file whose weights it has. */
  readonly source: number;

  /**
   * @param stack the part of the model that it belongs to, as names of weights begin. Default `blk`
   * @param source default `index`; another one where a model runs through its layers again
   */
  constructor(
    model: ModelBuilder<H>,
    readonly index: number,
    { stack = 'blk', source = index } = {},
  ) {
    super(model, model.weights.inLayer(source, stack), `-${index}`);
    this.source = source;
  }

  /** Whether no layer follows. Those behind the model's layers, which predict further tokens, run one at a time. */
  get isLast(): boolean {
    return this.index >= this.hp.layerCount - 1;
  }

  get heads(): LayerHeads {
    return this.hp.attention.layers[this.index];
  }

  /** Elements between up and down of the feed-forward network. */
  get feedForwardLength(): number {
    return this.hp.feedForwardLengths[this.index];
  }
}
