/**
 * DFlash: guesses the next tokens of another model as a block, from that model's inner results, which lie in its cache.
 * With a Markov head (DSpark), each guess of a block depends on the one before.
 *
 * llama.cpp reserves memory for the graph of the guesses; what prepares the other model's results is loaded beside it.
 */
import { PlannerError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Architecture } from '../architecture.js';
import { attended, attentionInputs, reshaped, type AttentionInputs } from '../blocks/attention.js';
import { feedForward } from '../blocks/feed-forward.js';
import { finalNorm } from '../blocks/inputs.js';
import { adapted, product } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { poolTexts } from '../blocks/pooling.js';
import { turn } from '../blocks/rope.js';
import { embeddingTable, knownTokens, scattered, scoreMatrix } from '../blocks/target.js';
import { readDecoder } from '../decoder/read.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';

interface DflashHyperparameters extends Hyperparameters {
  /** Elements of the other model's results that a token brings. */
  readonly targetLength: number;
  /** Tokens of a block at most, where the draft has a Markov head; null: the file does not say. */
  readonly blockSize: number | null;
  /** Whether the first token of a block is a guess, too. */
  readonly startsAtAnchor: boolean;
}

export const dflash: Architecture<DflashHyperparameters> = {
  read: (reader) =>
    readDecoder(reader, {
      rope: { mode: 'neox' },
      window: { tokens: 'none', period: 'listed' },
      adjust: readTarget,
    }),
  build,
};

function readTarget(hp: Hyperparameters, reader: MetadataReader): DflashHyperparameters {
  if (reader.integer('hyper_connection.count', 0) > 0) throw hyperConnections();
  const layers = reader.listLength('target_layers');
  if (layers === 0) reader.refuse('target_layers', 'a list of layers');
  const pattern = 'attention.sliding_window_pattern';
  if (hp.attention.window !== null && reader.hasScalar(pattern)) reader.refuse(pattern, 'a list of layers');
  return {
    ...hp,
    hasEncoder: true,
    targetLength: layers * hp.embeddingLength,
    blockSize: reader.has('block_size') ? reader.positive('block_size') : null,
    startsAtAnchor: reader.flag('sample_from_anchor', true),
  };
}

function hyperConnections(): PlannerError {
  return new PlannerError('UNKNOWN_ARCHITECTURE', {
    message:
      'The key hyper_connection.count says that this draft has hyper-connections, as those of DeepSeek-V4 have; this library cannot build these.',
    culprit: 'hyper_connection.count',
    value: 'above zero',
    limit: '0, or left out',
    remedy: 'Only its weights can be measured.',
  });
}

function build(m: ModelBuilder<DflashHyperparameters>): void {
  const { ctx, top, graph, batch } = m;
  requireTargetWeights(m);
  const tokens = m.input('i32', [batch.tokens]);
  let x = top.named(ctx.getRows(embeddingTable(m), tokens), 'inp_noise_embd');
  const positions = m.input('i32', [batch.tokens]);
  const inputs = attentionInputs(m);
  for (const s of m.layers()) x = layer(s, x, positions, inputs);
  const embedding = finalNorm(m, x);
  const matrix = scoreMatrix(m);
  const scale = matrix.type.name === 'nvfp4' ? top.optionalWeight('output.scale', [1]) : null;
  const product = ctx.mulMat(matrix, embedding);
  const known = knownTokens(m);
  const scores = adapted(top, matrix, embedding, scale === null ? product : ctx.mul(product, scale));
  const all = top.named(scattered(m, scores, known, -Infinity), 'result_output');
  graph.expand(all);
  const guesses = markovGuesses(m, { tokens, scores: all, embedding, known });
  ctx.setOutput(guesses ?? all);
  poolTexts(m, embedding);
}

/** What prepares the other model's results. */
function requireTargetWeights({ top, hp }: ModelBuilder<DflashHyperparameters>): void {
  top.weight('fc.weight', [hp.targetLength, hp.embeddingLength]);
  top.optionalWeight('fc.scale', [1]);
  top.weight('enc.output_norm.weight', [hp.embeddingLength]);
}

function layer(s: Layer<DflashHyperparameters>, x: Tensor, positions: Tensor, inputs: AttentionInputs): Tensor {
  const { ctx } = s;
  const { keyLength, valueLength, headCount, kvHeadCount } = s.heads;
  const normed = s.named(norm(s, 'attn_norm', x), 'noise_norm');
  const [q, k, v] = [
    product(s, 'attn_q', normed, keyLength * headCount),
    product(s, 'attn_k', normed, keyLength * kvHeadCount),
    product(s, 'attn_v', normed, valueLength * kvHeadCount),
  ];
  const turned = (part: 'q' | 'k', rows: Tensor): Tensor => {
    const heads = norm(s, `attn_${part}_norm`, reshaped(s, rows, keyLength));
    return s.named(turn(s, heads, positions), `${part.toUpperCase()}cur`);
  };
  const heads = { q: turned('q', q), k: turned('k', k), v: s.named(reshaped(s, v, valueLength), 'Vcur') };
  const mixed = attended(s, inputs, heads, { scale: 1 / Math.sqrt(keyLength) });
  const middle = s.named(ctx.add(product(s, 'attn_output', mixed, s.hp.embeddingLength), x), 'ffn_inp');
  const ready = s.named(norm(s, 'ffn_norm', middle), 'ffn_norm');
  const fed = s.named(feedForward(s, ready, s.feedForwardLength, { isScaled: true }), 'ffn_out');
  return s.named(ctx.add(fed, middle), 'l_out');
}

interface MarkovInputs {
  readonly tokens: Tensor;
  readonly scores: Tensor;
  readonly embedding: Tensor;
  readonly known: Tensor | null;
}

/** The matrices of the Markov head. */
interface MarkovWeights {
  readonly before: Tensor;
  readonly after: Tensor;
  readonly trust: Tensor;
  readonly trustBias: Tensor | null;
}

function markovWeights({ top, hp }: ModelBuilder, known: Tensor | null): MarkovWeights | null {
  const ne = top.listedShape('markov_w1.weight');
  if (ne === null) return null;
  const [rank] = ne;
  return {
    before: top.weight('markov_w1.weight', [rank, hp.vocabularySize]),
    after: top.weight('markov_w2.weight', [rank, known?.ne[0] ?? hp.vocabularySize]),
    trust: top.weight('conf_proj.weight', [hp.embeddingLength + rank, 1]),
    trustBias: top.optionalWeight('conf_proj.bias', [1]),
  };
}

/**
 * Scores of which each depends on the guess before, and how far each can be trusted; null without a Markov head, or in a
 * batch that is no block.
 */
function markovGuesses(m: ModelBuilder<DflashHyperparameters>, inputs: MarkovInputs): Tensor | null {
  const { ctx, graph, hp, batch } = m;
  const weights = markovWeights(m, inputs.known);
  if (weights === null) return null;
  if (hp.blockSize === null) throw missingBlockSize();
  const blocks = batch.sequences;
  const length = batch.tokens / blocks;
  if (length > hp.blockSize) return null;
  const { scores, embedding } = inputs;
  // Column i of every block.
  const columns = (from: Tensor, i: number, rows = from.ne[0]): Tensor =>
    ctx.view(from, [rows, blocks], [length * from.nb[1]], i * from.nb[1]);
  const guesses: Tensor[] = [];
  const trusts: Tensor[] = [];
  if (!hp.startsAtAnchor) {
    guesses.push(ctx.cont(columns(scores, 0)));
    trusts.push(ctx.sigmoid(ctx.cont(columns(scores, 0, 1))));
  }
  const { tokens } = inputs;
  let before = ctx.cont(ctx.view(tokens, [1, blocks], [length * tokens.nb[0]]), [blocks]);
  for (let i = guesses.length; i < length; i++) {
    const last = ctx.getRows(weights.before, before);
    const shift = scattered(m, ctx.mulMat(weights.after, last), inputs.known, 0);
    const guess = ctx.add(columns(scores, i), shift);
    guesses.push(guess);
    const facts = ctx.concat(ctx.cont(columns(embedding, i)), last, 0);
    const trust = ctx.mulMat(weights.trust, facts);
    trusts.push(ctx.sigmoid(weights.trustBias === null ? trust : ctx.add(trust, weights.trustBias)));
    if (i + 1 < length) before = ctx.argmax(guess);
  }
  const joined = (parts: readonly Tensor[]): Tensor => {
    const [first, ...rest] = parts;
    const all = rest.reduce((sum, part) => ctx.concat(sum, part, 1), first);
    const byBlock = ctx.permute(ctx.reshape(all, [first.ne[0], blocks, length]), [0, 2, 1, 3]);
    return ctx.reshape(ctx.cont(byBlock), [first.ne[0], batch.tokens]);
  };
  const result = joined(guesses);
  graph.expand(ctx.setOutput(ctx.repeat(joined(trusts), embedding.ne)));
  graph.expand(result);
  return result;
}

function missingBlockSize(): PlannerError {
  return new PlannerError('BAD_MODEL', {
    message: '`dflash.block_size` is missing; a draft with a Markov head needs it.',
    culprit: 'dflash.block_size',
    value: 'missing',
    limit: 'an integer of at least 1',
    remedy: 'Convert the model again with a current converter.',
  });
}
