/**
 * Encoders that turn texts into embeddings, with norms ahead of attention and network. Each token looks at all tokens
 * of its text, and nothing is cached.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { feedForward, type Activation } from '../blocks/feed-forward.js';
import { norm } from '../blocks/norm.js';
import type { ClassifierRecipe } from '../blocks/pooling.js';
import { headAttention } from '../decoder/attention.js';
import { decoder } from '../decoder/decoder.js';
import type { DecoderInputs, DecoderRecipe } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';

/** Nothing is cached, and the embeddings are the result. */
export const ENCODER = {
  cache: 'none',
  output: { weights: 'none', isUnread: true },
} satisfies DecoderRecipe;

/** The head of a reranker. */
export const CLASSIFIER: ClassifierRecipe = {
  hidden: { activation: 'tanh', bias: 'optional' },
  scoreBias: 'optional',
};

/** What encoders with norms ahead of their parts have in common. */
const PRE_NORM = {
  ...ENCODER,
  headRules: { isAsWideAsEmbedding: true },
  embedding: { label: 'inp_embd' },
  attention: { label: 'kqv_out' },
  norms: { beforeAttention: { part: 'attn_norm', label: null } },
  labels: { layer: null },
} satisfies DecoderRecipe;

export const eurobert = decoder({
  ...PRE_NORM,
  rope: { mode: 'neox' },
  finalNorm: { part: 'output_norm', label: 'result_embd' },
});

/** NeoBERT: gate and up in one matrix. */
export const neoBert = decoder({
  ...PRE_NORM,
  attention: { matrices: 'fused', bias: 'none', label: 'kqv_out' },
  feedForward: { gate: 'halves' },
  labels: { feedForward: null, layer: null },
  finalNorm: { part: 'enc.output_norm', label: 'result_embd' },
  classifier: CLASSIFIER,
});

interface ModernBertHyperparameters extends Hyperparameters {
  readonly activation: Activation;
}

/** ModernBERT: layer normalisation; a window in two of three layers, if the file names one. */
export const modernBert = decoder<ModernBertHyperparameters>({
  ...PRE_NORM,
  norm: { kind: 'layer' },
  embedding: { label: 'inp_embd', isNormalised: true },
  rope: { mode: 'neox' },
  window: { tokens: 'none', period: 3, fullLayer: 'first', freqBase: 10000, isStretched: false },
  norms: { beforeAttention: null },
  attention: (m, inputs) => modernAttention(m, inputs),
  feedForward: (s, x) => feedForward(s, x, s.feedForwardLength, { gate: 'halves', activation: s.hp.activation }),
  labels: { feedForward: null, layer: null },
  finalNorm: { part: 'output_norm', label: 'final_norm_out' },
  classifier: { reads: 'mean', hidden: { activation: 'gelu', norm: 'optional' }, scoreBias: 'optional' },
  adjust: (hp, reader) => ({ ...hp, activation: readActivation(reader) }),
});

/** The first layer may have no norm, as the embeddings are normalised already. */
function modernAttention(m: ModelBuilder<ModernBertHyperparameters>, inputs: DecoderInputs) {
  const attention = headAttention({ matrices: 'fused', bias: 'none', label: 'kqv_out' }, { mode: 'neox' })(m, inputs);
  return (s: Layer<ModernBertHyperparameters>, x: Tensor): Tensor => {
    const isBare = s.index === 0 && s.optionalWeight('attn_norm.weight', [x.ne[0]]) === null;
    return attention(s, isBare ? x : s.named(norm(s, 'attn_norm', x), 'attn_norm'));
  };
}

/** The names of non-linearities; any other means gelu. */
const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map([
  ['silu', 'silu'],
  ['swish', 'silu'],
  ['swiglu', 'silu'],
  ['reglu', 'relu'],
]);

function readActivation(reader: MetadataReader): Activation {
  const name = reader.text('hidden_activation', 'gelu');
  // This one would leave both halves as they are, which the last matrix cannot read.
  if (name === 'relu') reader.refuse('hidden_activation', 'a gated non-linearity, such as reglu');
  return ACTIVATIONS.get(name) ?? 'gelu';
}
