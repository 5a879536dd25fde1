/**
 * The inputs of a graph, made when they are first read.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { attentionInputs, type AttentionInputs } from '../blocks/attention.js';
import { wantedTokens } from '../blocks/inputs.js';
import { stateInputs, type StateInputs } from '../blocks/recurrent-state.js';
import type { ModelBuilder } from '../model-builder.js';
import { positionsPerToken } from '../rope-scaling.js';
import type { DecoderInputs } from './recipe.js';

export class Inputs implements DecoderInputs {
  readonly #model: ModelBuilder;
  #positions: Tensor | undefined;
  #attention: AttentionInputs | undefined;
  #states: StateInputs | undefined;
  #temperature: Tensor | undefined;
  #wanted: Tensor | undefined;

  constructor(
    model: ModelBuilder,
    readonly rows: Tensor,
  ) {
    this.#model = model;
  }

  get positions(): Tensor {
    const { batch, hp } = this.#model;
    return (this.#positions ??= this.#model.input('i32', [batch.tokens * positionsPerToken(hp.rope)]));
  }

  get attention(): AttentionInputs {
    return (this.#attention ??= attentionInputs(this.#model));
  }

  get states(): StateInputs {
    return (this.#states ??= stateInputs(this.#model));
  }

  get temperature(): Tensor {
    return (this.#temperature ??= this.#model.input('f32', [1, 1, this.#model.batch.tokens], 'attn_scale'));
  }

  get wanted(): Tensor {
    return (this.#wanted ??= wantedTokens(this.#model));
  }
}
