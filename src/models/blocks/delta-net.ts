/**
 * The gated delta rule: a state per head that is faded by a gate, corrected towards each token's value, and asked by
 * its query.
 *
 *     q, k, v ─► short convolution ─► silu ─┐
 *     gate, strength of the correction ─────┴─► state ─► result
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's `llm_build_delta_net_base`.
 */
import { rowSize } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Layer } from '../model-builder.js';
import { fetchState, storeRows, type StateInputs } from './recurrent-state.js';

/** What the rule reads of each token, as `[elements, heads, tokens, sequences]`. */
export interface DeltaInputs {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  /** Logarithm of what is left of the state: one for each head, or for each of its elements. */
  readonly gate: Tensor;
  /** Strength of the correction: one for each head. */
  readonly beta: Tensor;
}

export interface DeltaResult {
  /** `[elements, heads, tokens, sequences]` */
  readonly output: Tensor;
  /** `[elements, elements, heads, sequences]` */
  readonly states: Tensor;
}

/** @param states `[elements, elements, heads, sequences]` */
export function deltaRule({ ctx }: Layer, { q, k, v, gate, beta }: DeltaInputs, states: Tensor): DeltaResult {
  const all = ctx.gatedDeltaNet(q, k, v, gate, beta, states);
  const strides = ([n0, n1, n2]: readonly number[]): number[] =>
    [n0, n0 * n1, n0 * n1 * n2].map((count) => rowSize(all.type, count));
  const count = v.ne[0] * v.ne[1] * v.ne[2] * v.ne[3];
  return {
    output: ctx.view(all, v.ne, strides(v.ne)),
    states: ctx.view(all, states.ne, strides(states.ne), rowSize(all.type, count)),
  };
}

/**
 * The last columns of the state and the new ones `x`, `[channels, tokens, sequences]`, as rows of a channel; the new
 * last columns go back into the state.
 */
export function convolutionInput(s: Layer, inputs: StateInputs, x: Tensor, width: number): Tensor {
  const { ctx, model } = s;
  const [channels, , sequences] = x.ne;
  const { convolution } = model.memory.state!.of(s.index);
  const fetched = s.named(fetchState(s, inputs, convolution), 'conv_states');
  const last = s.named(ctx.reshape(fetched, [width - 1, channels, sequences]), 'conv_states_reshaped');
  const all = s.named(ctx.concat(last, s.named(ctx.transpose(x), 'qkv_mixed_transposed'), 0), 'conv_input');
  const offset = rowSize(all.type, all.ne[0] - last.ne[0]);
  const kept = s.named(ctx.view(all, last.ne.slice(0, 3), [all.nb[1], all.nb[2]], offset), 'conv_state_last');
  const row = [(width - 1) * channels, sequences];
  const place = s.named(ctx.view(convolution, row, [convolution.nb[1]]), 'conv_state_update');
  s.expand(ctx.cpy(kept, place));
  return all;
}

/** The results of the rule for all tokens; the new states go back into the cache. */
export function deltaAttention(s: Layer, inputs: DeltaInputs, states: Tensor): Tensor {
  const result = deltaRule(s, inputs, states);
  const output = s.named(result.output, 'attn_output');
  storeRows(s, s.named(result.states, 'new_state'), s.model.memory.state!.of(s.index).scan);
  return output;
}
