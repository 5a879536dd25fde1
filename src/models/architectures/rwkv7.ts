/**
 * RWKV 7, whose matrices also forget along a direction of the token's choice, and the Qwen 2.5 that was turned into it.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { plainProduct, product, weightIf } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import type { StateInputs } from '../blocks/recurrent-state.js';
import { decoder } from '../decoder/decoder.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import type { Presence } from '../presence.js';
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

interface Rwkv7Hyperparameters extends RwkvHyperparameters {
  /** Elements of the short rows that decay, learning rate, values of the first layer and gate go through. */
  readonly ranks: Readonly<Record<'decay' | 'rate' | 'value' | 'gate', number>>;
}

type Rwkv7Layer = Layer<Rwkv7Hyperparameters>;

export const rwkv7 = decoder<Rwkv7Hyperparameters>({
  norm: { kind: 'layer', bias: 'required' },
  headRules: null,
  // The embeddings are normalised as a part of the first layer.
  begin: (m, x) => norm(m.top, 'token_embd_norm', x, {}, m.layers()[0]),
  layer: layerOfMixings(timeMixing('required'), mixChannels),
  output: { weights: 'required' },
  adjust: (hp, reader) => withRanks(reader, hp, 2),
});

/** Qwen 2.5 with time mixing in the place of attention, which may lack gate and norm. */
export const arwkv7 = decoder<Rwkv7Hyperparameters>({
  headRules: null,
  layer: layerOfMixingAndNetwork(timeMixing('optional')),
  output: { weights: 'required' },
  adjust: (hp, reader) => withRanks(reader, hp, 1),
});

/** @throws PlannerError `BAD_MODEL` */
function withRanks(reader: MetadataReader, hp: Hyperparameters, shiftCount: 1 | 2): Rwkv7Hyperparameters {
  const ranks = {
    decay: reader.integer('attention.decay_lora_rank'),
    rate: reader.integer('attention.iclr_lora_rank'),
    value: reader.integer('attention.value_residual_mix_lora_rank'),
    gate: reader.integer('attention.gate_lora_rank', 0),
  };
  return { ...withTimeMixing(reader, hp, shiftCount), ranks };
}

/** What each mixture of a token and the one before it becomes, in the order of the fused weights. */
const MIXTURES = ['r', 'w', 'k', 'v', 'a', 'g'] as const;
type Mixtures = Readonly<Record<(typeof MIXTURES)[number], Tensor>>;

const DECAY_FACTOR = -0.606531;
const KEY_EPSILON = 1e-12;

/** @param extras presence of the gate, and of the norm of heads */
function timeMixing(extras: Presence) {
  return (m: ModelBuilder<Rwkv7Hyperparameters>, states: StateInputs): TimeMixing<Rwkv7Hyperparameters> => {
    let firstValues: Tensor | null = null;
    return (s, x, previous) => {
      const { ctx, hp } = s;
      const { embeddingLength: width } = hp;
      const { tokens } = m.batch;
      const gate = gateOf(s, extras);
      const parts = mixtures(s, x, previous, gate !== null);
      const rows = (part: string, from: Tensor): Tensor => product(s, `time_mix_${part}`, from, width);
      const r = rows('receptance', parts.r);
      const w = ctx.exp(
        ctx.scale(ctx.sigmoid(viaShort(s, 'w', parts.w, hp.ranks.decay, (t) => ctx.tanh(t))), DECAY_FACTOR),
      );
      const key = rows('key', parts.k);
      const own = rows('value', parts.v);
      const v = firstValues === null ? own : mixedValues(s, firstValues, own, parts.v);
      if (firstValues === null) askForValueWeights(s);
      firstValues ??= own;
      const opening = gate?.(parts.g);
      const a = ctx.sigmoid(viaShort(s, 'a', parts.a, hp.ranks.rate));
      const direction = ctx.l2Norm(byHead(s, ctx.mul(key, s.weight('time_mix_k_k.weight', [width]))), KEY_EPSILON);
      const changed = ctx.mul(key, s.weight('time_mix_k_a.weight', [width]));
      const k = ctx.add(key, ctx.sub(ctx.mul(a, changed), changed));
      const heads = { r: byHead(s, r), w: byHead(s, w), k: byHead(s, k), v: byHead(s, v), a: byHead(s, a) };
      const result = mixed(s, states, (state) =>
        ctx.rwkvWkv7(heads.r, heads.w, heads.k, heads.v, ctx.neg(direction), ctx.mul(direction, heads.a), state),
      );
      const isNormed = ['weight', 'bias'].every((part) => weightIf(s, extras, `time_mix_ln.${part}`, [width]) !== null);
      const even = isNormed ? headsNormed(s, result) : ctx.reshape(result, [width, tokens]);
      const bonus = ctx.reshape(s.weight('time_mix_r_k.weight', [width]), [hp.headLength, width / hp.headLength]);
      const share = ctx.sumRows(ctx.mul(ctx.mul(heads.k, heads.r), bonus));
      const sum = ctx.add(even, ctx.reshape(ctx.mul(heads.v, share), [width, tokens]));
      const open = opening === undefined ? sum : ctx.mul(sum, opening);
      return ctx.reshape(product(s, 'time_mix_output', open, width), x.ne);
    };
  };
}

/** A row through a short one and back, plus an offset. */
function viaShort(s: Rwkv7Layer, part: string, x: Tensor, rank: number, act = (t: Tensor): Tensor => t): Tensor {
  const { embeddingLength: width } = s.hp;
  const short = act(plainProduct(s, `time_mix_${part}1`, x, rank));
  const long = plainProduct(s, `time_mix_${part}2`, short, width);
  return s.ctx.add(long, s.weight(`time_mix_${part}0.weight`, [width]));
}

/** Values between the layer's own and those of the first layer. */
function mixedValues(s: Rwkv7Layer, first: Tensor, own: Tensor, x: Tensor): Tensor {
  const { ctx } = s;
  const share = ctx.sigmoid(viaShort(s, 'v', x, s.hp.ranks.value));
  return ctx.add(own, ctx.mul(ctx.sub(first, own), share));
}

/** The first layer has these weights as well, but no operation reads them. */
function askForValueWeights(s: Rwkv7Layer): void {
  const { embeddingLength: width, ranks } = s.hp;
  s.weight('time_mix_v0.weight', [width]);
  s.weight('time_mix_v1.weight', [width, ranks.rate]);
  s.weight('time_mix_v2.weight', [ranks.rate, width]);
}

/** What opens the result; null if the file lacks one of its matrices. */
function gateOf(s: Rwkv7Layer, presence: Presence): ((x: Tensor) => Tensor) | null {
  const { embeddingLength: width, ranks } = s.hp;
  const into = weightIf(s, presence, 'time_mix_g1.weight', [width, ranks.gate]);
  const out = weightIf(s, presence, 'time_mix_g2.weight', [ranks.gate, width]);
  if (into === null || out === null) return null;
  return (x) => s.ctx.mulMat(out, s.ctx.sigmoid(s.ctx.mulMat(into, x)));
}

/** Mixtures of each token and the one before it, of which the last one is for the gate. */
function mixtures(s: Rwkv7Layer, x: Tensor, previous: Tensor, hasGate: boolean): Mixtures {
  const { ctx, hp, model } = s;
  const { embeddingLength: width } = hp;
  const { tokens, sequences } = model.batch;
  const count = hasGate ? MIXTURES.length : MIXTURES.length - 1;
  const change = ctx.repeat(ctx.sub(previous, x), [width, tokens / sequences, sequences, count]);
  const all = ctx.add(ctx.mul(change, s.weight('time_mix_lerp_fused.weight', [width, 1, 1, count])), x);
  const parts = MIXTURES.slice(0, count).map((name, index) => {
    const offset = index * width * tokens * all.nb[0];
    return [name, ctx.view(all, [width, tokens], [all.nb[1]], offset)];
  });
  return Object.fromEntries(parts) as Mixtures;
}

function mixChannels(s: Rwkv7Layer, x: Tensor, previous: Tensor): Tensor {
  const { ctx, hp } = s;
  const { embeddingLength: width, feedForwardLengths } = hp;
  const lerp = s.weight('channel_mix_lerp_k.weight', [width]);
  const row = ctx.add(ctx.mul(ctx.sub(previous, x), lerp), x);
  const inner = ctx.sqr(ctx.relu(product(s, 'channel_mix_key', row, feedForwardLengths[0])));
  return product(s, 'channel_mix_value', inner, width);
}
