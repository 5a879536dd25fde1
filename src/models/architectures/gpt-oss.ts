/**
 * gpt-oss: a mixture of experts with biases everywhere, attention sinks, and a sliding window in every other layer.
 */
import type { Architecture } from '../architecture.js';
import { attend, projectHeads } from '../blocks/attention.js';
import { expertFeedForward } from '../blocks/expert-feed-forward.js';
import { finalNorm, finish, tokenEmbedding, transformerInputs, vocabularyScores } from '../blocks/inputs.js';
import { rmsNorm } from '../blocks/norm.js';
import { turn } from '../blocks/rope.js';
import { requireExperts, type ExpertHyperparameters } from '../experts.js';
import {
  isWindowed,
  readRmsHyperparameters,
  readWindow,
  requireHeads,
  withWindow,
  type Hyperparameters,
} from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { ModelBuilder, Scope } from '../model-builder.js';
import type { Tensor } from '../../tensor/tensor.js';

interface GptOssHyperparameters extends Hyperparameters {
  readonly experts: ExpertHyperparameters;
  readonly expertLength: number;
  /** Base of the frequencies in layers with a sliding window. */
  readonly windowFreqBase: number;
}

const SWIGLU_STEEPNESS = 1.702;
const SWIGLU_LIMIT = 7;

export const gptOss: Architecture<GptOssHyperparameters> = { read, build };

function read(reader: MetadataReader): GptOssHyperparameters {
  const hp = withWindow(reader, readRmsHyperparameters(reader, 'neox'), readWindow(reader, { period: 2 }));
  requireHeads(hp, { isTurnedWhole: true });
  return {
    ...hp,
    experts: requireExperts(reader, hp.experts),
    expertLength: reader.positive('expert_feed_forward_length'),
    windowFreqBase: reader.number('rope.freq_base_swa', hp.rope.freqBase),
  };
}

function build(m: ModelBuilder<GptOssHyperparameters>): void {
  const { ctx, hp } = m;
  let x = tokenEmbedding(m);
  const { positions, attention, wanted } = transformerInputs(m);
  const scale = 1 / Math.sqrt(hp.ropeLength);
  for (const s of m.layers()) {
    const rope = isWindowed(hp, s.layer!) ? { freqBase: hp.windowFreqBase } : {};
    const normed = s.named(rmsNorm(s, 'attn_norm', x), 'attn_norm');
    const { q, k, v } = projectHeads(s, normed);
    const heads = {
      q: s.named(turn(s, q, positions, rope), 'Qcur'),
      k: s.named(turn(s, k, positions, rope), 'Kcur'),
      v,
    };
    const sinks = s.weight('attn_sinks.weight', [hp.headCount]);
    const attended = s.named(attend(s, attention, heads, { scale, sinks, bias: 'required' }), 'attn_out');
    const middle = s.named(ctx.add(attended, x), 'ffn_inp');
    const ready = s.named(rmsNorm(s, 'post_attention_norm', middle), 'attn_post_norm');
    x = s.named(ctx.add(feedForward(s, ready), middle), 'l_out');
  }
  // A draft model may read the last layer's result for every token, so only the head is limited to the wanted tokens.
  const kept = ctx.getRows(ctx.setOutput(x), wanted);
  finish(m, vocabularyScores(m, finalNorm(m, kept), { presence: 'required' }));
}

function feedForward(s: Scope<GptOssHyperparameters>, x: Tensor): Tensor {
  const { experts, expertLength } = s.hp;
  return expertFeedForward(s, x, {
    experts,
    length: expertLength,
    gating: 'softmax-of-chosen',
    isNormalised: false,
    bias: 'required',
    activate: (_, gate, up) => s.named(s.ctx.swigluOai(gate, up, SWIGLU_STEEPNESS, SWIGLU_LIMIT), 'ffn_moe_swiglu_oai'),
  });
}
