/**
 * Phi-3: Llama's layers with fused matrices, queries scaled ahead of attention, and LongRope for long contexts.
 */
import type { Architecture } from '../architecture.js';
import { attend, projectHeads } from '../blocks/attention.js';
import { fusedGatedSilu } from '../blocks/feed-forward.js';
import {
  finalNorm,
  finish,
  keepWanted,
  tokenEmbedding,
  transformerInputs,
  vocabularyScores,
} from '../blocks/inputs.js';
import { rmsNorm } from '../blocks/norm.js';
import { longRopeFactors, turn } from '../blocks/rope.js';
import { readRmsHyperparameters, requireHeads, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { ModelBuilder } from '../model-builder.js';

export const phi3: Architecture = { read, build };

/** The sliding window that some files name must be a number, but is otherwise ignored, as in llama.cpp. */
function read(reader: MetadataReader): Hyperparameters {
  const hp = readRmsHyperparameters(reader, 'neox');
  requireHeads(hp, { isAsWideAsEmbedding: true });
  reader.integer('attention.sliding_window', 0);
  return hp;
}

function build(m: ModelBuilder): void {
  const { ctx, hp } = m;
  let x = tokenEmbedding(m);
  const { positions, attention, wanted } = transformerInputs(m);
  for (const s of m.layers()) {
    const normed = s.named(rmsNorm(s, 'attn_norm', x), 'attn_norm');
    const { q, k, v } = projectHeads(s, normed);
    const freqFactors = longRopeFactors(s);
    const turned = {
      q: s.named(turn(s, q, positions, { freqFactors }), 'Qcur'),
      k: s.named(turn(s, k, positions, { freqFactors }), 'Kcur'),
    };
    const scaled = s.named(ctx.scale(turned.q, 1 / Math.sqrt(hp.keyLength)), 'Qcur');
    const attended = attend(s, attention, { q: scaled, k: turned.k, v }, { scale: 1 });
    const [kept, residual] = keepWanted(s, wanted, attended, x);
    const middle = ctx.add(kept, residual);
    const ready = s.named(rmsNorm(s, 'ffn_norm', middle), 'ffn_norm');
    const fed = s.named(fusedGatedSilu(s, ready, hp.feedForwardLength), 'ffn_out');
    x = s.named(ctx.add(middle, fed), 'l_out');
  }
  finish(m, vocabularyScores(m, finalNorm(m, x)));
}
