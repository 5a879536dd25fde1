/**
 * Liquid's models: short convolutions that open and close with the token in most layers, attention in the others.
 */
import { attend, projectHeads } from '../blocks/attention.js';
import { keepWanted } from '../blocks/inputs.js';
import { norm } from '../blocks/norm.js';
import { turn } from '../blocks/rope.js';
import {
  shortConvolution,
  withShortConvolutions,
  type ShortConvolutionHyperparameters,
} from '../blocks/short-convolution.js';
import { decoder, decoderAttention, network } from '../decoder/decoder.js';
import type { BlockMaker, DecoderRecipe } from '../decoder/recipe.js';
import { withAttention, withFirstHeadCount, withHeads, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';

type Lfm = ShortConvolutionHyperparameters;

/** Names of results end with the layer, but are made for it to stand in the middle. */
const LABEL = 'model.layers.{}.';

const attention: BlockMaker<Lfm> = (_, inputs) => (s, x) => {
  const { q, k, v } = projectHeads(s, x);
  const turned = (part: 'q' | 'k', heads: typeof q): typeof q => {
    const normed = norm(s, `attn_${part}_norm`, heads);
    return turn(s, s.named(normed, `${LABEL}self_attn.${part}_layernorm`), inputs.positions);
  };
  const scale = 1 / Math.sqrt(s.heads.valueLength);
  const attended = attend(s, inputs.attention, { q: turned('q', q), k: turned('k', k), v }, { scale });
  return s.named(attended, `${LABEL}self_attn.out_proj`);
};

const LFM2 = {
  rope: { mode: 'neox' },
  embedding: { label: 'model.embed_tokens' },
  headRules: { isVaried: true, isAsWideAsEmbedding: true },
  attention,
  recurrence:
    (_, { states }) =>
    (s, x) =>
      shortConvolution(s, states, x, LABEL),
  hasSnapshots: true,
  labels: { feedForward: null },
  finalNorm: { part: 'token_embd_norm', label: 'result_norm' },
  output: { isUnread: 'with-embeddings' },
} satisfies DecoderRecipe<Lfm>;

/** LFM2. The norm ahead of the network is renamed once the network is built. */
export const lfm2 = decoder<Lfm>({
  ...LFM2,
  layer: layerOf(LFM2),
  adjust: (hp, reader) => withWindowInAllHeads(reader, withLfm(reader, hp)),
});

const LFM2_MOE = {
  ...LFM2,
  experts: {
    isRequired: true,
    layers: 'after-leading',
    length: 'own',
    gating: { ifUnsaid: null },
    isNormalised: true,
    selectionBias: 'required',
  },
} satisfies DecoderRecipe<Lfm>;

/** LFM2 with experts in the layers after the leading ones, and no window. */
export const lfm2moe = decoder<Lfm>({
  ...LFM2_MOE,
  layer: layerOf(LFM2_MOE),
  adjust: (hp, reader) => withLfm(reader, hp),
});

function layerOf(recipe: DecoderRecipe<Lfm>): BlockMaker<Lfm> {
  return (m, inputs) => {
    const mix = decoderAttention(recipe)(m, inputs);
    return (s, x) => {
      const mixed = mix(s, s.named(norm(s, 'attn_norm', x), `${LABEL}operator_norm`));
      const [kept, residual] = keepWanted(s, inputs.wanted, mixed, x);
      const sum = s.ctx.add(residual, kept);
      const normed = s.named(norm(s, 'ffn_norm', sum), `${LABEL}ffn_norm`);
      const fed = network(s, normed, recipe);
      s.named(normed, `${LABEL}ffn_out`);
      return s.named(s.ctx.add(sum, fed), 'l_out');
    };
  };
}

/** With the matrix that embeddings of texts may go through. @throws PlannerError `BAD_MODEL` */
function withLfm(reader: MetadataReader, hp: Hyperparameters): Lfm {
  const { embeddingLength } = hp;
  const length = reader.integer('embedding_length_out', 0) || embeddingLength;
  const projections = [{ part: 'dense_2', ne: [embeddingLength, length], bias: 'optional' }] as const;
  return { ...withShortConvolutions(reader, withFirstHeadCount(hp)), projections };
}

/** The file may name a window, which all layers with heads have. @throws PlannerError `BAD_MODEL` */
function withWindowInAllHeads(reader: MetadataReader, hp: Lfm): Lfm {
  const window = reader.integer('attention.sliding_window', 0);
  if (window === 0) return hp;
  return withHeads(withAttention(hp, { window }), ({ cacheLayer }) => ({ isWindowed: cacheLayer !== null }));
}
