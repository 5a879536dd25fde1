/**
 * Mamba: no attention, no feed-forward network, only selective scans.
 */
import type { Architecture } from '../architecture.js';
import { finalNorm, finish, keepWanted, tokenEmbedding, vocabularyScores, wantedTokens } from '../blocks/inputs.js';
import { norm } from '../blocks/norm.js';
import { stateInputs } from '../blocks/recurrent-state.js';
import { selectiveScan, type ScanHyperparameters } from '../blocks/selective-scan.js';
import { readHyperparameters, withCachesIn } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { ModelBuilder } from '../model-builder.js';

export const mamba: Architecture<ScanHyperparameters> = { read, build };

function read(reader: MetadataReader): ScanHyperparameters {
  const hp = withCachesIn(readHyperparameters(reader), () => false);
  const convolutionWidth = reader.positive('ssm.conv_kernel');
  const innerLength = reader.positive('ssm.inner_size');
  if (innerLength !== 2 * hp.embeddingLength) reader.refuse('ssm.inner_size', 'twice the embedding length');
  const stateLength = reader.positive('ssm.state_size');
  const lengths = { convolution: (convolutionWidth - 1) * innerLength, scan: stateLength * innerLength };
  return {
    ...hp,
    norm: { ...hp.norm, epsilon: reader.number('attention.layer_norm_rms_epsilon') },
    convolutionWidth,
    innerLength,
    stateLength,
    stepRank: reader.positive('ssm.time_step_rank'),
    hasNormedInputs: reader.flag('ssm.dt_b_c_rms', false),
    state: { lengths, layers: hp.attention.layers.map(() => true) },
  };
}

function build(m: ModelBuilder<ScanHyperparameters>): void {
  let x = tokenEmbedding(m);
  const states = stateInputs(m);
  const wanted = wantedTokens(m);
  for (const s of m.layers()) {
    const normed = s.named(norm(s, 'attn_norm', x), 'attn_norm');
    const [kept, residual] = keepWanted(s, wanted, selectiveScan(s, states, normed), x);
    x = s.named(m.ctx.add(kept, residual), 'l_out');
  }
  finish(m, vocabularyScores(m, finalNorm(m, x)));
}
