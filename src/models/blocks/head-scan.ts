/**
 * Mamba 2's layer: a convolution over the inner rows and both gates, and a scan whose heads have one step and one decay
 * each.
 *
 *     x ─► in ─┬─► x, B, C ─► convolution ─► silu ─► scan ─► + D × x ─┐
 *              ├─► step ────────────────────────────┘                 × ─► norm by groups ─► out
 *              └─► z ─► silu ─────────────────────────────────────────┘
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's `build_mamba2_layer`.
 */
import { elementCount } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Layer } from '../model-builder.js';
import type { Presence } from '../presence.js';
import type { ScanHyperparameters } from '../scan.js';
import { linear, weightIf } from './linear.js';
import { norm } from './norm.js';
import { fetchState, storeColumns, storeStates, type StateInputs } from './recurrent-state.js';

type ScanLayer = Layer<ScanHyperparameters>;

/** What the convolution and the scan read of a token, besides the state. */
interface Parts {
  /** Opens the result. */
  readonly z: Tensor;
  /** The inner row with both gates, `[inner + 2 × groups × state, tokens, sequences]`. */
  readonly row: Tensor;
  /** One number per head. */
  readonly step: Tensor;
}

/**
 * One layer for all sequences of the batch, which have equally many tokens.
 *
 * @param groupNorm whether the result is normalised group by group
 */
export function headScan(s: ScanLayer, inputs: StateInputs, x: Tensor, groupNorm: Presence = 'required'): Tensor {
  const { ctx, hp, model } = s;
  const { sequences, tokens } = model.batch;
  const { innerLength, groups, convolutionWidth } = hp.scan;
  const state = model.memory.state!.of(s.index);
  const last = fetchState(s, inputs, state.convolution);
  const columns = ctx.reshape(last, [convolutionWidth - 1, rowLength(s), sequences]);
  const { z, row, step } = project(s, ctx.reshape(x, [x.ne[0], tokens / sequences, sequences]));
  const convolved = convolve(s, columns, row, state.convolution);
  const scanned = scan(s, inputs, convolved, step, state.scan);
  let result = ctx.swiglu(ctx.cont(z), scanned);
  const ne = [innerLength / groups, groups];
  if (weightIf(s, groupNorm, 'ssm_norm.weight', ne) !== null) {
    result = norm(s, 'ssm_norm', ctx.reshape(result, [...ne, tokens / sequences, sequences]), { ne });
  }
  const out = linear(s, 'ssm_out', ctx.reshape(result, [innerLength, tokens / sequences, sequences]), x.ne[0]);
  return s.named(ctx.reshape(out, [out.ne[0], tokens]), 'mamba_out');
}

/** Elements that the convolution runs over. */
function rowLength({ hp }: ScanLayer): number {
  const { innerLength, groups, stateLength } = hp.scan;
  return innerLength + 2 * groups * stateLength;
}

function project(s: ScanLayer, x: Tensor): Parts {
  const { ctx, hp } = s;
  const { innerLength, stepRank: heads } = hp.scan;
  const length = rowLength(s);
  const all = linear(s, 'ssm_in', x, innerLength + length + heads);
  const [, tokens, sequences] = x.ne;
  const head = innerLength / heads;
  const z = ctx.view(all, [head, heads, tokens, sequences], [head * all.nb[0], all.nb[1], all.nb[2]]);
  const part = (count: number, first: number): Tensor =>
    ctx.view(all, [count, tokens, sequences], [all.nb[1], all.nb[2]], first * all.nb[0]);
  const row = part(length, innerLength);
  return { z, row, step: part(heads, innerLength + length) };
}

/** Convolution over the last columns and the new ones; the new last columns go back into the state. */
function convolve(s: ScanLayer, columns: Tensor, fresh: Tensor, state: Tensor): Tensor {
  const { ctx, hp } = s;
  const { convolutionWidth } = hp.scan;
  const length = rowLength(s);
  const all = ctx.concat(columns, ctx.transpose(fresh), 0);
  storeColumns(s, all, state);
  const summed = ctx.ssmConv(all, s.weight('ssm_conv1d.weight', [convolutionWidth, length]));
  return ctx.silu(ctx.add(summed, s.weight('ssm_conv1d.bias', [length])));
}

/** The result of the scan for every token, `[head, heads, tokens, sequences]`; new states go back into the cache. */
function scan(s: ScanLayer, inputs: StateInputs, row: Tensor, steps: Tensor, cache: Tensor): Tensor {
  const { ctx, hp, model } = s;
  const { innerLength, stateLength, groups, stepRank: heads } = hp.scan;
  const [, tokens, sequences] = row.ne;
  const part = (length: number, count: number, first: number): Tensor => {
    const nb = [length * row.nb[0], row.nb[1], row.nb[2]];
    return ctx.view(row, [length, count, tokens, sequences], nb, first * row.nb[0]);
  };
  const x = part(innerLength / heads, heads, 0);
  const b = part(stateLength, groups, innerLength);
  const c = part(stateLength, groups, innerLength + groups * stateLength);
  const step = ctx.add(ctx.cont(steps), s.weight('ssm_dt.bias', [heads]));
  const decay = s.weight('ssm_a', [1, heads]);
  const result = fetchState(s, inputs, cache, (states, rows) => {
    const perHead = ctx.reshape(states, [stateLength, innerLength / heads, heads, states.ne[1]]);
    return ctx.ssmScan(perHead, x, step, decay, b, c, rows, { snapshots: 1 + model.run.snapshots });
  });
  storeStates(s, result, elementCount(x), cache);
  const nb = [x.nb[1], heads * x.nb[1], tokens * heads * x.nb[1]];
  const scanned = ctx.view(result, [innerLength / heads, heads, tokens, sequences], nb);
  return s.named(ctx.add(scanned, ctx.mul(x, s.weight('ssm_d', [1, heads]))), 'mamba2_y_add_d');
}
