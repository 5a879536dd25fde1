/**
 * Qwen 3, dense and as a mixture of experts: Llama's layers with every query and key head normalised before it is
 * turned.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Architecture } from '../architecture.js';
import { attend, projectHeads } from '../blocks/attention.js';
import { expertFeedForward } from '../blocks/expert-feed-forward.js';
import { gatedSilu } from '../blocks/feed-forward.js';
import {
  finalNorm,
  finish,
  keepWanted,
  tokenEmbedding,
  transformerInputs,
  vocabularyScores,
} from '../blocks/inputs.js';
import { rmsNorm } from '../blocks/norm.js';
import { turn } from '../blocks/rope.js';
import { requireExperts, type ExpertHyperparameters } from '../experts.js';
import { readRmsHyperparameters, requireHeads, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { ModelBuilder, Scope } from '../model-builder.js';

interface Qwen3MoeHyperparameters extends Hyperparameters {
  readonly experts: ExpertHyperparameters;
  readonly expertLength: number;
}

interface Qwen3Hyperparameters extends Hyperparameters {
  /** Scores that a re-ranking head gives. */
  readonly classCount: number;
}

export const qwen3: Architecture<Qwen3Hyperparameters> = {
  read: (reader) => ({ ...read(reader), classCount: reader.listLength('classifier.output_labels') || 1 }),
  build: (m) => {
    build(m, (s, x) => s.named(gatedSilu(s, x, s.hp.feedForwardLength, { isScaled: true }), 'ffn_out'));
    // A head that scores whole texts, as in rerankers, is loaded, but no operation reads it.
    m.top.optionalWeight('cls.output.weight', [m.hp.embeddingLength, m.hp.classCount]);
  },
};

export const qwen3moe: Architecture<Qwen3MoeHyperparameters> = {
  read: (reader) => {
    const hp = read(reader);
    const experts = requireExperts(reader, hp.experts);
    const length = reader.integer('expert_feed_forward_length', 0);
    return { ...hp, experts, expertLength: length || Math.floor(hp.feedForwardLength / experts.used) };
  },
  build: (m) => {
    const { experts, expertLength: length } = m.hp;
    const options = { experts, length, gating: 'softmax', isNormalised: true, isScaled: true } as const;
    build(m, (s, x) => expertFeedForward(s, x, options));
  },
};

function read(reader: MetadataReader): Hyperparameters {
  const hp = readRmsHyperparameters(reader, 'neox');
  requireHeads(hp, { isTurnedWhole: true });
  return hp;
}

function build<H extends Hyperparameters>(m: ModelBuilder<H>, feedForward: (s: Scope<H>, x: Tensor) => Tensor): void {
  const { ctx, hp } = m;
  let x = tokenEmbedding(m);
  const { positions, attention, wanted } = transformerInputs(m);
  for (const s of m.layers()) {
    const normed = s.named(rmsNorm(s, 'attn_norm', x), 'attn_norm');
    const { q, k, v } = projectHeads(s, normed);
    const evenQ = s.named(rmsNorm(s, 'attn_q_norm', q), 'Qcur_normed');
    const evenK = s.named(rmsNorm(s, 'attn_k_norm', k), 'Kcur_normed');
    const heads = {
      q: s.named(turn(s, evenQ, positions), 'Qcur'),
      k: s.named(turn(s, evenK, positions), 'Kcur'),
      v,
    };
    const attended = attend(s, attention, heads, { scale: 1 / Math.sqrt(hp.keyLength) });
    const [kept, residual] = keepWanted(s, wanted, attended, x);
    const middle = s.named(ctx.add(kept, residual), 'ffn_inp');
    const ready = s.named(rmsNorm(s, 'ffn_norm', middle), 'ffn_norm');
    x = s.named(ctx.add(feedForward(s, ready), middle), 'l_out');
  }
  finish(m, vocabularyScores(m, finalNorm(m, x)));
}
