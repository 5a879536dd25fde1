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
import type { Hyperparameters } from './hyperparameters.js';
import type { ModelMemory } from './model-memory.js';
import type { Batch, ResolvedModelOptions } from './options.js';
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
  ) {
    this.top = new Scope<H>(this, null);
  }

  /** The layers that a token goes through, first to last. */
  layers(): Scope<H>[] {
    return Array.from({ length: this.hp.layerCount }, (_, layer) => new Scope<H>(this, layer));
  }

  /** The layers after {@link layers}, which predict further tokens. */
  predictLayers(): Scope<H>[] {
    const { layerCount, predictLayerCount } = this.hp;
    return Array.from({ length: predictLayerCount }, (_, layer) => new Scope<H>(this, layerCount + layer));
  }

  /** A leaf that is set before every run. Default name: `leaf_N`. */
  input(type: ElementTypeName, ne: readonly number[], name = ''): Tensor {
    return this.ctx.setInput(this.ctx.newTensor(type, ne, name));
  }
}

/** A part of a model in which weights and results have short names: one layer, or everything outside of layers. */
export class Scope<H extends Hyperparameters = Hyperparameters> {
  readonly #weights: LayerWeights;

  constructor(
    readonly model: ModelBuilder<H>,
    /** Index of the layer; null outside of layers. */
    readonly layer: number | null,
  ) {
    this.#weights = model.weights.inLayer(layer);
  }

  get ctx(): Context {
    return this.model.ctx;
  }

  get hp(): H {
    return this.model.hp;
  }

  get isLastLayer(): boolean {
    return this.layer === this.hp.layerCount - 1;
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

  /** Names a result: `Qcur` in layer 3 is `Qcur-3`. */
  named(tensor: Tensor, label: string): Tensor {
    return this.ctx.setName(tensor, this.layer === null ? label : `${label}-${this.layer}`);
  }

  /** Adds a tensor, and all tensors that it needs, to the graph now. */
  expand(tensor: Tensor): Tensor {
    this.model.graph.expand(tensor);
    return tensor;
  }
}
