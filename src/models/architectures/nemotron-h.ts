/**
 * Nemotron-H: each layer is a scan, or attention without turns, or a feed-forward network.
 */
import { named, PlannerError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { expertFeedForward } from '../blocks/expert-feed-forward.js';
import { feedForward, type FeedForwardRecipe } from '../blocks/feed-forward.js';
import { headScan } from '../blocks/head-scan.js';
import { plainProduct, product } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { headAttention } from '../decoder/attention.js';
import { decoder, decoderAttention } from '../decoder/decoder.js';
import type { Block, DecoderInputs, DecoderRecipe } from '../decoder/recipe.js';
import { withCachesIn, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import { withHeadScan, type ScanHyperparameters } from '../scan.js';

interface NemotronHyperparameters extends ScanHyperparameters {
  /** Elements of the row that experts read and write; 0: as many as the embedding has. */
  readonly latentLength: number;
  /** Of the norm ahead of the scores of layers that predict further tokens. */
  readonly headEpsilon: number;
}

const NEMOTRON_H = {
  rope: null,
  headRules: { isVaried: true },
  attention: { outputBias: 'optional', label: 'attn_out' },
  recurrence:
    (_, { states }) =>
    (s, x) =>
      headScan(s, states, x),
  hasSnapshots: true,
  layer: layerOfNemotronH,
  experts: {
    length: 'own-or-split',
    gating: 'sigmoid',
    isNormalised: 'read',
    readsScale: true,
    selectionBias: 'required',
    isScaled: true,
    gate: 'none',
    activation: 'relu-squared',
    shared: { length: 'own' },
  },
  keepsWantedAfter: 'final-norm',
  predicts: 'cached',
  predictTensors: requirePredictTensors,
  prediction: {
    layer: predictingLayer,
    keepsWantedAfter: 'part',
    norm: ({ hp }) => ({ kind: 'layer', epsilon: hp.headEpsilon }),
    check: requirePrediction,
  },
  adjust,
} satisfies DecoderRecipe<NemotronHyperparameters>;

export const nemotronH = decoder<NemotronHyperparameters>(NEMOTRON_H);

/** A layer without heads and network is a scan; one with a network is nothing else. @throws PlannerError `BAD_MODEL` */
function adjust(hp: Hyperparameters, reader: MetadataReader): NemotronHyperparameters {
  const isNetwork = (layer: number): boolean => hp.feedForwardLengths[layer] > 0;
  const isScan = (layer: number): boolean =>
    layer < hp.layerCount && hp.attention.layers[layer].kvHeadCount === 0 && !isNetwork(layer);
  return {
    ...withHeadScan(
      reader,
      withCachesIn(hp, (layer) => !isNetwork(layer)),
      { layers: isScan },
    ),
    headEpsilon: reader.number('attention.layer_norm_epsilon'),
    latentLength: reader.integer('moe_latent_size', 0),
  };
}

function layerOfNemotronH(
  m: ModelBuilder<NemotronHyperparameters>,
  inputs: DecoderInputs,
): Block<NemotronHyperparameters> {
  const mix = decoderAttention<NemotronHyperparameters>(NEMOTRON_H)(m, inputs);
  return (s, x) => {
    const normed = s.named(norm(s, 'attn_norm', x), 'attn_norm');
    const block = s.feedForwardLength > 0 ? s.named(network(s, normed), 'l_out') : mix(s, normed);
    return s.named(s.ctx.add(block, x), 'nemotron_h_block_out');
  };
}

/** Attention and experts, unlike in the layers of the model. */
function predictingLayer(
  m: ModelBuilder<NemotronHyperparameters>,
  inputs: DecoderInputs,
): Block<NemotronHyperparameters> {
  const attend = headAttention<NemotronHyperparameters>(NEMOTRON_H.attention, null)(m, inputs);
  return (s, x) => {
    const { ctx } = s;
    const normed = s.named(norm(s, 'attn_norm', x), 'attn_norm');
    const middle = ctx.getRows(ctx.add(attend(s, normed), x), inputs.wanted);
    const ready = s.named(norm(s, 'post_attention_norm', middle), 'attn_post_norm');
    return ctx.add(s.named(network(s, ready), 'ffn_out'), middle);
  };
}

/** @throws PlannerError `BAD_MODEL` */
function requirePrediction(s: Layer<NemotronHyperparameters>): void {
  requirePredictTensors(s);
  const { latentLength, experts } = s.hp;
  if (latentLength === 0 && experts !== null) return;
  throw new PlannerError('BAD_MODEL', {
    message: `${named('nemotron_h_moe.moe_latent_size')} is ${latentLength}, but must be 0 for a context of the layer that predicts further tokens: llama.cpp’s graph of it has no shorter row for experts.`,
    culprit: 'nemotron_h_moe.moe_latent_size',
    value: latentLength,
    limit: '0 for a context of that layer',
    remedy: 'Leave the option `contextType` out.',
  });
}

const SQUARED = { activation: 'relu-squared', gate: 'none', isScaled: true } satisfies FeedForwardRecipe;

/** A dense network, or experts that read a shorter row beside shared ones that read the whole row. */
function network(s: Layer<NemotronHyperparameters>, x: Tensor): Tensor {
  const { experts } = s.hp;
  if (experts === null) return feedForward(s, x, s.feedForwardLength, { ...SQUARED, bias: 'optional' });
  const { length: inner, gating, isNormalised, sharedLength } = experts;
  const length = s.hp.latentLength || x.ne[0];
  const change = (part: string, rows: Tensor, to: number): Tensor =>
    s.optionalWeight(`${part}.weight`, [rows.ne[0], to]) === null ? rows : plainProduct(s, part, rows, to);
  const short = change('ffn_latent_down', x, length);
  const scores = s.named(product(s, 'ffn_gate_inp', x, experts.count), 'ffn_moe_logits');
  const options = { ...NEMOTRON_H.experts, experts, length: inner, gating, isNormalised, scores };
  const routed = change('ffn_latent_up', expertFeedForward(s, short, options), x.ne[0]);
  const shared = feedForward(s, x, sharedLength, { ...SQUARED, suffix: '_shexp' });
  return s.ctx.add(routed, s.named(shared, 'ffn_shexp'));
}

/** The tensors of a layer that predicts further tokens: attention and experts, which llama.cpp demands but skips. */
function requirePredictTensors(s: Layer<NemotronHyperparameters>): void {
  const { embeddingLength: width, experts, latentLength } = s.hp;
  const { headCount, kvHeadCount, keyLength, valueLength } = s.heads;
  const { count = 0, length = 0, sharedLength = 0 } = experts ?? {};
  const heads = { q: keyLength * headCount, k: keyLength * kvHeadCount, v: valueLength * kvHeadCount };
  for (const name of ['nextn.enorm', 'nextn.hnorm', 'nextn.shared_head_norm', 'attn_norm', 'post_attention_norm']) {
    s.weight(`${name}.weight`, [width]);
  }
  for (const [part, all] of Object.entries(heads)) {
    s.weight(`attn_${part}.weight`, [width, all]);
    s.optionalWeight(`attn_${part}.bias`, [all]);
  }
  s.optionalWeight('attn_output.bias', [width]);
  s.weight('exp_probs_b.bias', [count]);
  const row = latentLength || width;
  const matrices = {
    'nextn.eh_proj': [2 * width, width],
    attn_output: [keyLength * headCount, width],
    ffn_gate_inp: [width, count],
    ffn_down_exps: [length, row, count],
    ffn_up_exps: [row, length, count],
    ffn_down_shexp: [sharedLength, width],
    ffn_up_shexp: [width, sharedLength],
  };
  for (const [name, ne] of Object.entries(matrices)) s.weight(`${name}.weight`, ne);
}
