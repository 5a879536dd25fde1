/**
 * Gemma 2: normalisation before and after attention and feed-forward network, a sliding window in every other layer,
 * and scores that approach a limit.
 */
import type { Architecture } from '../architecture.js';
import { attend, projectHeads } from '../blocks/attention.js';
import { gatedGelu } from '../blocks/feed-forward.js';
import {
  finalNorm,
  finish,
  keepWanted,
  softCapped,
  tokenEmbedding,
  transformerInputs,
  vocabularyScores,
} from '../blocks/inputs.js';
import { rmsNorm } from '../blocks/norm.js';
import { turn } from '../blocks/rope.js';
import {
  isWindowed,
  readRmsHyperparameters,
  readWindow,
  requireHeads,
  withWindow,
  type Hyperparameters,
} from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { ModelBuilder } from '../model-builder.js';

interface Gemma2Hyperparameters extends Hyperparameters {
  readonly attentionScale: number;
  /** Base of the frequencies in layers with a sliding window. */
  readonly windowFreqBase: number;
  /** Limit that the scores of the vocabulary approach. */
  readonly finalSoftcap: number;
}

/** The 27B model scales by the width per head, not by the head's length. */
const LAYERS_OF_27B = 46;

export const gemma2: Architecture<Gemma2Hyperparameters> = { read, build };

function read(reader: MetadataReader): Gemma2Hyperparameters {
  const window = readWindow(reader, { period: 2, tokens: 4096 });
  const hp = withWindow(reader, readRmsHyperparameters(reader, 'neox'), window);
  requireHeads(hp);
  const is27B = hp.layerCount === LAYERS_OF_27B;
  return {
    ...hp,
    attentionSoftcap: reader.number('attn_logit_softcapping', 50),
    attentionScale: 1 / Math.sqrt(is27B ? Math.floor(hp.embeddingLength / hp.headCount) : hp.keyLength),
    windowFreqBase: reader.number('rope.freq_base_swa', hp.rope.freqBase),
    finalSoftcap: reader.number('final_logit_softcapping', 30),
  };
}

function build(m: ModelBuilder<Gemma2Hyperparameters>): void {
  const { ctx, hp, top } = m;
  let x = top.named(ctx.scale(tokenEmbedding(m), Math.sqrt(hp.embeddingLength)), 'inp_scaled');
  const { positions, attention, wanted } = transformerInputs(m);
  for (const s of m.layers()) {
    const rope = isWindowed(hp, s.layer!) ? { freqBase: hp.windowFreqBase } : {};
    const normed = s.named(rmsNorm(s, 'attn_norm', x), 'attn_norm');
    const { q, k, v } = projectHeads(s, normed);
    const turnedQ = s.named(turn(s, q, positions, rope), 'Qcur');
    const turnedK = s.named(turn(s, k, positions, rope), 'Kcur');
    const heads = { q: ctx.scale(turnedQ, hp.attentionScale), k: turnedK, v };
    const [kept, residual] = keepWanted(s, wanted, attend(s, attention, heads, { scale: 1 }), x);
    const attended = s.named(rmsNorm(s, 'post_attention_norm', kept), 'attn_post_norm');
    const middle = s.named(ctx.add(attended, residual), 'sa_out');
    const ready = s.named(rmsNorm(s, 'ffn_norm', middle), 'ffn_norm');
    const fed = s.named(gatedGelu(s, ready, hp.feedForwardLength), 'ffn_out');
    const evened = top.named(rmsNorm(s, 'post_ffw_norm', fed, top), 'ffn_post_norm'); // labelled outside of layers
    x = s.named(ctx.add(evened, middle), 'l_out');
  }
  finish(m, softCapped(m, vocabularyScores(m, finalNorm(m, x), { presence: 'none' }), hp.finalSoftcap));
}
