/**
 * BERT and its kin: encoders whose norms follow each sum. Each token looks at all tokens of its text, and nothing is
 * cached; the result is an embedding of the text.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { attend, projectHeads } from '../blocks/attention.js';
import { feedForward } from '../blocks/feed-forward.js';
import { keepWanted } from '../blocks/inputs.js';
import { weightIf } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { decoder, decoderAttention, network } from '../decoder/decoder.js';
import type { BlockMaker, DecoderInputs, DecoderRecipe } from '../decoder/recipe.js';
import type { Architecture } from '../architecture.js';
import { withAttention, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import type { Presence } from '../presence.js';
import { CLASSIFIER, ENCODER } from './encoders.js';

interface BertHyperparameters extends Hyperparameters {
  /** Kinds of tokens, each with an embedding of its own. */
  readonly tokenTypeCount: number;
  /** Of every so many layers, the second one has experts; 0: none has. */
  readonly expertPeriod: number;
}

/** What models of this kin have in common. */
const BERT = {
  ...ENCODER,
  norm: { kind: 'layer', bias: 'required' },
  rope: null,
  headRules: { isAsWideAsEmbedding: true },
  attention: { outputBias: 'optional', label: 'kqv_out' },
  feedForward: { activation: 'gelu', gate: 'none', bias: 'optional' },
  finalNorm: null,
  begin: (m, x, inputs) => embedded(m, x, inputs),
  adjust: readBert,
} satisfies DecoderRecipe<BertHyperparameters>;

export const bert = encoder({
  ...BERT,
  classifier: CLASSIFIER,
  begin: (m, x, inputs) => embedded(m, x, inputs, { hasPositions: true }),
});

/** Jina 3: heads turn. */
export const jinaBertV3 = encoder({ ...BERT, rope: { mode: 'neox' } });

const NOMIC = {
  ...BERT,
  rope: { mode: 'neox' },
  experts: { layers: hasExpertsIn, gate: 'none', activation: 'gelu' },
  adjust: (hp, reader) => withExpertPeriod(readBert(hp, reader), reader),
} satisfies DecoderRecipe<BertHyperparameters>;

/** Nomic: heads turn, and the network is gated; biases of the network are loaded, but not read. */
export const nomicBert = encoder({
  ...NOMIC,
  feedForward: {},
  end: (m) => {
    for (const s of m.layers()) {
      s.optionalWeight('ffn_up.bias', [s.feedForwardLength]);
      s.optionalWeight('ffn_down.bias', [m.hp.embeddingLength]);
    }
  },
});

/** Nomic 2: experts in every other layer. */
export const nomicBertMoe = encoder(NOMIC);

/** Jina 2: scores fall with the distance; all heads may be normalised as one row, and the network may be gated. */
export const jinaBertV2 = encoder(
  {
    ...BERT,
    attention: jinaAttention,
    feedForward: jinaNetwork,
    classifier: { hidden: { activation: 'tanh', length: 1, bias: 'optional' }, scoreBias: null },
    begin: (m, x, inputs) => embedded(m, x, inputs, { types: 'required' }),
    adjust: (hp, reader) => withAttention(readBert(hp, reader), { alibiBias: 8 }),
  },
  'optional',
);

/** An encoder of this kin. @param again as of {@link postNormLayer} */
function encoder(recipe: DecoderRecipe<BertHyperparameters>, again?: Presence): Architecture<BertHyperparameters> {
  return decoder({ ...recipe, layer: postNormLayer(recipe, again) });
}

function readBert(hp: Hyperparameters, reader: MetadataReader): BertHyperparameters {
  return { ...hp, tokenTypeCount: reader.tokenTypeCount(), expertPeriod: 0 };
}

function withExpertPeriod(hp: BertHyperparameters, reader: MetadataReader): BertHyperparameters {
  const expertPeriod = reader.integer('moe_every_n_layers', 0);
  const isMixture = hp.feedForwardLengths.some((_, layer) => hasExpertsIn({ expertPeriod }, layer));
  if (isMixture && hp.experts === null) reader.refuse('expert_count', 'at least 1 in a model with layers of experts');
  return { ...hp, expertPeriod };
}

function hasExpertsIn({ expertPeriod = 0 }: Partial<BertHyperparameters>, layer: number): boolean {
  return expertPeriod > 0 && layer % expertPeriod === 1;
}

/** Embeddings of tokens, of their first type and of their positions, normalised. */
function embedded(
  m: ModelBuilder<BertHyperparameters>,
  tokens: Tensor,
  { positions }: DecoderInputs,
  { types = 'optional', hasPositions = false }: { types?: Presence; hasPositions?: boolean } = {},
): Tensor {
  const { ctx, top, hp } = m;
  const [first] = m.layers();
  const length = hp.embeddingLength;
  const table = weightIf(top, types, 'token_types.weight', [length, hp.tokenTypeCount]);
  let x = table === null ? tokens : ctx.add(tokens, ctx.view(table, [length]));
  if (hasPositions) {
    x = ctx.add(ctx.getRows(top.weight('position_embd.weight', [length, hp.contextLength]), positions), x);
  }
  return first.named(norm(top, 'token_embd_norm', top.named(x, 'inp_embd'), {}, first), 'inp_norm');
}

/** A layer that normalises each sum. @param again whether it may add what attention read once more, and normalise that */
function postNormLayer(
  recipe: DecoderRecipe<BertHyperparameters>,
  again: Presence = 'none',
): BlockMaker<BertHyperparameters> {
  return (m, inputs) => {
    const attention = decoderAttention(recipe)(m, inputs);
    return (s, x) => {
      const { ctx } = s;
      const [attended, residual] = keepWanted(s, inputs.wanted, attention(s, x), x);
      let sum = norm(s, 'attn_output_norm', ctx.add(attended, residual));
      if (weightIf(s, again, 'attn_norm_2.weight', [s.hp.embeddingLength]) !== null) {
        sum = norm(s, 'attn_norm_2', ctx.add(sum, residual), { bias: 'optional' });
      }
      const middle = s.named(sum, 'ffn_inp');
      return norm(s, 'layer_output_norm', ctx.add(network(s, middle, recipe), middle));
    };
  };
}

function jinaAttention(_: ModelBuilder<BertHyperparameters>, { attention }: DecoderInputs) {
  return (s: Layer<BertHyperparameters>, x: Tensor): Tensor => {
    const { q, k, v } = projectHeads(s, x);
    const heads = { q: s.named(normedAsRow(s, 'q', q), 'Qcur'), k: s.named(normedAsRow(s, 'k', k), 'Kcur'), v };
    const result = attend(s, attention, heads, { scale: 1 / Math.sqrt(s.heads.keyLength), bias: 'required' });
    return s.named(result, 'kqv_out');
  };
}

/** All heads of queries or keys, normalised together if the file has weights for that. */
function normedAsRow(s: Layer, part: 'q' | 'k', heads: Tensor): Tensor {
  const [length, count, tokens] = heads.ne;
  const name = `attn_${part}_norm`;
  s.optionalWeight(`${name}.bias`, [length * count]);
  if (s.optionalWeight(`${name}.weight`, [length * count]) === null) return heads;
  const row = s.ctx.reshape(heads, [length * count, tokens]);
  return s.ctx.reshape(norm(s, name, row, { bias: 'optional' }), [length, count, tokens]);
}

/** The gate has a matrix of its own, or lies in one matrix with up, or is missing. */
function jinaNetwork(s: Layer<BertHyperparameters>, x: Tensor): Tensor {
  const length = s.feedForwardLength;
  s.weight('ffn_down.bias', [x.ne[0]]);
  const isGated = s.optionalWeight('ffn_gate.weight', [x.ne[0], length]) !== null;
  const gate = isGated ? 'own' : s.listedShape('ffn_up.weight')?.[1] === length ? 'none' : 'halves';
  return feedForward(s, x, length, { activation: 'gelu', gate, bias: 'optional' });
}
