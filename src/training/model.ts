/**
 * What a model is, as far as the memory of its training depends on it.
 *
 * Invariant: plain numbers and names, in the words of Hugging Face's configurations where these have one. A family decides
 * which operations run; the numbers decide their shapes.
 */

/** A kind of model whose training graph the library can build, by the `model_type` of Hugging Face's configurations. */
export type TrainingFamily =
  | 'small-gpt'
  | 'gpt2'
  | 'opt'
  | 'bloom'
  | 'gpt-neox'
  | 'codegen'
  | 'llama'
  | 'mistral'
  | 'qwen2'
  | 'qwen3'
  | 'gemma2'
  | 'gemma3'
  | 'phi3'
  | 'mixtral'
  | 't5';

/** How the feed-forward part computes. */
export type FeedForwardActivation = 'relu' | 'gelu' | 'gelu-tanh' | 'gelu-new' | 'silu';

/** A model, described by the numbers that decide the shapes of its tensors. */
export interface TrainingModel {
  readonly family: TrainingFamily;
  readonly name: string;
  /** Rows of the table of embeddings, and columns of the logits. */
  readonly vocab: number;
  /** Elements of a token's vector between blocks. */
  readonly hidden: number;
  /** Blocks; of an encoder with a decoder, those of the encoder. */
  readonly layers: number;
  /** Blocks of the decoder; 0 without one of its own. */
  readonly decoderLayers: number;
  readonly heads: number;
  /** Heads of keys and values: fewer than `heads` where several queries share one. */
  readonly kvHeads: number;
  readonly headDim: number;
  /** Elements of a token between the two layers of the feed-forward part. */
  readonly ffn: number;
  readonly activation: FeedForwardActivation;
  /** Whether a gate is multiplied with what `activation` yields. */
  readonly isGated: boolean;
  /** Rows of the table of positions; 0 without such a table. */
  readonly positionRows: number;
  /** Elements of a token in the table of embeddings, where the model projects them to `hidden`. Else `hidden`. */
  readonly embeddingWidth: number;
  /** Whether the logits use the table of embeddings. */
  readonly tiedEmbeddings: boolean;
  /** Whether each part of a block normalises what it reads; else what it yields. */
  readonly normalizesFirst: boolean;
  /** Whether attention and feed-forward part of a block read the same tensor, side by side. */
  readonly hasParallelParts: boolean;
  /** Whether the projections of attention have biases: of queries, keys and values, and of the output. */
  readonly attentionBias: { readonly qkv: boolean; readonly output: boolean };
  /** Elements of a head that the rotation of positions turns; 0 without one. */
  readonly rotaryDim: number;
  /** Buckets of relative positions; 0 without a table of these. */
  readonly relativeBuckets: number;
  /** Experts of each block, and how many of them each token is sent to; null of a dense model. */
  readonly experts: { readonly count: number; readonly perToken: number } | null;
  /** Tokens that a block with a sliding window looks back; 0 if none has one. */
  readonly slidingWindow: number;
}
