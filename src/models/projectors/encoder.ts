/**
 * The tools that build one encoder of a projector: the context that makes tensors, the graph that they join, the weights.
 *
 * Invariant: tensors are named, and join the graph, at the same moments as in llama.cpp's `clip_graph`; names that ggml
 * derives from other names depend on these moments.
 */
import { Context } from '../../dialects/ggml/context.js';
import { Graph } from '../../graph/graph.js';
import type { ElementTypeName } from '../../tensor/element-type.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { EncoderNumbers } from './numbers.js';
import type { EncoderWeights } from './weights.js';

/** What an encoder is given: an image in pixels, or a sound in frames and the numbers of each frame. */
export interface EncoderInput {
  readonly width: number;
  readonly height: number;
}

/** One encoder under construction. */
export class Encoder {
  readonly ctx = Context.deferred();
  readonly graph = new Graph();
  /** The encoder outside of its layers. */
  readonly top: EncoderScope;
  /** Patches of a row of the image, and rows. */
  readonly columns: number;
  readonly rows: number;

  constructor(
    readonly numbers: EncoderNumbers,
    /** For the keys that only this kind of projector has. */
    readonly reader: MetadataReader,
    readonly given: EncoderInput,
    readonly flashAttention: boolean,
    readonly weights: EncoderWeights,
  ) {
    this.top = new EncoderScope(this, '', '');
    this.columns = Math.floor(given.width / numbers.patchSize);
    this.rows = Math.floor(given.height / numbers.patchSize);
  }

  get patchCount(): number {
    return this.columns * this.rows;
  }

  /** A leaf that is set before every run. */
  input(type: ElementTypeName, ne: readonly number[], name: string): Tensor {
    return this.ctx.setInput(this.ctx.newTensor(type, ne, name));
  }

  /** The image or sound itself. */
  rawInput(channels = 3): Tensor {
    return this.input('f32', [this.given.width, this.given.height, channels, 1], 'inp_raw');
  }

  /** A layer; its weights are called `stack.N.part`. */
  layer(index: number, stack = `${this.numbers.prefix}.blk`): EncoderScope {
    return new EncoderScope(this, `${stack}.${index}.`, `-${index}`);
  }
}

/** A part of an encoder in which weights and results have short names. */
export class EncoderScope {
  constructor(
    readonly encoder: Encoder,
    /** What the names of its weights begin with: empty, or ending in a dot. */
    readonly prefix: string,
    /** What the names of its results end with. */
    readonly suffix: string,
  ) {}

  get ctx(): Context {
    return this.encoder.ctx;
  }

  get numbers(): EncoderNumbers {
    return this.encoder.numbers;
  }

  /** @throws PlannerError `BAD_MODEL` if the file has none of this name */
  weight(name: string): Tensor {
    return this.encoder.weights.get(this.prefix + name);
  }

  /** As {@link weight}, or null if the file has none. */
  optionalWeight(name: string): Tensor | null {
    return this.encoder.weights.find(this.prefix + name);
  }

  /** The same part where names of results end otherwise. */
  called(suffix: string): EncoderScope {
    return new EncoderScope(this.encoder, this.prefix, suffix);
  }

  /** Names a result: `Qcur` in layer 3 is `Qcur-3`. */
  named(tensor: Tensor, label: string): Tensor {
    return this.ctx.setName(tensor, label + this.suffix);
  }
}
