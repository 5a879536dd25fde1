/**
 * The vocabulary in which a decoder says what is special about it.
 *
 * A recipe without any entry is Llama: rows normalised by their root mean square ahead of attention and of a gated
 * feed-forward network, grouped heads that turn with the position, and a score for every token of the vocabulary. Each
 * entry names one deviation; a function in the place of an entry builds what no vocabulary should hold.
 */
import type { RopeMode } from '../../dialects/ggml/ops/attention.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { AttentionInputs, Heads, ProjectionOptions } from '../blocks/attention.js';
import type { GateRecipe } from '../blocks/attention-gate.js';
import type { ClassifierRecipe } from '../blocks/pooling.js';
import type { FinalNorm } from '../blocks/inputs.js';
import type { FeedForwardRecipe } from '../blocks/feed-forward.js';
import type { StateInputs } from '../blocks/recurrent-state.js';
import type { Presence } from '../presence.js';
import type { MixtureRecipe } from '../blocks/mixture.js';
import type { NormOptions } from '../blocks/norm.js';
import type { NormRecipe } from '../norm-recipe.js';
import type { FrequencyFactors } from '../blocks/rope.js';
import type { GraphRoom } from '../graph-limit.js';
import type { HeadRules } from '../head-rules.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import type { WindowRecipe } from '../sliding-window.js';
import type { OutputRecipe, ScaleRecipe } from './output-recipe.js';

export type DecoderRecipe<H extends Hyperparameters = Hyperparameters> = RecipeEntries<H> & Arrangement<H>;

/** Where attention and network always stand side by side, entries that only one after the other heeds must be missing. */
type Arrangement<H extends Hyperparameters> =
  | { readonly residual?: ((hp: H) => ParallelResidual | null) | undefined }
  | {
      readonly residual: ParallelResidual;
      readonly norms?: { readonly afterAttention?: never; readonly afterFeedForward?: never } | undefined;
      readonly labels?:
        { readonly attentionSum?: never; readonly layer?: never; readonly residualFirst?: never } | undefined;
      readonly scales?: { readonly residual?: never } | undefined;
    };

/** All entries, whether or not they go together. */
export interface RecipeEntries<H extends Hyperparameters = Hyperparameters> {
  /** Default: by the root mean square, with weights. */
  readonly norm?: NormRecipe | ((reader: MetadataReader) => NormRecipe);
  readonly embedding?: EmbeddingRecipe;
  /** How heads turn with the position; null: not at all. Default: neighbouring elements form pairs. */
  readonly rope?: RopeRecipe<H> | null;
  /** Layers that look back at a limited number of tokens. Default: none. */
  readonly window?: WindowRecipe;
  /** Rules for the heads that llama.cpp insists on; null: none, not even the usual ones. */
  readonly headRules?: HeadRules | null;
  /** From a layer's normalised input to what is added to the residual. */
  readonly attention?: AttentionRecipe | BlockMaker<H>;
  /** What layers with a state have in the place of attention. Default: no layer has a state. */
  readonly recurrence?: BlockMaker<H>;
  /**
   * `read`: attention looks at cached keys and values; `unread`: it looks at those of the batch, though there is a
   * cache; `none`: there is none. Default `read`.
   */
  readonly cache?: 'read' | 'unread' | 'none';
  /** Whether a token sees only the tokens before it. Default: the file says. */
  readonly isCausal?: false;
  /** Norms around attention and feed-forward network. */
  readonly norms?: NormPlaces | ((hp: H) => NormPlaces);
  /**
   * How attention and feed-forward network join the residual. Side by side, there are neither norms behind them nor names
   * of sums nor a factor of the residual. Default: one after the other.
   */
  readonly residual?: ParallelResidual | ((hp: H) => ParallelResidual | null);
  /** Names of sums. */
  readonly labels?: SumLabels;
  /** The dense network. A function builds the experts as well. Default: gated by silu. */
  readonly feedForward?: FeedForwardRecipe | Block<H>;
  /** The mixture of experts in place of the dense network. Default: none. */
  readonly experts?: MixtureRecipe;
  /** The norm after the last layer. Default: `output_norm`, `result_norm`; null: none. */
  readonly finalNorm?: FinalNorm | null;
  readonly output?: OutputRecipe;
  /** What scores whole texts. Default: nothing. */
  readonly classifier?: ClassifierRecipe;
  /** Factors that the file may give. Default: none is read. */
  readonly scales?: ScaleRecipe;
  /**
   * Whether the file may hold layers that predict further tokens; `uncached`: they have no cache. Default: it may not.
   */
  readonly predicts?: 'cached' | 'uncached';
  /**
   * Which tensors of these layers the file must hold. `all-or-none`: another file may hold all of them; `unchecked`: the
   * file may lack any. Default `all`.
   */
  readonly predictTensors?: PredictTensors | ((s: Layer<H>) => void);
  /** How these layers run as a context of their own. Default: llama.cpp runs the whole model there. */
  readonly prediction?: PredictionRecipe<H>;
  /** Last changes of the numbers that the file gives. */
  readonly adjust?: (hp: Hyperparameters, reader: MetadataReader) => H;
  /**
   * After which part only the wanted tokens are kept: the last layer's `attention`, its norm, all layers, or the norm
   * after them; `nothing`: all tokens get scores. Default `attention`.
   */
  readonly keepsWantedAfter?: 'attention' | 'attention-norm' | 'layers' | 'final-norm' | 'nothing';
  /** Whether llama.cpp takes snapshots of what a sequence keeps, to go back where a draft was wrong. Default false. */
  readonly hasSnapshots?: boolean;
  /** How large llama.cpp lets the graph be. Default: as large as most. */
  readonly graphRoom?: GraphRoom;
  /** What happens to the embeddings ahead of the first layer. */
  readonly begin?: (m: ModelBuilder<H>, x: Tensor, inputs: DecoderInputs) => Tensor;
  /** A whole layer in place of the one that the other entries describe. */
  readonly layer?: BlockMaker<H>;
  /** From the last layer's result to the embedding of the text. Default: the final norm. */
  readonly conclude?: (m: ModelBuilder<H>, x: Tensor, inputs: DecoderInputs) => Tensor;
  /** What is left to ask of the file when the graph is complete. */
  readonly end?: (m: ModelBuilder<H>) => void;
}

/** Which tensors of the layers that predict further tokens a file must hold. */
export type PredictTensors = 'all' | 'all-or-none' | 'unchecked';

/** The graph of a layer that predicts further tokens: the last token guessed, and what the model said of it. */
export interface PredictionRecipe<H extends Hyperparameters = Hyperparameters> {
  /** Whether there may be only one such layer; of several, the graph has the first. Default: only one. */
  readonly count?: 'one' | 'several';
  /** What is special about the layer, or the whole layer. Default: it is as the others. */
  readonly layer?: DecoderRecipe<H> | BlockMaker<H>;
  /** From the two norms to what the layer reads. Default: side by side, times a matrix. */
  readonly join?: (s: Layer<H>, embedded: Tensor, result: Tensor) => Tensor;
  /**
   * After which part only the wanted tokens are kept: the norm behind the layer, the layer, or the part of it that the
   * layer's recipe names. Default `norm`.
   */
  readonly keepsWantedAfter?: 'norm' | 'layer' | 'part';
  /** From the wanted rows, where they are kept after the layer, to what the norm reads. Default: they stay as they are. */
  readonly conclude?: (s: Layer<H>, kept: Tensor) => Tensor;
  /**
   * Names of the weights of a norm of the layer's own, without `.weight`: the first that the file holds; without any, the
   * norm is the model's. Default: `nextn.shared_head_norm`.
   */
  readonly norms?: readonly string[];
  /** What differs from the norms of the rest of the model. Default: nothing. */
  readonly norm?: (s: Layer<H>) => NormOptions;
  /** Whether the rows behind the norm are a result, too. Default false. */
  readonly givesEmbeddings?: boolean;
  /** Whether the file must not hold tables of embeddings and scores of the layer's own. Default false. */
  readonly isShared?: boolean;
  /** What else is refused. @throws PlannerError `BAD_MODEL`, `BAD_ARGUMENT` */
  readonly check?: (s: Layer<H>) => void;
}

/** A part of a layer: from its input to its result. */
export type Block<H extends Hyperparameters = Hyperparameters> = (s: Layer<H>, x: Tensor) => Tensor;

/** Makes what all layers of a graph share, once, and gives the part of a layer that reads it. */
export type BlockMaker<H extends Hyperparameters = Hyperparameters> = (
  m: ModelBuilder<H>,
  inputs: DecoderInputs,
) => Block<H>;

/** The inputs that every layer reads besides the tokens. */
export interface DecoderInputs {
  /** The embeddings before they are scaled, as `tokenRows` makes them. */
  readonly rows: Tensor;
  /** The position of each token. */
  readonly positions: Tensor;
  readonly attention: AttentionInputs;
  /** The rows that the states of sequences come from. */
  readonly states: StateInputs;
  /** A factor of the queries per token, by which attention cools in long contexts. */
  readonly temperature: Tensor;
  /** The tokens whose logits are wanted. */
  readonly wanted: Tensor;
}

export interface EmbeddingRecipe {
  /** A table of its own; without it, a second copy of the output's matrix is used. Default: required. */
  readonly weights?: Presence;
  /** A factor that follows from the width, and the name of the result. Default: none. */
  readonly scaled?: string;
  /** Another name of the embeddings. Default: none. */
  readonly label?: string;
  /** A normalisation of the embeddings by `token_embd_norm`. Default: none. */
  readonly isNormalised?: boolean;
  /** A table of learned positions, which are added. Default: none. */
  readonly positions?: Presence;
}

export interface RopeRecipe<H extends Hyperparameters = Hyperparameters> {
  /** How a head's elements are paired. Default `normal`: neighbours. */
  readonly mode?: RopeMode;
  /** Divisors of the frequencies that the file may have. Default: none. */
  readonly factors?: FrequencyFactors | ((s: Layer) => FrequencyFactors);
  /** The layers whose heads turn. Default: all. */
  readonly layers?: (s: Layer<H>) => boolean;
  /** Whether the file may give limits of YaRN, and the default of the fast one. Default: it may not. */
  readonly yarnBetaFast?: number;
  /**
   * Whether the file lists how many pairs turn with each of several positions. `optional`: if it does, heads turn in mode
   * `mrope`. Default: none.
   */
  readonly sections?: Presence;
  /** Names of heads that have turned; null: none. Default `Qcur`, `Kcur` and `Vcur`, even of heads that do not turn. */
  readonly labels?: Partial<Record<'q' | 'k' | 'v', string | null>>;
}

export interface AttentionRecipe extends ProjectionOptions {
  /** Queries, keys and values of the normalised input. Default: products with matrices of a usual kind. */
  readonly project?: (s: Layer, x: Tensor) => Heads;
  /** Norms of queries and keys. Default: none. */
  readonly headNorms?: HeadNormRecipe;
  /** Factor of the scores. Default: one over the square root of the key's length, unless the file gives a factor. */
  readonly scale?: (s: Layer) => number;
  /** Whether that factor is applied to the queries, ahead of attention. `Qcur`: its name. Default: to the scores. */
  readonly scaledQuery?: string | null;
  /** One score per head that takes part in the sum but has no value. Default: none. */
  readonly sinks?: Presence;
  /** Factors of what heads have looked up. Default: none. */
  readonly gate?: GateRecipe;
  /** Bias of the matrix at the end. Default: none. */
  readonly outputBias?: Presence;
  /** Name of the result. Default: none. */
  readonly label?: string;
}

export interface HeadNormRecipe {
  /** What differs from the norms of the rest of the model. Default: no bias. */
  readonly norm?: Partial<NormRecipe>;
  /**
   * What is one row: `head`, each head, with the same weights; `own`: each head, with weights of its own; `all`: all
   * heads together. Default `head`.
   */
  readonly span?: 'head' | 'own' | 'all';
  /** Whether heads are normalised after they have turned. Default false. */
  readonly isAfterTurn?: boolean;
  /** The layers that have these norms. Default: all. */
  readonly isUsed?: (s: Layer) => boolean;
  /** Names of the results: `Qcur_` and this. Default `normed`; null: `Qcur`. */
  readonly label?: string | null;
}

/** A norm and the name of its result. */
export interface NormPlace extends Partial<NormRecipe> {
  /** Name of the weights without `.weight`. */
  readonly part: string;
  /** Whether that is their whole name. Default false. */
  readonly isBare?: boolean;
  /** Null: none. */
  readonly label: string | null;
  /** Whether the intermediate result is named as outside of layers, and the result, too. Default: neither. */
  readonly isLabelledOutside?: 'inner' | 'both';
}

export interface NormPlaces {
  /** Default: `attn_norm`; null: none. */
  readonly beforeAttention?: NormPlace | null;
  /** Default: none. */
  readonly afterAttention?: NormPlace | Block;
  /** Default: `ffn_norm`; null: none. */
  readonly beforeFeedForward?: NormPlace | Block | null;
  /** Default: none. */
  readonly afterFeedForward?: NormPlace | Block;
}

/** Attention and feed-forward network beside each other. */
export interface ParallelResidual {
  /** What the feed-forward network reads: what attention reads, without any `ffn_norm`, or the residual with a norm of its own. */
  readonly feedForwardReads: 'attention-input' | 'own-norm';
  /** The order of the sum. */
  readonly sum: readonly [SumPart, SumPart, SumPart];
  /** Name of the sum of the first two. Default: none. */
  readonly label?: string;
}

export type SumPart = 'attention' | 'feed-forward' | 'residual';

export interface SumLabels {
  /** Attention and residual. Default `ffn_inp`; null: none. */
  readonly attentionSum?: string | null;
  /** The network's result. Default `ffn_out`; null: none. */
  readonly feedForward?: string | null;
  /** The layer's result. Default `l_out`; null: none. */
  readonly layer?: string | null;
  /** Where the residual comes first: in the sum with attention, in the last sum, or in both. Default: nowhere. */
  readonly residualFirst?: 'attention' | 'layer' | 'both';
}
