/**
 * Where a forward pass begins and ends: tokens in, logits of the wanted tokens out.
 */
import { named } from '../../errors.js';
import { isContiguous } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Layer, ModelBuilder, Scope } from '../model-builder.js';
import type { Presence } from '../presence.js';
import type { NormRecipe } from '../norm-recipe.js';
import { adapted, weightIf } from './linear.js';
import { badTensor } from '../weights.js';
import { norm } from './norm.js';

/**
 * The embedding of each token. The graph also holds the input for ready-made embeddings, which a run may use instead.
 */
export function tokenEmbedding(m: ModelBuilder): Tensor {
  return scaledEmbedding(m, tokenRows(m));
}

/**
 * The embeddings as the table, or a run, gives them. Where an image's rows hold more, they are padded to that length.
 *
 * @param presence of the table; a second copy of the output's matrix stands in for one that is missing
 */
export function tokenRows(m: ModelBuilder, presence: Presence = 'required'): Tensor {
  const { ctx, batch } = m;
  const { tokens } = batch;
  const { embeddingLength, vocabularySize, deepstackCount } = m.hp;
  const more = embeddingLength * deepstackCount;
  const ids = m.input('i32', [tokens], TOKEN_IDS);
  const readyMade = m.input('f32', [embeddingLength + more, tokens], 'inp_embd');
  const ne = [embeddingLength, vocabularySize];
  const table = weightIf(m.top, presence, 'token_embd.weight', ne) ?? m.top.weight('output.weight', ne, 'output');
  if (table.type.name === 'i32') {
    const message = `${named(table.name)} is of type i32, which cannot hold fractions.`;
    throw badTensor(message, table.name, 'of type i32', 'of a type that can hold fractions');
  }
  let rows = ctx.getRows(table, ids);
  for (const adapter of m.adapters) {
    const pair = adapter.get(table.name);
    if (pair === undefined) continue;
    rows = ctx.add(rows, ctx.scale(ctx.mulMat(pair.b, ctx.getRows(pair.a, ids)), pair.scale));
  }
  if (more > 0) rows = ctx.pad(rows, [more, 0, 0, 0]);
  m.graph.expand(rows).expand(readyMade);
  return more === 0 ? rows : ctx.view(rows, [embeddingLength, tokens], [rows.nb[1]]);
}

/** The input that lists the tokens. */
export function tokenIds(m: ModelBuilder): Tensor {
  const ids = m.graph.leafs.find(({ name }) => name === TOKEN_IDS);
  return ids ?? m.input('i32', [m.batch.tokens], TOKEN_IDS);
}

const TOKEN_IDS = 'inp_tokens';

/** The embeddings times the model's factor, if it has one. @param rows of {@link tokenRows} */
export function scaledEmbedding({ ctx, hp, top }: ModelBuilder, rows: Tensor): Tensor {
  const { embeddingScale } = hp;
  const dense = embeddingScale === 0 || isContiguous(rows) ? rows : ctx.cont(rows);
  return top.expand(top.named(embeddingScale === 0 ? dense : ctx.scale(dense, embeddingScale), 'embd'));
}

/**
 * One of the embeddings that an image's rows hold behind the first (deepstack).
 *
 * @param rows of {@link tokenRows}
 * @param index from 1 on
 */
export function deepstackRows({ ctx, hp: { embeddingLength } }: Scope, rows: Tensor, index: number): Tensor {
  return ctx.view(rows, [embeddingLength, rows.ne[1]], [rows.nb[1]], index * embeddingLength * rows.nb[0]);
}

/** The input that lists the tokens whose logits are wanted. */
export function wantedTokens(m: ModelBuilder): Tensor {
  return m.input('i32', [m.batch.outputs]);
}

/** From the last layer's attention on, only the wanted tokens are computed. */
export function keepWanted<T extends readonly Tensor[]>(s: Layer, wanted: Tensor, ...rows: T): T {
  return s.isLast ? (rows.map((x) => s.ctx.getRows(x, wanted)) as unknown as T) : rows;
}

/**
 * The final normalisation, kept as an output since it is the embedding of the text so far.
 *
 * @param place weights and name; null: the last layer's result is the embedding
 */
export function finalNorm(m: ModelBuilder, x: Tensor, place: FinalNorm | null = OUTPUT_NORM): Tensor {
  const { part, label, ...own } = place ?? { part: null, label: 'result_embd' };
  const embedding = part === null ? x : norm(m.top, part, x, own);
  return m.ctx.setOutput(m.top.named(embedding, label));
}

/** Name of the final norm's weights without `.weight`, and of its result; and what differs from the other norms. */
export interface FinalNorm extends Partial<NormRecipe> {
  readonly part: string;
  readonly label: string;
}

const OUTPUT_NORM: FinalNorm = { part: 'output_norm', label: 'result_norm' };

export interface ScoreOptions {
  /**
   * Whether the model has output weights of its own; if not, the weights of the embedding are used. Default: optional.
   */
  readonly presence?: Presence;
  /**
   * What changes the product. `scaled`: the scale that output weights in NVFP4 may have, and adapters; `adapted`:
   * adapters; `plain`: nothing. Default `scaled`.
   */
  readonly product?: 'scaled' | 'adapted' | 'plain';
  /** Scores where the file has a matrix for them. Default: one for every token of the vocabulary. */
  readonly length?: number;
}

/** A score per token of the vocabulary. */
export function vocabularyScores(m: ModelBuilder, x: Tensor, options: ScoreOptions = {}): Tensor {
  const { ctx, top, hp } = m;
  const { presence = 'optional', product = 'scaled', length = hp.vocabularySize } = options;
  const own = weightIf(top, presence, 'output.weight', [x.ne[0], length]);
  const weight = own ?? top.weight('token_embd.weight', [x.ne[0], hp.vocabularySize], 'output');
  const scores = ctx.mulMat(weight, x);
  if (product === 'plain') return scores;
  const isScaled = product === 'scaled' && own?.type.name === 'nvfp4';
  const scale = isScaled ? top.optionalWeight('output.scale', [1]) : null;
  return adapted(top, weight, x, scale === null ? scores : ctx.mul(scores, scale));
}

/** Scores that approach `limit` instead of exceeding it. */
export function softCapped(m: ModelBuilder, scores: Tensor, limit: number): Tensor {
  return m.ctx.scale(m.ctx.tanh(m.ctx.scale(scores, 1 / limit)), limit);
}

/** Ends the graph with `scores` as its result. */
export function finish(m: ModelBuilder, scores: Tensor): void {
  m.graph.expand(m.ctx.setOutput(m.top.named(scores, 'result_output')));
}
