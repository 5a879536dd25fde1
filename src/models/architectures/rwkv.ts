/**
 * What all RWKV models share: each layer mixes a token with the one before it, and keeps a matrix per head.
 *
 *     x ─► norm ─► time mixing ─► + x ─┬─► norm ─► channel mixing, or a gated network ─► + ─►
 *                                      └────────────────────────────────────────────────┘
 */
import type { Tensor } from '../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { keepWanted } from '../blocks/inputs.js';
import { norm } from '../blocks/norm.js';
import { fetchState, type StateInputs } from '../blocks/recurrent-state.js';
import type { Block, BlockMaker } from '../decoder/recipe.js';
import { withStates, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';

export interface RwkvHyperparameters extends Hyperparameters {
  /** Elements of a head. */
  readonly headLength: number;
  /** Rows of the last token that a layer keeps. */
  readonly shiftCount: number;
}

/** @throws PlannerError `BAD_MODEL` */
export function withTimeMixing(reader: MetadataReader, hp: Hyperparameters, shiftCount: 1 | 2): RwkvHyperparameters {
  const { embeddingLength: width } = hp;
  const headLength = reader.positive('wkv.head_size');
  if (width % headLength !== 0) reader.refuse('wkv.head_size', `a divisor of ${width}, the embedding length`);
  if (reader.integer('token_shift_count', 2) !== shiftCount) {
    reader.refuse('token_shift_count', `${shiftCount} in this architecture`);
  }
  const lengths = { convolution: shiftCount * width, scan: width * headLength };
  return { ...withStates(hp, lengths, () => true), headLength, shiftCount };
}

/** Time mixing: from a layer's rows and those of the tokens before, `[width, tokens, sequences]`, to what is added. */
export type TimeMixing<H extends RwkvHyperparameters> = (s: Layer<H>, x: Tensor, previous: Tensor) => Tensor;

/** Channel mixing: as time mixing, of rows `[width, tokens]`. */
export type ChannelMixing<H extends RwkvHyperparameters> = TimeMixing<H>;

export type TimeMixingMaker<H extends RwkvHyperparameters> = (m: ModelBuilder<H>, states: StateInputs) => TimeMixing<H>;

/** A layer whose second half mixes each token with the one before it, too. */
export function layerOfMixings<H extends RwkvHyperparameters>(
  makeTimeMixing: TimeMixingMaker<H>,
  mixChannels: ChannelMixing<H>,
  finish: Block<H> = (_, x) => x,
): BlockMaker<H> {
  return (m, { states, wanted }) => {
    const mixTimes = makeTimeMixing(m, states);
    return (s, x) => {
      const { ctx, hp } = s;
      const { embeddingLength: width } = hp;
      const grouped = bySequence(s, x);
      const last = lastRows(s, states);
      const half = (first: number): Tensor =>
        ctx.view(last, [width, 1, last.ne[2]], [last.nb[1], last.nb[2]], first * width * last.nb[0]);
      const normed = s.named(norm(s, 'attn_norm', grouped), 'attn_norm');
      const mixed = mixTimes(s, normed, shifted(s, half(0), normed));
      const sum = s.named(ctx.add(mixed, grouped), 'ffn_inp');
      const ready = s.named(norm(s, 'attn_norm_2', sum), 'ffn_norm');
      const previous = shifted(s, half(1), ready);
      keepRows(s, ctx.concat(lastOf(s, normed), lastOf(s, ready), 1));
      const flat = [sum, ready, previous].map((t) => ctx.reshape(t, [width, x.ne[1]]));
      const [residual, row, before] = keepWanted(s, wanted, ...flat);
      return s.named(finish(s, ctx.add(mixChannels(s, row, before), residual)), 'l_out');
    };
  };
}

/** A layer whose second half is a gated network. */
export function layerOfMixingAndNetwork<H extends RwkvHyperparameters>(
  makeTimeMixing: TimeMixingMaker<H>,
): BlockMaker<H> {
  return (m, { states, wanted }) => {
    const mixTimes = makeTimeMixing(m, states);
    return (s, x) => {
      const { ctx, hp } = s;
      const grouped = bySequence(s, x);
      const last = lastRows(s, states);
      const normed = s.named(norm(s, 'attn_norm', grouped), 'attn_norm');
      const mixed = mixTimes(s, normed, shifted(s, last, normed));
      keepRows(s, lastOf(s, normed));
      const sum = s.named(ctx.add(mixed, grouped), 'ffn_inp');
      const [residual] = keepWanted(s, wanted, ctx.reshape(sum, [hp.embeddingLength, x.ne[1]]));
      const ready = s.named(norm(s, 'ffn_norm', residual), 'ffn_norm');
      const fed = s.named(feedForward(s, ready, s.feedForwardLength), 'ffn_out');
      return s.named(ctx.add(fed, residual), 'l_out');
    };
  };
}

function bySequence({ ctx, hp, model }: Layer, x: Tensor): Tensor {
  const { sequences } = model.batch;
  return ctx.reshape(x, [hp.embeddingLength, x.ne[1] / sequences, sequences]);
}

/** The kept rows of each sequence's last token. */
function lastRows(s: Layer<RwkvHyperparameters>, inputs: StateInputs): Tensor {
  const { embeddingLength, shiftCount } = s.hp;
  const { convolution } = s.model.memory.state!.of(s.index);
  return s.ctx.reshape(fetchState(s, inputs, convolution), [embeddingLength, shiftCount, s.model.batch.sequences]);
}

/** The row ahead of each row of `x`: `last`, then all rows but the last one. */
function shifted({ ctx }: Layer, last: Tensor, x: Tensor): Tensor {
  const [width, tokens, sequences] = x.ne;
  return ctx.concat(last, ctx.view(x, [width, tokens - 1, sequences], [x.nb[1], x.nb[2]]), 1);
}

function lastOf({ ctx }: Layer, x: Tensor): Tensor {
  const [width, tokens, sequences] = x.ne;
  return ctx.view(x, [width, 1, sequences], [x.nb[1], x.nb[2]], (tokens - 1) * width * x.nb[0]);
}

/** Keeps rows for the next batch. */
function keepRows(s: Layer<RwkvHyperparameters>, rows: Tensor): void {
  const { ctx, hp, model } = s;
  const count = hp.embeddingLength * hp.shiftCount * model.batch.sequences;
  const { convolution } = model.memory.state!.of(s.index);
  s.expand(ctx.cpy(ctx.view(rows, [count]), ctx.view(convolution, [count])));
}

/** Fetches the matrices of all heads, lets `mix` read them, keeps the new ones, and gives one row per token. */
export function mixed(s: Layer<RwkvHyperparameters>, inputs: StateInputs, mix: (state: Tensor) => Tensor): Tensor {
  const { ctx, hp, model } = s;
  const { tokens, sequences } = model.batch;
  const { embeddingLength: width, headLength } = hp;
  const { scan: cache } = model.memory.state!.of(s.index);
  const result = mix(fetchState(s, inputs, cache));
  const count = width * headLength * sequences;
  const rows = ctx.view(result, [width * tokens]);
  const kept = ctx.view(result, [count], [], width * tokens * result.nb[0]);
  s.expand(ctx.cpy(kept, ctx.view(cache, [count])));
  return rows;
}

const HEAD_EPSILON = 64e-5;

/** Rows normalised head by head, with learned weights. */
export function headsNormed(s: Layer<RwkvHyperparameters>, rows: Tensor): Tensor {
  const { ctx, hp } = s;
  const { embeddingLength: width } = hp;
  const { tokens } = s.model.batch;
  const even = ctx.norm(byHead(s, rows), HEAD_EPSILON);
  const scaled = ctx.mul(ctx.reshape(even, [width, tokens]), s.weight('time_mix_ln.weight', [width]));
  return ctx.add(scaled, s.weight('time_mix_ln.bias', [width]));
}

/** One row per token as `[head, heads, tokens]`. */
export function byHead({ ctx, hp, model }: Layer<RwkvHyperparameters>, rows: Tensor): Tensor {
  const { embeddingLength, headLength } = hp;
  return ctx.reshape(rows, [headLength, embeddingLength / headLength, model.batch.tokens]);
}
