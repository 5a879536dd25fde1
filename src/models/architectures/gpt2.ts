/**
 * GPT-2: learned positions added to the tokens, layer normalisation and biases everywhere.
 */
import type { Architecture } from '../architecture.js';
import { attend, projectFusedHeads } from '../blocks/attention.js';
import { plainGelu } from '../blocks/feed-forward.js';
import {
  finalNorm,
  finish,
  keepWanted,
  tokenEmbedding,
  transformerInputs,
  vocabularyScores,
} from '../blocks/inputs.js';
import { layerNorm } from '../blocks/norm.js';
import { readHyperparameters, requireHeads, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { ModelBuilder } from '../model-builder.js';

export const gpt2: Architecture = { read, build };

function read(reader: MetadataReader): Hyperparameters {
  const hp = readHyperparameters(reader);
  requireHeads(hp, { isAsWideAsEmbedding: true });
  return { ...hp, normEpsilon: reader.number('attention.layer_norm_epsilon') };
}

function build(m: ModelBuilder): void {
  const { ctx, hp, top } = m;
  const embedded = tokenEmbedding(m);
  const { positions, attention, wanted } = transformerInputs(m);
  const places = top.weight('position_embd.weight', [hp.embeddingLength, hp.contextLength]);
  let x = top.named(ctx.add(embedded, top.named(ctx.getRows(places, positions), 'pos_embd')), 'inpL');
  for (const s of m.layers()) {
    const normed = s.named(layerNorm(s, 'attn_norm', x), 'attn_norm');
    const heads = projectFusedHeads(s, normed);
    const attended = attend(s, attention, heads, { scale: 1 / Math.sqrt(hp.keyLength), bias: 'required' });
    const [kept, residual] = keepWanted(s, wanted, attended, x);
    const middle = s.named(ctx.add(kept, residual), 'ffn_inp');
    const ready = s.named(layerNorm(s, 'ffn_norm', middle), 'ffn_norm');
    const fed = s.named(plainGelu(s, ready, hp.feedForwardLength, { bias: 'required' }), 'ffn_out');
    x = s.named(ctx.add(fed, middle), 'l_out');
  }
  finish(m, vocabularyScores(m, finalNorm(m, x, layerNorm)));
}
