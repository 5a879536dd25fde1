/**
 * Where a forward pass begins and ends: tokens in, logits of the wanted tokens out.
 */
import { named } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import type { Presence } from '../presence.js';
import { adapted, weightIf } from './linear.js';
import { badTensor } from '../weights.js';
import { norm } from './norm.js';

/**
 * The embedding of each token. The graph also holds the input for ready-made embeddings, which a run may use instead.
 */
export function tokenEmbedding(m: ModelBuilder): Tensor {
  const { tokens } = m.batch;
  const { embeddingLength, vocabularySize } = m.hp;
  const ids = m.input('i32', [tokens], 'inp_tokens');
  const readyMade = m.input('f32', [embeddingLength, tokens], 'inp_embd');
  const table = m.top.weight('token_embd.weight', [embeddingLength, vocabularySize]);
  if (table.type.name === 'i32') {
    const message = `${named(table.name)} is of type i32, which cannot hold fractions.`;
    throw badTensor(message, table.name, 'of type i32', 'of a type that can hold fractions');
  }
  let embedded = m.ctx.getRows(table, ids);
  for (const adapter of m.adapters) {
    const pair = adapter.get(table.name);
    if (pair === undefined) continue;
    embedded = m.ctx.add(embedded, m.ctx.scale(m.ctx.mulMat(pair.b, m.ctx.getRows(pair.a, ids)), pair.scale));
  }
  m.graph.expand(embedded).expand(readyMade);
  const { embeddingScale } = m.hp;
  const scaled = embeddingScale === 0 ? embedded : m.ctx.scale(embedded, embeddingScale);
  return m.top.expand(m.top.named(scaled, 'embd'));
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
  const { part, label } = place ?? { part: null, label: 'result_embd' };
  const embedding = part === null ? x : norm(m.top, part, x);
  return m.ctx.setOutput(m.top.named(embedding, label));
}

/** Name of the final norm's weights without `.weight`, and of its result. */
export interface FinalNorm {
  readonly part: string;
  readonly label: string;
}

const OUTPUT_NORM: FinalNorm = { part: 'output_norm', label: 'result_norm' };

export interface ScoreOptions {
  /**
   * Whether the model has output weights of its own; if not, the weights of the embedding are used. Default: optional.
   */
  readonly presence?: Presence;
  /** Whether the architecture applies the scale that output weights in NVFP4 may have, and adapters. Default true. */
  readonly isScaled?: boolean;
}

/** A score per token of the vocabulary. */
export function vocabularyScores(m: ModelBuilder, x: Tensor, options: ScoreOptions = {}): Tensor {
  const { ctx, top, hp } = m;
  const { presence = 'optional', isScaled = true } = options;
  const ne = [x.ne[0], hp.vocabularySize];
  const own = weightIf(top, presence, 'output.weight', ne);
  const weight = own ?? top.weight('token_embd.weight', ne, 'output');
  const scores = ctx.mulMat(weight, x);
  if (!isScaled) return scores;
  const scale = own?.type.name === 'nvfp4' ? top.optionalWeight('output.scale', [1]) : null;
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
