/**
 * How a decoder's graph ends: with scores of the vocabulary, or with embeddings.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { softCapped, vocabularyScores } from '../blocks/inputs.js';
import { weightIf, withBias } from '../blocks/linear.js';
import type { ModelBuilder } from '../model-builder.js';
import type { OutputRecipe } from './output-recipe.js';

/** Ends the graph with embeddings. A matrix for scores may be there, but is not read. */
export function leaveScores(m: ModelBuilder, embedding: Tensor, { weights = 'optional' }: OutputRecipe): void {
  weightIf(m.top, weights, 'output.weight', [m.hp.embeddingLength, m.hp.vocabularySize]);
  m.graph.expand(embedding);
}

/** Scores of the last tokens of the vocabulary, after `-∞` for the others. */
function lastScored({ ctx, top, hp }: ModelBuilder, scores: Tensor): Tensor {
  const [length, tokens] = scores.ne;
  const { embeddingLength, vocabularySize } = hp;
  // Any number, times zero.
  const number = ctx.view(top.weight('output_norm.weight', [embeddingLength]), [1]);
  const none = ctx.repeat(ctx.scale(number, 0, { bias: -Infinity }), [vocabularySize - length, tokens]);
  return ctx.concat(none, scores, 0);
}

export function scores(m: ModelBuilder, x: Tensor, output: OutputRecipe): Tensor {
  const { hp, top } = m;
  const { weights = 'optional', bias = 'none', product = 'scaled', length = hp.vocabularySize } = output;
  const rows = output.prepare?.(m, x) ?? x;
  const plain = vocabularyScores(m, rows, { presence: weights, product, length });
  const whole = plain.ne[0] === hp.vocabularySize ? plain : lastScored(m, plain);
  if (output.unbiasedLabel !== undefined) top.named(plain, output.unbiasedLabel);
  const biased = withBias(top, 'output', whole, bias);
  const capped = evened(m, biased);
  return output.change?.(m, capped) ?? capped;
}

/** Scores with the model's factor and limit. */
export function evened(m: ModelBuilder, scores: Tensor): Tensor {
  const { ctx, hp } = m;
  const factored = hp.logitScale === null ? scores : ctx.scale(scores, hp.logitScale);
  return hp.logitSoftcap === 0 ? factored : softCapped(m, factored, hp.logitSoftcap);
}
