/**
 * Qwen from the hybrids on: most layers are gated delta nets, the others attention whose result is gated.
 */
import { rowSize } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import { attended, reshaped } from '../blocks/attention.js';
import { convolutionInput, deltaAttention } from '../blocks/delta-net.js';
import { linear, product } from '../blocks/linear.js';
import type { MixtureRecipe } from '../blocks/mixture.js';
import { norm } from '../blocks/norm.js';
import { fetchState } from '../blocks/recurrent-state.js';
import { turn } from '../blocks/rope.js';
import { decoder } from '../decoder/decoder.js';
import type { BlockMaker, DecoderRecipe } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer } from '../model-builder.js';
import { recurrentLayers, withScan, type ScanHyperparameters } from '../scan.js';

type DeltaLayer = Layer<ScanHyperparameters>;

const HYBRID = {
  embedding: { label: 'model.input_embed' },
  rope: { mode: 'imrope', sections: 'required' },
  attention: gatedAttention({ query: 'Qcur_reshaped', gate: null, dense: 'gate_reshaped' }),
  recurrence: deltaNet({ inputs: separateInputs, rates: separateRates, isRepeated: false }),
  norms: { beforeFeedForward: { part: 'post_attention_norm', label: 'attn_post_norm' } },
  feedForward: { isScaled: true },
  labels: { attentionSum: 'attn_residual' },
  predicts: 'uncached',
  prediction: {},
  keepsWantedAfter: 'final-norm',
  hasSnapshots: true,
  graphRoom: { perToken: 40, perWeight: 32 },
  adjust: withDeltaNets,
} satisfies DecoderRecipe<ScanHyperparameters>;

const EXPERTS: MixtureRecipe = {
  isRequired: true,
  length: 'own-or-split',
  isNormalised: true,
  isScaled: true,
  fusedGate: 'optional',
  shared: { length: 'own-or-whole', gate: 'sigmoid', network: { isScaled: true } },
};

/** Qwen 3.5 and 3.6, dense. */
export const qwen35 = decoder<ScanHyperparameters>(HYBRID);

export const qwen35moe = decoder<ScanHyperparameters>({ ...HYBRID, experts: EXPERTS });

/**
 * The first hybrid: tokens have one position, and the heads of keys are repeated for those of values. It cannot go back.
 */
export const qwen3next = decoder<ScanHyperparameters>({
  ...HYBRID,
  hasSnapshots: false,
  embedding: { label: 'model.embed_tokens' },
  rope: { mode: 'neox' },
  attention: gatedAttention({ query: 'Qcur_view', gate: 'gate', dense: null }),
  recurrence: deltaNet({ inputs: jointInputs, rates: jointRates, isRepeated: true }),
  experts: EXPERTS,
  prediction: {
    layer: { attention: HYBRID.attention, keepsWantedAfter: 'attention' },
    keepsWantedAfter: 'part',
  },
});

/** Every fourth layer is attention if the file does not say which. */
function withDeltaNets(hp: Hyperparameters, reader: MetadataReader): ScanHyperparameters {
  const scanned = withScan(reader, hp, { hasGroups: true, layers: recurrentLayers(reader, hp, 4) });
  const { innerLength, stateLength, stepRank, groups } = scanned.scan;
  if (innerLength !== stateLength * stepRank) {
    reader.refuse('ssm.inner_size', `${stateLength} × ${stepRank}, the length of all states`);
  }
  if (groups === 0 || stepRank % groups !== 0) {
    reader.refuse('ssm.group_count', `a divisor of ${stepRank}, the number of states`);
  }
  return scanned;
}

/** Names of the parts of the matrix that makes queries and gates; null: none. */
interface GateLabels {
  readonly query: string;
  readonly gate: string | null;
  readonly dense: string | null;
}

/** Attention whose result is multiplied by gates, which the matrix of the queries makes, too. */
function gatedAttention(labels: GateLabels): BlockMaker<ScanHyperparameters> {
  return (_, { positions, attention }) =>
    (s, x) => {
      const { ctx } = s;
      const { keyLength, headCount, kvHeadCount } = s.heads;
      const named = (t: Tensor, label: string | null): Tensor => (label === null ? t : s.named(t, label));
      s.expand(x);
      const part = (name: 'q' | 'k' | 'v', label: string, length: number): Tensor => {
        s.optionalWeight(`attn_${name}.bias`, [length]);
        return s.named(linear(s, `attn_${name}`, x, length), label);
      };
      const both = part('q', 'Qcur_full', 2 * keyLength * headCount);
      // Where gates have a name of their own, the product is reshaped ahead of the views.
      const source = labels.gate === null ? both : ctx.reshape(both, [2 * keyLength, headCount, x.ne[1]]);
      const row = rowSize(both.type, 2 * keyLength);
      const half = (first: number): Tensor =>
        ctx.view(source, [keyLength, headCount, x.ne[1]], [row, row * headCount], rowSize(both.type, first));
      const evened = (name: 'q' | 'k', heads: Tensor): Tensor =>
        s.named(norm(s, `attn_${name}_norm`, heads), `${name.toUpperCase()}cur_normed`);
      const q = evened('q', s.named(half(0), labels.query));
      const k = evened('k', reshaped(s, part('k', 'Kcur', keyLength * kvHeadCount), keyLength));
      const v = s.named(reshaped(s, part('v', 'Vcur', keyLength * kvHeadCount), keyLength), 'Vcur');
      const gate = ctx.cont(named(half(keyLength), labels.gate), [keyLength * headCount, x.ne[1]]);
      const turned = { q: s.named(turn(s, q, positions), 'Qcur'), k: s.named(turn(s, k, positions), 'Kcur'), v };
      const result = s.named(attended(s, attention, turned, { scale: 1 / Math.sqrt(keyLength) }), 'attn_pregate');
      const opening = s.named(ctx.sigmoid(named(gate, labels.dense)), 'gate_sigmoid');
      const gated = s.named(ctx.mul(result, opening), 'attn_gated');
      return s.named(linear(s, 'attn_output', gated, s.hp.embeddingLength), 'attn_output');
    };
}

/** How a generation makes what its delta nets read. */
interface DeltaRecipe {
  /** Queries, keys and values of the convolution in one row, and the gates of the result. */
  readonly inputs: (s: DeltaLayer, x: Tensor) => { readonly all: Tensor; readonly z: Tensor };
  /** How strongly a state is corrected, and the rate at which it fades before its own offset and factor. */
  readonly rates: (s: DeltaLayer, x: Tensor) => { readonly beta: Tensor; readonly alpha: Tensor };
  /** Whether queries and keys are repeated for every head of the values. */
  readonly isRepeated: boolean;
}

function deltaNet(recipe: DeltaRecipe): BlockMaker<ScanHyperparameters> {
  return (_, { states }) =>
    (s, x) => {
      const { ctx, hp, model } = s;
      const { innerLength, stateLength: length, stepRank: heads, convolutionWidth } = hp.scan;
      s.expand(x);
      const perSequence = [s.model.batch.tokens / s.model.batch.sequences, s.model.batch.sequences];
      const { all, z } = recipe.inputs(s, x);
      const { beta, alpha } = recipe.rates(s, x);
      const rate = s.named(ctx.softplus(ctx.add(alpha, s.weight('ssm_dt.bias', [heads]))), 'a_softplus');
      const faded = s.named(ctx.mul(rate, s.weight('ssm_a', [heads])), 'gate');
      const gate = ctx.reshape(faded, [1, heads, ...perSequence]);
      const columns = convolutionInput(s, states, all, convolutionWidth);
      const fetched = fetchState(s, states, model.memory.state!.of(s.index).scan);
      const state = s.named(ctx.reshape(fetched, [length, length, heads, perSequence[1]]), 'state_predelta');
      const parts = convolved(s, columns, all.ne[0], recipe);
      const output = deltaAttention(s, { ...parts, gate, beta }, state);
      const opening = ctx.silu(ctx.reshape(z, [length, heads, ...perSequence]));
      const gated = ctx.mul(norm(s, 'ssm_norm', output), opening);
      const rows = s.named(ctx.reshape(gated, [innerLength, ...perSequence]), 'final_output');
      const multiply = recipe.isRepeated ? product : linear;
      const result = s.named(multiply(s, 'ssm_out', rows, hp.embeddingLength), 'linear_attn_out');
      return ctx.reshape(result, [hp.embeddingLength, x.ne[1]]);
    };
}

/** Queries, keys and values after the convolution. */
function convolved(
  s: DeltaLayer,
  columns: Tensor,
  channels: number,
  { isRepeated }: DeltaRecipe,
): Readonly<Record<'q' | 'k' | 'v', Tensor>> {
  const { ctx, hp, model } = s;
  const { stateLength: length, stepRank: heads, groups, convolutionWidth } = hp.scan;
  const { tokens, sequences } = model.batch;
  const summed = ctx.ssmConv(columns, s.weight('ssm_conv1d.weight', [convolutionWidth, channels]));
  const all = s.named(ctx.silu(s.named(summed, 'conv_output_raw')), 'conv_output_silu');
  const row = rowSize(all.type, channels);
  const strides = [rowSize(all.type, length), row, row * (tokens / sequences)];
  const part = (name: string, count: number, first: number): Tensor => {
    const ne = [length, count, tokens / sequences, sequences];
    return s.named(ctx.view(all, ne, strides, rowSize(all.type, first * length)), `${name}_conv`);
  };
  const even = (x: Tensor): Tensor => {
    const result = ctx.l2Norm(x, hp.norm.epsilon);
    return isRepeated && groups !== heads ? repeated(s, result) : result;
  };
  const [q, k, v] = [part('q', groups, 0), part('k', groups, groups), part('v', heads, 2 * groups)];
  return {
    q: s.named(even(q), 'q_conv_predelta'),
    k: s.named(even(k), 'k_conv_predelta'),
    v: s.named(v, 'v_conv_predelta'),
  };
}

/** Every head as many times as heads of values share it. */
function repeated({ ctx, hp, model }: DeltaLayer, x: Tensor): Tensor {
  const { stateLength: length, stepRank: heads, groups } = hp.scan;
  const { tokens, sequences } = model.batch;
  const apart = ctx.reshape(x, [length, 1, groups, tokens]);
  const all = ctx.repeat(apart, [length, heads / groups, groups, tokens]);
  return ctx.reshape(all, [length, heads, tokens / sequences, sequences]);
}

/** Queries, keys and values from one matrix, gates from another. */
function separateInputs(s: DeltaLayer, x: Tensor): { all: Tensor; z: Tensor } {
  const { stateLength, groups, innerLength } = s.hp.scan;
  return productInputs(s, x, 2 * stateLength * groups + innerLength, linear);
}

function productInputs(s: DeltaLayer, x: Tensor, length: number, multiply: typeof linear): { all: Tensor; z: Tensor } {
  const { tokens, sequences } = s.model.batch;
  const rows = s.ctx.reshape(multiply(s, 'attn_qkv', x, length), [length, tokens / sequences, sequences]);
  const z = s.named(multiply(s, 'attn_gate', x, s.hp.scan.innerLength), 'z');
  return { all: s.named(rows, 'linear_attn_qkv_mixed'), z };
}

function separateRates(s: DeltaLayer, x: Tensor): { beta: Tensor; alpha: Tensor } {
  const { ctx, hp, model } = s;
  const heads = hp.scan.stepRank;
  const { tokens, sequences } = model.batch;
  const strength = ctx.reshape(linear(s, 'ssm_beta', x, heads), [1, heads, tokens / sequences, sequences]);
  const beta = s.named(ctx.sigmoid(s.named(strength, 'beta')), 'beta_sigmoid');
  const alpha = ctx.reshape(linear(s, 'ssm_alpha', x, heads), [heads, tokens / sequences, sequences]);
  return { beta, alpha: s.named(alpha, 'alpha') };
}

/** As {@link separateInputs}, or all from one matrix, whose rows hold what belongs to one head of the keys together. */
function jointInputs(s: DeltaLayer, x: Tensor): { all: Tensor; z: Tensor } {
  const { ctx, hp, model } = s;
  const { stateLength: length, stepRank: heads, groups, innerLength } = hp.scan;
  const { tokens, sequences } = model.batch;
  const channels = 2 * length * groups + innerLength;
  const optional = (name: string, rows: number): Tensor | null => s.optionalWeight(name, [x.ne[0], rows]);
  // A file may hold more than is read.
  optional('ssm_in.weight', channels + innerLength);
  optional('attn_gate.weight', innerLength);
  if (optional('attn_qkv.weight', channels) !== null) return productInputs(s, x, channels, product);
  const mixed = s.named(product(s, 'ssm_in', x, channels + innerLength), 'linear_attn_mixed_qkvz');
  const perGroup = (length * heads) / groups;
  const all = ctx.reshape(mixed, [2 * length + 2 * perGroup, groups, tokens / sequences, sequences]);
  const part = (count: number, first: number): Tensor =>
    ctx.view(all, [count, groups, all.ne[2], all.ne[3]], all.nb.slice(1), first * all.nb[0]);
  const flat = (label: string, count: number, first: number): Tensor => {
    const rows = ctx.cont(s.named(part(count, first), label.charAt(0)), [count * groups, all.ne[2], all.ne[3]]);
    return s.named(rows, `${label}_flat`);
  };
  const [query, key] = [flat('query', length, 0), flat('key', length, length)];
  const value = flat('value', perGroup, 2 * length);
  const z = s.named(ctx.cont(part(perGroup, 2 * length + perGroup)), 'z');
  return { all: s.named(ctx.concat(ctx.concat(query, key, 0), value, 0), 'qkv_mixed'), z };
}

function jointRates(s: DeltaLayer, x: Tensor): { beta: Tensor; alpha: Tensor } {
  const { ctx, hp, model } = s;
  const { stepRank: heads, groups } = hp.scan;
  const { tokens, sequences } = model.batch;
  const mixed = s.named(product(s, 'ssm_ba', x, 2 * heads), 'linear_attn_mixed_ba');
  const all = ctx.reshape(mixed, [(2 * heads) / groups, groups, tokens / sequences, sequences]);
  const part = (label: string, first: number): Tensor =>
    s.named(ctx.view(all, [heads / groups, groups, all.ne[2], all.ne[3]], all.nb.slice(1), first * all.nb[0]), label);
  const beta = ctx.sigmoid(ctx.cont(part('b', 0)));
  const alpha = ctx.cont(part('a', heads / groups), [heads, all.ne[2], all.ne[3]]);
  return { beta: ctx.reshape(beta, [1, heads, all.ne[2], all.ne[3]]), alpha };
}
