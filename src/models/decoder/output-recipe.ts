/**
 * How a decoder's recipe says what becomes of the last layer's result, and which factors the file may give.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { ModelBuilder } from '../model-builder.js';
import type { Presence } from '../presence.js';

export interface OutputRecipe {
  /** What happens to the rows ahead of the matrix. Default: nothing. */
  readonly prepare?: (m: ModelBuilder, x: Tensor) => Tensor;
  /** Matrix of its own; without it, that of the embedding is used. Default: optional. */
  readonly weights?: Presence;
  /** Default: none. */
  readonly bias?: Presence;
  /** Name of the scores without it. Default: none. */
  readonly unbiasedLabel?: string;
  /** Changes the scores. Default: they stay as they are. */
  readonly change?: (m: ModelBuilder, scores: Tensor) => Tensor;
  /**
   * What changes the product with the matrix. `scaled`: the scale that the matrix may have in NVFP4, and adapters;
   * `adapted`: adapters; `plain`: nothing. Default `scaled`.
   */
  readonly product?: 'scaled' | 'adapted' | 'plain';
  /**
   * How many tokens get scores where the file has a matrix for them: the last ones, the others get none. Default: all.
   */
  readonly length?: number;
  /**
   * Whether the tokens of the vocabulary get no scores: the embeddings are the result. `with-embeddings`: where
   * embeddings of texts are wanted. Default false.
   */
  readonly isUnread?: boolean | 'with-embeddings';
}

/** A number of the file: required, a default, or a default that follows from others. */
export type NumberRule = 'required' | number | ((hp: Hyperparameters) => number);

export interface ScaleRecipe {
  readonly embedding?: NumberRule;
  /** Of what attention and feed-forward network add. */
  readonly residual?: NumberRule;
  readonly attention?: NumberRule;
  readonly logits?: NumberRule;
  /** Whether the scores are divided by `logits` instead. Default false. */
  readonly dividesLogits?: boolean;
  /** Whether the scores stay as they are where `logits` is zero. Default false. */
  readonly skipsZeroLogits?: boolean;
  /** Limit that the scores of attention approach. */
  readonly attentionSoftcap?: NumberRule;
  /** Limit that the scores of the vocabulary approach. */
  readonly logitSoftcap?: NumberRule;
  /** Limit that queries, keys and values are cut to. */
  readonly clamp?: NumberRule;
  /** How fast attention cools with the position. */
  readonly temperature?: NumberRule;
  /** Slope by which scores fall with the distance. */
  readonly alibiBias?: NumberRule;
}
