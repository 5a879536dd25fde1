/**
 * EAGLE-3: one layer that guesses the next tokens of another model from its own guesses and that model's inner results.
 *
 * llama.cpp reserves memory for the graph of the guesses; what prepares the other model's results is loaded beside it.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Architecture } from '../architecture.js';
import { attended, attentionInputs, project, reshaped, type Heads } from '../blocks/attention.js';
import { feedForward } from '../blocks/feed-forward.js';
import { finish } from '../blocks/inputs.js';
import { adapted, product } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { frequencyFactors, turn } from '../blocks/rope.js';
import { embeddingTable, knownTokens, refuseEmbeddings, scattered, scoreMatrix } from '../blocks/target.js';
import { readDecoder } from '../decoder/read.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';

interface Eagle3Hyperparameters extends Hyperparameters {
  /** Elements of the other model's results that a token brings. */
  readonly targetLength: number;
  /** Whether these are normalised. */
  readonly hasTargetNorm: boolean;
  /** Whether the residual is the normalised input. */
  readonly isResidualNormed: boolean;
}

export const eagle3: Architecture<Eagle3Hyperparameters> = {
  read: (reader) => readDecoder(reader, { adjust: readTarget }),
  build,
};

/** The layers of the other model whose results are read. */
const TARGET_LAYERS = 3;

function readTarget(hp: Hyperparameters, reader: MetadataReader): Eagle3Hyperparameters {
  if (reader.listLength('target_layers') !== TARGET_LAYERS) reader.refuse('target_layers', 'a list of three layers');
  if (hp.layerCount !== 1) reader.refuse('block_count', '1 in this architecture');
  return {
    ...hp,
    hasEncoder: true,
    targetLength: TARGET_LAYERS * reader.positive('target_hidden_size'),
    hasTargetNorm: reader.flag('norm_before_fc', false),
    isResidualNormed: reader.flag('norm_before_residual', false),
  };
}

function build(m: ModelBuilder<Eagle3Hyperparameters>): void {
  const { ctx, top, hp, batch } = m;
  refuseEmbeddings(m);
  requireTargetWeights(m);
  const [s] = m.layers();
  const tokens = m.input('i32', [batch.tokens]);
  const given = top.named(m.input('f32', [hp.embeddingLength, batch.tokens]), 'inp_g_embeddings');
  const guessed = top.named(ctx.getRows(embeddingTable(m), tokens), 'inp_embd');
  const normedGuess = s.named(norm(s, 'attn_norm', guessed), 'embd_norm');
  const normedGiven = s.named(norm(s, 'attn_norm_2', given, {}, top), 'g_norm');
  const both = s.named(ctx.concat(normedGuess, normedGiven, 0), 'concat_embd');
  const attention = attend(s, both);
  const middle = s.named(ctx.add(attention, hp.isResidualNormed ? normedGiven : given), 'ffn_inp');
  const ready = s.named(norm(s, 'ffn_norm', middle), 'post_attn_norm');
  const fed = s.named(feedForward(s, ready, s.feedForwardLength), 'ffn_out');
  const result = ctx.setOutput(s.named(ctx.add(fed, middle), 'eagle3_prenorm'));
  const normed = top.named(norm(top, 'output_norm', result), 'result_norm');
  const matrix = scoreMatrix(m);
  finish(m, scattered(m, adapted(top, matrix, normed, ctx.mulMat(matrix, normed)), knownTokens(m), -Infinity));
}

/** What prepares the other model's results. */
function requireTargetWeights({ top, hp }: ModelBuilder<Eagle3Hyperparameters>): void {
  top.weight('fc.weight', [hp.targetLength, hp.embeddingLength]);
  if (hp.hasTargetNorm) top.weight('enc.output_norm.weight', [hp.targetLength]);
}

/** Attention of rows that are twice as wide as an embedding. */
function attend(s: Layer<Eagle3Hyperparameters>, x: Tensor): Tensor {
  const { keyLength, valueLength } = s.heads;
  const positions = s.model.input('i32', [s.model.batch.tokens]);
  const freqFactors = frequencyFactors(s, 'plain');
  const rows = (part: 'q' | 'k' | 'v'): Tensor => project(s, part, x, { bias: 'none' });
  const [q, k, v] = [rows('q'), rows('k'), rows('v')];
  const turned = (from: Tensor, label: string): Tensor =>
    s.named(turn(s, reshaped(s, from, keyLength), positions, { freqFactors }), label);
  const heads: Heads = { q: turned(q, 'Qcur_rope'), k: turned(k, 'Kcur_rope'), v: reshaped(s, v, valueLength) };
  const mixed = attended(s, attentionInputs(s.model), heads, { scale: 1 / Math.sqrt(keyLength) });
  return product(s, 'attn_output', mixed, s.hp.embeddingLength);
}
