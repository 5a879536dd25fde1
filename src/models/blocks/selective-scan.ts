/**
 * Mamba's layer: a short convolution along the tokens and a scan whose step and gates depend on the token.
 *
 *     x ─► in ─┬─► convolution ─► silu ─┬─► step, B, C ─► scan ─► + D × x ─┐
 *              │                        └──────────────────┘               × ─► out
 *              └─► z ─► silu ──────────────────────────────────────────────┘
 *
 * Invariant: the order of operations and graph entries is that of llama.cpp's `build_mamba_layer`.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Layer } from '../model-builder.js';
import type { Presence } from '../presence.js';
import type { ScanHyperparameters } from '../scan.js';
import { linear, product } from './linear.js';
import { norm } from './norm.js';
import { fetchState, type StateInputs } from './recurrent-state.js';

type ScanLayer = Layer<ScanHyperparameters>;

/** How step, B and C are normalised: not at all, or with weights or without. */
export type GateNorms = { readonly weight: Presence } | null;

/** One layer for all sequences of the batch, which have equally many tokens. */
export function selectiveScan(s: ScanLayer, inputs: StateInputs, x: Tensor, norms: GateNorms): Tensor {
  const { ctx, hp, model } = s;
  const { sequences, tokens } = model.batch;
  const { innerLength, convolutionWidth } = hp.scan;
  const state = model.memory.state!.of(s.index);
  const last = fetchState(s, inputs, state.convolution);
  const columns = ctx.reshape(last, [convolutionWidth - 1, innerLength, sequences]);
  const grouped = ctx.reshape(x, [x.ne[0], tokens / sequences, sequences]);
  const both = linear(s, 'ssm_in', grouped, 2 * innerLength);
  const half = (first: number): Tensor =>
    ctx.view(both, [innerLength, both.ne[1], both.ne[2]], [both.nb[1], both.nb[2]], first * both.nb[0]);
  const [fresh, z] = [half(0), half(innerLength)];
  const convolved = convolve(s, columns, fresh, state.convolution);
  const scanned = scan(s, inputs, convolved, state.scan, norms);
  const direct = ctx.mul(convolved, s.weight('ssm_d', [innerLength]));
  const gated = ctx.swiglu(ctx.cont(z), ctx.add(scanned, direct));
  const out = linear(s, 'ssm_out', gated, hp.embeddingLength);
  return ctx.reshape(out, [out.ne[0], tokens]);
}

/** Convolution over the last columns and the new ones; the new last columns go back into the state. */
function convolve(s: ScanLayer, columns: Tensor, fresh: Tensor, state: Tensor): Tensor {
  const { ctx, hp, model } = s;
  const { innerLength, convolutionWidth } = hp.scan;
  const { sequences } = model.batch;
  const all = ctx.concat(columns, ctx.transpose(fresh), 0);
  const kept = [convolutionWidth - 1, innerLength, sequences] as const;
  const newLast = ctx.view(all, kept, [all.nb[1], all.nb[2]], fresh.ne[1] * all.nb[0]);
  s.expand(ctx.cpy(newLast, ctx.view(state, [kept[0] * kept[1] * kept[2]])));
  const summed = ctx.ssmConv(all, s.weight('ssm_conv1d.weight', [convolutionWidth, innerLength]));
  return ctx.silu(ctx.add(summed, s.weight('ssm_conv1d.bias', [innerLength])));
}

/** The result of the scan for every token, `[inner, tokens, sequences]`; the new states go back into the cache. */
function scan(s: ScanLayer, inputs: StateInputs, x: Tensor, cache: Tensor, norms: GateNorms): Tensor {
  const { ctx, hp, model } = s;
  const { innerLength, stateLength } = hp.scan;
  const [, tokens, sequences] = x.ne;
  const { step, b, c } = scanInputs(s, x, norms);
  const channels = ctx.reshape(x, [1, innerLength, tokens, sequences]);
  const decay = s.weight('ssm_a', [stateLength, innerLength]);
  const result = fetchState(s, inputs, cache, (states, rows) => {
    const perChannel = ctx.reshape(states, [stateLength, 1, innerLength, model.memory.state!.sequences]);
    return ctx.ssmScan(perChannel, channels, step, decay, b, c, rows);
  });
  const stateCount = stateLength * innerLength * sequences;
  const newStates = ctx.view(result, [stateCount], [], channels.nb[3] * channels.ne[3]);
  s.expand(ctx.cpy(newStates, ctx.view(cache, [stateCount])));
  return ctx.view(result, [innerLength, tokens, sequences], [channels.nb[2], channels.nb[3]]);
}

/** The step of the scan and the gates into and out of the state, all computed from the token. */
function scanInputs(s: ScanLayer, x: Tensor, norms: GateNorms): { step: Tensor; b: Tensor; c: Tensor } {
  const { ctx, hp } = s;
  const { innerLength, stateLength, stepRank } = hp.scan;
  const [, tokens, sequences] = x.ne;
  const all = product(s, 'ssm_x', x, stepRank + 2 * stateLength);
  const gate = (first: number): Tensor => {
    const nb = [stateLength * all.nb[0], all.nb[1], all.nb[2]];
    return ctx.view(all, [stateLength, 1, tokens, sequences], nb, first * all.nb[0]);
  };
  const even = (t: Tensor, part: string): Tensor => (norms === null ? t : norm(s, part, t, norms));
  const short = even(ctx.view(all, [stepRank, tokens, sequences], [all.nb[1], all.nb[2]]), 'ssm_dt_norm');
  const [b, c] = [even(gate(stepRank), 'ssm_b_norm'), even(gate(stepRank + stateLength), 'ssm_c_norm')];
  const step = ctx.add(product(s, 'ssm_dt', short, innerLength), s.weight('ssm_dt.bias', [innerLength]));
  return { step, b, c };
}
