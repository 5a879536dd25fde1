/**
 * Embeddings of each token for every layer, besides those that the first layer reads.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { ModelBuilder } from '../model-builder.js';
import { plainProduct } from './linear.js';
import { norm } from './norm.js';

/**
 * As `[length, tokens, layers]`: the mean of what a table has for a token and of what a matrix makes of its embedding.
 *
 * @param x embeddings
 * @param length elements of an embedding of one layer
 */
export function layerEmbeddings(m: ModelBuilder, x: Tensor, length: number): Tensor {
  const { ctx, top, hp } = m;
  const { layerCount, embeddingLength, vocabularySize } = hp;
  const ne = [length, layerCount, m.batch.tokens];
  const ids = m.input('i32', [m.batch.tokens]);
  const table = top.weight('per_layer_token_embd.weight', [length * layerCount, vocabularySize]);
  const rows = ctx.scale(ctx.reshape(ctx.getRows(table, ids), ne), Math.sqrt(length));
  const listed = top.expand(top.named(rows, 'inp_per_layer_selected'));
  const made = plainProduct(top, 'per_layer_model_proj', x, length * layerCount);
  const split = ctx.reshape(ctx.scale(made, 1 / Math.sqrt(embeddingLength)), ne);
  const even = top.named(norm(top, 'per_layer_proj_norm', split), 'per_layer_proj');
  const both = top.named(ctx.scale(ctx.add(even, listed), 1 / Math.SQRT2), 'inp_per_layer');
  return ctx.cont(ctx.permute(both, [0, 2, 1, 3]));
}

/** The plane `index` of `x`. */
export function plane({ ctx }: ModelBuilder, x: Tensor, index: number): Tensor {
  const row = x.ne[0] * x.nb[0];
  return ctx.view(x, [x.ne[0], x.ne[1]], [row], index * row * x.ne[1]);
}
