/**
 * Gemma 3: Gemma 2 with normalised query and key heads instead of capped scores, and a sliding window in five of six
 * layers.
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

interface Gemma3Hyperparameters extends Hyperparameters {
  readonly attentionScale: number;
  /** Base of the frequencies in layers with a sliding window. */
  readonly windowFreqBase: number;
  /** Limit that the scores of the vocabulary approach; 0: none. */
  readonly finalSoftcap: number;
}

/** The 27B model scales by the width per head, not by the head's length. */
const LAYERS_OF_27B = 62;

export const gemma3: Architecture<Gemma3Hyperparameters> = { read, build };

function read(reader: MetadataReader): Gemma3Hyperparameters {
  const plain = readRmsHyperparameters(reader, 'neox');
  const hasWindow = reader.integer('attention.sliding_window', 0) > 0;
  const hp = hasWindow ? withWindow(reader, plain, readWindow(reader, { period: 6 })) : plain;
  requireHeads(hp);
  const is27B = hp.layerCount === LAYERS_OF_27B;
  return {
    ...hp,
    attentionScale: 1 / Math.sqrt(is27B ? Math.floor(hp.embeddingLength / hp.headCount) : hp.keyLength),
    windowFreqBase: reader.number('rope.freq_base_swa', 10000),
    finalSoftcap: reader.number('final_logit_softcapping', 0),
  };
}

function build(m: ModelBuilder<Gemma3Hyperparameters>): void {
  const { ctx, hp, top } = m;
  let x = top.named(ctx.scale(tokenEmbedding(m), Math.sqrt(hp.embeddingLength)), 'inp_scaled');
  const { positions, attention, wanted } = transformerInputs(m);
  for (const s of m.layers()) {
    const rope = isWindowed(hp, s.layer!) ? { freqBase: hp.windowFreqBase, freqScale: 1 } : {};
    const normed = s.named(rmsNorm(s, 'attn_norm', x), 'attn_norm');
    const { q, k, v } = projectHeads(s, normed);
    const evenQ = s.named(rmsNorm(s, 'attn_q_norm', q), 'Qcur_normed');
    const evenK = s.named(rmsNorm(s, 'attn_k_norm', k), 'Kcur_normed');
    const turnedQ = s.named(turn(s, evenQ, positions, rope), 'Qcur');
    const turnedK = s.named(turn(s, evenK, positions, rope), 'Kcur');
    const heads = { q: ctx.scale(turnedQ, hp.attentionScale), k: turnedK, v };
    const [kept, residual] = keepWanted(s, wanted, attend(s, attention, heads, { scale: 1 }), x);
    const attended = s.named(rmsNorm(s, 'post_attention_norm', kept), 'attn_post_norm');
    const middle = s.named(ctx.add(attended, residual), 'sa_out');
    const ready = s.named(rmsNorm(s, 'ffn_norm', middle), 'ffn_norm');
    const fed = s.named(gatedGelu(s, ready, hp.feedForwardLength), 'ffn_out');
    const evened = s.named(rmsNorm(s, 'post_ffw_norm', fed, top), 'ffn_post_norm');
    x = s.named(ctx.add(evened, middle), 'l_out');
  }
  const scores = vocabularyScores(m, finalNorm(m, x));
  finish(m, hp.finalSoftcap === 0 ? scores : softCapped(m, scores, hp.finalSoftcap));
}
