/**
 * Llama 1 to 3, Mixtral and the many models that follow them: pre-normalised layers of rotary grouped-query attention
 * and a gated feed-forward network, or a mixture of such networks.
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
import { longRopeFactors, ropeFactors, turn } from '../blocks/rope.js';
import { readRmsHyperparameters, requireHeads, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { ModelBuilder, Scope } from '../model-builder.js';

interface LlamaHyperparameters extends Hyperparameters {
  readonly attentionScale: number;
}

export const llama: Architecture<LlamaHyperparameters> = { read, build };

function read(reader: MetadataReader): LlamaHyperparameters {
  const hp = readRmsHyperparameters(reader, 'normal');
  requireHeads(hp, { isTurnedWhole: true });
  return { ...hp, attentionScale: 1 / Math.sqrt(hp.keyLength) };
}

function build(m: ModelBuilder<LlamaHyperparameters>): void {
  let x = tokenEmbedding(m);
  const { positions, attention, wanted } = transformerInputs(m);
  for (const s of m.layers()) {
    const normed = s.named(rmsNorm(s, 'attn_norm', x), 'attn_norm');
    const { q, k, v } = projectHeads(s, normed);
    const freqFactors = m.hp.isLongRope ? longRopeFactors(s) : ropeFactors(s);
    const heads = {
      q: s.named(turn(s, q, positions, { freqFactors }), 'Qcur'),
      k: s.named(turn(s, k, positions, { freqFactors }), 'Kcur'),
      v,
    };
    const attended = s.named(attend(s, attention, heads, { scale: m.hp.attentionScale, bias: 'optional' }), 'attn_out');
    const [kept, residual] = keepWanted(s, wanted, attended, x);
    const middle = s.named(m.ctx.add(kept, residual), 'ffn_inp');
    const ready = s.named(rmsNorm(s, 'ffn_norm', middle), 'ffn_norm');
    x = s.named(m.ctx.add(feedForward(s, ready), middle), 'l_out');
  }
  finish(m, vocabularyScores(m, finalNorm(m, x)));
}

function feedForward(s: Scope<LlamaHyperparameters>, x: Tensor): Tensor {
  const { experts, feedForwardLength: length } = s.hp;
  return experts === null
    ? s.named(gatedSilu(s, x, length, { bias: 'optional', isScaled: true }), 'ffn_out')
    : expertFeedForward(s, x, {
        experts,
        length,
        gating: 'softmax',
        isNormalised: true,
        isScaled: true,
        gate: 'optional',
      });
}
