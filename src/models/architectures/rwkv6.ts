/**
 * RWKV 6, whose decay depends on the token, and the Qwen 2 that was turned into it.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { plainProduct, product, weightIf, withBias } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import type { StateInputs } from '../blocks/recurrent-state.js';
import { decoder } from '../decoder/decoder.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import {
  byHead,
  headsNormed,
  layerOfMixingAndNetwork,
  layerOfMixings,
  mixed,
  withTimeMixing,
  type RwkvHyperparameters,
  type TimeMixing,
} from './rwkv.js';

interface Rwkv6Hyperparameters extends RwkvHyperparameters {
  /** Elements of the short rows that mixing and decay go through. */
  readonly mixRank: number;
  readonly decayRank: number;
  /** What every so many layers add is halved with the residual; 0: nowhere. */
  readonly rescaledEvery: number;
}

type Rwkv6Layer = Layer<Rwkv6Hyperparameters>;

/** What each of the five mixtures of a token and the one before it becomes, in the order of the fused weights. */
const MIXTURES = ['w', 'k', 'v', 'r', 'g'] as const;
type Mixtures = Readonly<Record<(typeof MIXTURES)[number], Tensor>>;

export const rwkv6 = decoder<Rwkv6Hyperparameters>({
  norm: { kind: 'layer', bias: 'required' },
  headRules: null,
  // The embeddings are normalised as a part of the first layer.
  begin: (m, x) => norm(m.top, 'token_embd_norm', x, {}, m.layers()[0]),
  layer: layerOfMixings(timeMixing(bonusOfFirst), mixChannels, (s, x) => {
    const { rescaledEvery } = s.hp;
    return rescaledEvery !== 0 && (s.index + 1) % rescaledEvery === 0 ? s.ctx.scale(x, 0.5) : x;
  }),
  output: { weights: 'required' },
  adjust: (hp, reader) => withRanks(reader, hp, 2),
});

/** Qwen 2 with time mixing in the place of attention: no bonus for the token itself, and a gate by sigmoid. */
export const rwkv6qwen2 = decoder<Rwkv6Hyperparameters>({
  headRules: null,
  layer: layerOfMixingAndNetwork(timeMixing(null)),
  finalNorm: { part: 'output_norm', label: 'result_norm', bias: 'optional' },
  output: { weights: 'required' },
  adjust: (hp, reader) => withRanks(reader, hp, 1),
});

/** @throws PlannerError `BAD_MODEL` */
function withRanks(reader: MetadataReader, hp: Hyperparameters, shiftCount: 1 | 2): Rwkv6Hyperparameters {
  return {
    ...withTimeMixing(reader, hp, shiftCount),
    mixRank: reader.integer('time_mix_extra_dim'),
    decayRank: reader.integer('time_decay_extra_dim'),
    rescaledEvery: reader.integer('rescale_every_n_layers', 0),
  };
}

/** The bonus of each head for the token itself. */
function bonusOfFirst(s: Rwkv6Layer): Tensor {
  const { embeddingLength, headLength } = s.hp;
  return s.weight('time_mix_first.weight', [headLength, embeddingLength / headLength]);
}

function timeMixing(bonus: ((s: Rwkv6Layer) => Tensor) | null) {
  return (m: ModelBuilder<Rwkv6Hyperparameters>, states: StateInputs): TimeMixing<Rwkv6Hyperparameters> =>
    (s, x, previous) => {
      const { ctx, hp } = s;
      const { embeddingLength: width } = hp;
      const parts = mixtures(s, x, previous, bonus === null);
      const { r, k, v } = heads(s, parts, bonus === null);
      const gates = product(s, 'time_mix_gate', parts.g, width);
      const gate = bonus === null ? ctx.sigmoid(gates) : ctx.silu(gates);
      const w = decay(s, parts.w);
      const rows = mixed(s, states, (state) =>
        bonus === null
          ? ctx.gatedLinearAttn(ctx.sub(k, ctx.mul(k, w)), v, r, w, state, hp.headLength ** -0.5)
          : ctx.rwkvWkv6(k, v, r, bonus(s), w, state),
      );
      const even = bonus === null ? ctx.reshape(rows, [width, m.batch.tokens]) : headsNormed(s, rows);
      return ctx.reshape(product(s, 'time_mix_output', ctx.mul(even, gate), width), x.ne);
    };
}

/** Five mixtures of each token and the one before it, which depend on both. */
function mixtures(s: Rwkv6Layer, x: Tensor, previous: Tensor, isFused: boolean): Mixtures {
  const { ctx, hp, model } = s;
  const { tokens } = model.batch;
  const { embeddingLength: width, mixRank } = hp;
  const change = ctx.reshape(ctx.sub(previous, x), [width, tokens]);
  const rows = ctx.reshape(x, [width, tokens]);
  const even = ctx.add(ctx.mul(change, s.weight('time_mix_lerp_x.weight', [width])), rows);
  const short = ctx.tanh(plainProduct(s, 'time_mix_w1', even, 5 * mixRank));
  const apart = ctx.cont(ctx.permute(ctx.reshape(short, [mixRank, 1, 5, tokens]), [0, 1, 3, 2]));
  const back = ctx.reshape(s.weight('time_mix_w2.weight', [mixRank, width, 5]), [mixRank, width, 1, 5]);
  const all = ctx.mulMat(back, apart);
  const part = (from: Tensor, index: number): Tensor =>
    ctx.view(from, [width, tokens], [from.nb[1]], index * width * tokens * from.nb[0]);
  const lerp = (name: string): Tensor | null =>
    weightIf(s, isFused ? 'none' : 'optional', `time_mix_lerp_${name}.weight`, [width]);
  const apartLerps = MIXTURES.map(lerp);
  const fused = weightIf(s, isFused ? 'required' : 'optional', 'time_mix_lerp_fused.weight', [width, 1, 1, 5]);
  const mix = (weights: Tensor, own: Tensor, by: Tensor, to: Tensor): Tensor =>
    ctx.add(ctx.mul(ctx.add(own, weights), by), to);
  const raised = (t: Tensor): Tensor => ctx.reshape(t, [width, 1, tokens]);
  const together = fused === null ? null : mix(fused, all, raised(change), raised(rows));
  const each = MIXTURES.map((name, index) => {
    if (together !== null) return [name, part(together, index)];
    const weights = apartLerps[index] ?? s.weight(`time_mix_lerp_${name}.weight`, [width]);
    return [name, mix(weights, part(all, index), change, rows)];
  });
  return Object.fromEntries(each) as Mixtures;
}

/** Receptance, keys and values as `[head, heads, tokens]`. */
function heads(s: Rwkv6Layer, parts: Mixtures, isShared: boolean): Readonly<Record<'r' | 'k' | 'v', Tensor>> {
  const { embeddingLength: width, headLength } = s.hp;
  const bias = isShared ? 'optional' : 'none';
  const [{ kvHeadCount }] = s.hp.attention.layers;
  const length = isShared && kvHeadCount !== 0 ? kvHeadCount * headLength : width;
  const project = (part: string, x: Tensor, to: number): Tensor =>
    withBias(s, `time_mix_${part}`, product(s, `time_mix_${part}`, x, to), bias);
  return {
    r: byHead(s, project('receptance', parts.r, width)),
    k: byHead(s, repeated(s, project('key', parts.k, length))),
    v: byHead(s, repeated(s, project('value', parts.v, length))),
  };
}

/** Heads that several others share, once for each of these. */
function repeated(s: Rwkv6Layer, rows: Tensor): Tensor {
  const { ctx, hp } = s;
  const { headLength } = hp;
  const { tokens } = s.model.batch;
  const { kvHeadCount } = s.heads;
  const headCount = hp.embeddingLength / headLength;
  if (kvHeadCount === 0 || kvHeadCount === headCount) return rows;
  const once = ctx.reshape(rows, [headLength, 1, kvHeadCount, tokens]);
  return ctx.repeat(once, [headLength, headCount / kvHeadCount, kvHeadCount, tokens]);
}

/** How much of each head's matrix stays. */
function decay(s: Rwkv6Layer, x: Tensor): Tensor {
  const { ctx, hp } = s;
  const { embeddingLength: width, decayRank } = hp;
  const short = ctx.tanh(plainProduct(s, 'time_mix_decay_w1', x, decayRank));
  const long = plainProduct(s, 'time_mix_decay_w2', short, width);
  const sum = ctx.add(long, s.weight('time_mix_decay.weight', [width]));
  return byHead(s, ctx.exp(ctx.neg(ctx.exp(sum))));
}

function mixChannels(s: Rwkv6Layer, x: Tensor, previous: Tensor): Tensor {
  const { ctx, hp } = s;
  const { embeddingLength: width, feedForwardLengths } = hp;
  const change = ctx.sub(previous, x);
  const lerp = (name: string): Tensor =>
    ctx.add(ctx.mul(change, s.weight(`channel_mix_lerp_${name}.weight`, [width])), x);
  const [key, receptance] = [lerp('k'), lerp('r')];
  const open = ctx.sigmoid(product(s, 'channel_mix_receptance', receptance, width));
  const inner = ctx.sqr(ctx.relu(product(s, 'channel_mix_key', key, feedForwardLengths[0])));
  return ctx.mul(open, product(s, 'channel_mix_value', inner, width));
}
