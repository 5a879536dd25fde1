/**
 * PLaMo 2: scans whose gates are normalised in most layers, attention in the others, norms on both sides of both.
 */
import { elementCount } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import { attend } from '../blocks/attention.js';
import { keepWanted } from '../blocks/inputs.js';
import { product } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { fetchState } from '../blocks/recurrent-state.js';
import { turn } from '../blocks/rope.js';
import { decoder, decoderAttention, network } from '../decoder/decoder.js';
import type { Block, DecoderInputs, DecoderRecipe } from '../decoder/recipe.js';
import { withHeads, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import { withScan, type ScanHyperparameters } from '../scan.js';

type ScanLayer = Layer<ScanHyperparameters>;

const PLAMO2 = {
  rope: { mode: 'neox' },
  embedding: { label: 'embedding_output' },
  headRules: null,
  attention,
  recurrence,
  layer,
  feedForward: { gate: 'halves' },
  adjust,
} satisfies DecoderRecipe<ScanHyperparameters>;

export const plamo2 = decoder<ScanHyperparameters>(PLAMO2);

/** The lengths of heads count even if the first layer has none. @throws PlannerError `BAD_MODEL` */
function adjust(hp: Hyperparameters, reader: MetadataReader): ScanHyperparameters {
  const headed = withHeads(hp, ({ keyLength, valueLength }) => ({
    keyLength: reader.integer('attention.key_length', keyLength),
    valueLength: reader.integer('attention.value_length', valueLength),
  }));
  const scanned = withScan(reader, headed, { hasGroups: true });
  const { groups, innerLength, stepRank } = scanned.scan;
  if (groups !== 0) reader.refuse('ssm.group_count', '0 in this architecture');
  if (innerLength % stepRank !== 0)
    reader.refuse('ssm.time_step_rank', `a divisor of ${innerLength}, the inner length`);
  return scanned;
}

function layer(m: ModelBuilder<ScanHyperparameters>, inputs: DecoderInputs): Block<ScanHyperparameters> {
  const mix = decoderAttention<ScanHyperparameters>(PLAMO2)(m, inputs);
  const after = (s: ScanLayer, part: string, x: Tensor, label: string): Tensor =>
    s.named(norm(s, part, x, { isBare: true }), label);
  return (s, x) => {
    const { ctx } = s;
    const mixed = after(s, 'post_attention_norm', mix(s, norm(s, 'attn_norm', x)), 'attn_post_norm');
    const sum = s.named(ctx.add(mixed, x), 'attn_residual');
    const fed = network(s, s.named(norm(s, 'ffn_norm', sum), 'ffn_pre_norm'), PLAMO2);
    const [kept, residual] = keepWanted(s, inputs.wanted, after(s, 'post_ffw_norm', fed, 'ffn_post_norm'), sum);
    return s.named(ctx.add(kept, residual), 'ffn_residual');
  };
}

function attention(
  _: ModelBuilder<ScanHyperparameters>,
  { positions, attention: inputs }: DecoderInputs,
): Block<ScanHyperparameters> {
  return (s, x) => {
    const { ctx } = s;
    const { headCount, kvHeadCount, keyLength, valueLength } = s.heads;
    const [queries, keys] = [keyLength * headCount, keyLength * kvHeadCount];
    const all = s.named(product(s, 'attn_qkv', x, queries + keys + valueLength * kvHeadCount), 'wqkv');
    const part = (label: string, length: number, count: number, first: number): Tensor => {
      const nb = [length * all.nb[0], all.nb[1]];
      return s.named(ctx.view(all, [length, count, x.ne[1]], nb, first * all.nb[0]), label);
    };
    const turned = (name: string, label: string, heads: Tensor): Tensor =>
      turn(s, s.named(norm(s, name, heads, { ne: [heads.ne[0], heads.ne[1]] }), label), positions);
    const heads = {
      q: turned('attn_q_norm', 'Qcur_normed', part('Qcur', keyLength, headCount, 0)),
      k: turned('attn_k_norm', 'Kcur_normed', part('Kcur', keyLength, kvHeadCount, queries)),
      v: part('Vcur', valueLength, kvHeadCount, queries + keys),
    };
    return s.named(attend(s, inputs, heads, { scale: 1 / Math.sqrt(valueLength) }), 'attn_out');
  };
}

/** A scan of heads with one decay each, as in Mamba 2, but with gates made after the convolution, as in Mamba. */
function recurrence(m: ModelBuilder<ScanHyperparameters>, inputs: DecoderInputs): Block<ScanHyperparameters> {
  const { sequences, tokens } = m.batch;
  return (s, x) => {
    const { ctx, hp } = s;
    const { innerLength, convolutionWidth, stepRank: heads } = hp.scan;
    const state = m.memory.state!.of(s.index);
    // The state keeps the names that llama.cpp's first graph gave it.
    s.named(state.convolution, 'mamba_conv1d_state');
    s.named(state.scan, 'mamba_ssm_states');
    const last = fetchState(s, inputs.states, state.convolution);
    const columns = ctx.reshape(last, [convolutionWidth - 1, innerLength, sequences]);
    const { fresh, z } = project(s, ctx.reshape(x, [x.ne[0], tokens / sequences, sequences]));
    const convolved = convolve(s, columns, fresh, state.convolution);
    const scanned = scan(s, inputs, convolved, state.scan);
    const direct = ctx.mul(scanned.x, ctx.reshape(s.weight('ssm_d', [heads]), [1, heads]));
    const sum = s.named(ctx.add(scanned.result, direct), 'mamba_y_add_d');
    const opened = s.named(ctx.swiglu(ctx.cont(z), sum), 'mamba_y_swiglu_z');
    const rows = ctx.view(opened, [innerLength, ...fresh.ne.slice(1, 3)], [opened.nb[2], opened.nb[3]]);
    const out = s.named(product(s, 'ssm_out', rows, hp.embeddingLength), 'mamba_out_proj');
    return s.named(ctx.reshape(out, [out.ne[0], tokens]), 'mamba_out');
  };
}

/** Each head's part of the inner row, beside what opens its result. */
function project(s: ScanLayer, x: Tensor): { fresh: Tensor; z: Tensor } {
  const { ctx, hp } = s;
  const { innerLength, stepRank: heads } = hp.scan;
  const [, tokens, sequences] = x.ne;
  const head = innerLength / heads;
  const both = s.named(product(s, 'ssm_in', x, 2 * innerLength), 'mamba_in_proj');
  const all = ctx.cont(ctx.permute(both, [0, 2, 1, 3]), [2 * head, heads, tokens, sequences]);
  s.named(all, 'mamba_in_proj_out');
  const half = (first: number): Tensor =>
    ctx.view(all, [head, heads, tokens, sequences], [all.nb[1], all.nb[2], all.nb[3]], first * all.nb[0]);
  const fresh = s.named(ctx.cont(half(head), [innerLength, tokens, sequences]), 'mamba_x_split');
  return { fresh, z: s.named(half(0), 'mamba_z_split') };
}

function convolve(s: ScanLayer, columns: Tensor, fresh: Tensor, state: Tensor): Tensor {
  const { ctx, hp } = s;
  const { innerLength, convolutionWidth } = hp.scan;
  const all = s.named(ctx.concat(columns, ctx.transpose(fresh), 0), 'mamba_conv1d_input');
  const kept = [convolutionWidth - 1, innerLength, fresh.ne[2]];
  const newLast = ctx.view(all, kept, [all.nb[1], all.nb[2]], fresh.ne[1] * all.nb[0]);
  s.expand(ctx.cpy(newLast, ctx.view(state, [elementCount(newLast)])));
  const summed = ctx.ssmConv(all, s.weight('ssm_conv1d.weight', [convolutionWidth, innerLength]));
  return s.named(ctx.silu(s.named(summed, 'mamba_conv1d')), 'mamba_conv1d_silu');
}

/** The result for every token, and what the scan read, `[head, heads, tokens, sequences]` each. */
function scan(
  s: ScanLayer,
  { states: inputs }: DecoderInputs,
  row: Tensor,
  cache: Tensor,
): { x: Tensor; result: Tensor } {
  const { ctx, hp } = s;
  const { innerLength, stateLength, stepRank: heads } = hp.scan;
  const [, tokens, sequences] = row.ne;
  const { b, c, step } = gates(s, row);
  const decay = s.named(ctx.reshape(s.weight('ssm_a', [heads]), [1, heads]), 'mamba_A');
  const head = innerLength / heads;
  const ne = [head, heads, tokens, sequences];
  const nb = [head, innerLength, innerLength * tokens].map((count) => count * row.nb[0]);
  const x = ctx.view(row, ne, nb);
  const gate = (t: Tensor): Tensor =>
    ctx.view(t, [stateLength, 1, tokens, sequences], [stateLength * t.nb[0], t.nb[1], t.nb[2]]);
  const [in_, out] = [gate(b), gate(c)];
  const scanned = fetchState(s, inputs, cache, (states, rows) => {
    const perHead = ctx.reshape(states, [stateLength, head, heads, states.ne[1]]);
    return ctx.ssmScan(perHead, x, step, decay, in_, out, rows);
  });
  s.named(scanned, 'mamba_ssm_scan');
  const stateCount = innerLength * stateLength * sequences;
  const newStates = ctx.view(scanned, [stateCount], [], elementCount(row) * scanned.nb[0]);
  s.expand(ctx.cpy(newStates, ctx.view(cache, [stateCount])));
  return { x, result: s.named(ctx.view(scanned, ne, nb), 'mamba_y_view') };
}

/** Steps are made from a row of at least this length. */
const LEAST_STEP_LENGTH = 64;

/** The step of each head, and the gates into and out of the states. */
function gates(s: ScanLayer, row: Tensor): { b: Tensor; c: Tensor; step: Tensor } {
  const { ctx, hp } = s;
  const { stateLength, stepRank: heads } = hp.scan;
  const [, tokens, sequences] = row.ne;
  const stepLength = Math.max(LEAST_STEP_LENGTH, Math.floor(hp.embeddingLength / 16));
  const all = s.named(product(s, 'ssm_x', row, stepLength + 2 * stateLength), 'mamba_bcdt_proj');
  const part = (name: string, length: number, first: number): Tensor => {
    const nb = [all.nb[1], all.nb[2]];
    return s.named(ctx.view(all, [length, tokens, sequences], nb, first * all.nb[0]), `mamba_${name}_raw`);
  };
  const [b, c, short] = [
    part('B', stateLength, 0),
    part('C', stateLength, stateLength),
    part('dt', stepLength, 2 * stateLength),
  ];
  const even = (name: string, x: Tensor): Tensor => {
    const normed = norm(s, `ssm_${name.toLowerCase()}_norm`, x, { isBare: true });
    return s.named(normed, `mamba_${name}_normed`);
  };
  const evened = { b: even('B', b), c: even('C', c), dt: even('dt', short) };
  const step = ctx.add(product(s, 'ssm_dt', evened.dt, heads), s.weight('ssm_dt.bias', [heads]));
  return { b: evened.b, c: evened.c, step: s.named(step, 'mamba_dt_proj') };
}
