/**
 * Qwen 1.5 to 2.5: Llama's layers with biases on queries, keys and values.
 */
import type { Architecture } from '../architecture.js';
import { attend, projectHeads } from '../blocks/attention.js';
import { gatedSilu } from '../blocks/feed-forward.js';
import {
  finalNorm,
  finish,
  keepWanted,
  tokenEmbedding,
  transformerInputs,
  vocabularyScores,
} from '../blocks/inputs.js';
import { withBias } from '../blocks/linear.js';
import { rmsNorm } from '../blocks/norm.js';
import { turn } from '../blocks/rope.js';
import { readRmsHyperparameters, requireHeads, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { ModelBuilder } from '../model-builder.js';

export const qwen2: Architecture = { read, build };

function read(reader: MetadataReader): Hyperparameters {
  const hp = readRmsHyperparameters(reader, 'neox');
  requireHeads(hp, { isTurnedWhole: true, isAsWideAsEmbedding: true });
  return hp;
}

function build(m: ModelBuilder): void {
  const { ctx, hp } = m;
  let x = tokenEmbedding(m);
  const { positions, attention, wanted } = transformerInputs(m);
  for (const s of m.layers()) {
    const normed = s.named(rmsNorm(s, 'attn_norm', x), 'attn_norm');
    const { q, k, v } = projectHeads(s, normed);
    const heads = {
      q: s.named(turn(s, q, positions), 'Qcur'),
      k: s.named(turn(s, k, positions), 'Kcur'),
      v,
    };
    const attended = attend(s, attention, heads, { scale: 1 / Math.sqrt(hp.keyLength) });
    const [kept, residual] = keepWanted(s, wanted, attended, x);
    const middle = s.named(ctx.add(kept, residual), 'ffn_inp');
    const ready = s.named(rmsNorm(s, 'ffn_norm', middle), 'ffn_norm');
    const fed = s.named(gatedSilu(s, ready, hp.feedForwardLength), 'ffn_out');
    x = s.named(ctx.add(fed, middle), 'l_out');
  }
  finish(m, withBias(m.top, 'output', vocabularyScores(m, finalNorm(m, x))));
}
