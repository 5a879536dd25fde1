/**
 * The gated delta rule: a state per head that is faded by a gate, corrected towards each token's value, and asked by
 * its query.
 *
 *     q, k, v ─► short convolution ─► silu ─┐
 *     gate, strength of the correction ─────┴─► state ─► result
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's `llm_build_delta_net_base`.
 */
import { elementCount, rowSize } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Layer } from '../model-builder.js';
import { fetchState, storeColumns, storeRows, storeStates, type StateInputs } from './recurrent-state.js';

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
export function deltaRule(s: Layer, { q, k, v, gate, beta }: DeltaInputs, states: Tensor): DeltaResult {
  const all = s.ctx.gatedDeltaNet(q, k, v, gate, beta, states);
  return { output: part(s, all, v.ne), states: part(s, all, states.ne, elementCount(v)) };
}

/** The elements from the one at `first` on, as a tensor of this shape. */
function part({ ctx }: Layer, all: Tensor, ne: Tensor['ne'], first = 0): Tensor {
  const [n0, n1, n2] = ne;
  const nb = [n0, n0 * n1, n0 * n1 * n2].map((count) => rowSize(all.type, count));
  return ctx.view(all, ne, nb, rowSize(all.type, first));
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
  // Every snapshot is written, the oldest first, however short the batch is.
  const { snapshots } = model.run;
  const earlier = Array.from({ length: 1 + snapshots }, (_, index) => snapshots - index);
  const labels = { columns: 'conv_state_last', place: 'conv_state_update' };
  storeColumns(s, all, convolution, { earlier, labels });
  return all;
}

/** The results of the rule for all tokens; the new states go back into the cache, those of snapshots all at once. */
export function deltaAttention(s: Layer, inputs: DeltaInputs, states: Tensor): Tensor {
  const { scan } = s.model.memory.state!.of(s.index);
  const { snapshots } = s.model.run;
  if (snapshots === 0) {
    const result = deltaRule(s, inputs, states);
    const output = s.named(result.output, 'attn_output');
    storeRows(s, s.named(result.states, 'new_state'), scan);
    return output;
  }
  const { q, k, v, gate, beta } = inputs;
  const all = s.ctx.gatedDeltaNet(q, k, v, gate, beta, states, { snapshots: 1 + snapshots });
  const output = s.named(part(s, all, v.ne), 'attn_output');
  storeStates(s, all, elementCount(v), scan);
  return output;
}
