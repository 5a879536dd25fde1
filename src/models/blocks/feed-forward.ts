/**
 * The feed-forward network of a layer: up, through a non-linearity, and down again.
 *
 *     gated:   down( act(gate(x)) × up(x) )
 *     fused:   down( act(first half of up(x)) × second half )
 *     plain:   down( act(up(x)) )
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Scope } from '../model-builder.js';
import { linear, withBias } from './linear.js';

/** What the layers of a network are called. */
export interface FeedForwardNames {
  readonly up: string;
  readonly gate: string;
  readonly down: string;
}

const NAMES: FeedForwardNames = { up: 'ffn_up', gate: 'ffn_gate', down: 'ffn_down' };

/** `down(silu(gate(x)) × up(x))`. */
export function gatedSilu(s: Scope, x: Tensor, length: number, names = NAMES): Tensor {
  const [gate, up] = gateAndUp(s, x, length, names);
  return project(s, s.named(s.ctx.swiglu(gate, up), 'ffn_swiglu'), x.ne[0], names);
}

/** `down(gelu(gate(x)) × up(x))`. */
export function gatedGelu(s: Scope, x: Tensor, length: number, names = NAMES): Tensor {
  const [gate, up] = gateAndUp(s, x, length, names);
  return project(s, s.named(s.ctx.geglu(gate, up), 'ffn_geglu'), x.ne[0], names);
}

/** As {@link gatedSilu}, with gate and up in one matrix. */
export function fusedGatedSilu(s: Scope, x: Tensor, length: number, names = NAMES): Tensor {
  const both = step(s, names.up, x, 2 * length, 'ffn_up');
  return project(s, s.named(s.ctx.swiglu(both), 'ffn_swiglu'), x.ne[0], names);
}

/** `down(gelu(up(x)))`. */
export function plainGelu(s: Scope, x: Tensor, length: number, names = NAMES): Tensor {
  const up = step(s, names.up, x, length, 'ffn_up');
  return project(s, s.named(s.ctx.gelu(up), 'ffn_gelu'), x.ne[0], names);
}

function gateAndUp(s: Scope, x: Tensor, length: number, names: FeedForwardNames): [gate: Tensor, up: Tensor] {
  const up = step(s, names.up, x, length, 'ffn_up');
  return [step(s, names.gate, x, length, 'ffn_gate'), up];
}

/** One matrix with its optional bias, both named. */
function step(s: Scope, part: string, x: Tensor, length: number, label: string): Tensor {
  const product = s.named(linear(s, part, x, length), label);
  const biased = withBias(s, part, product);
  return biased === product ? product : s.named(biased, `${label}_b`);
}

function project(s: Scope, x: Tensor, length: number, { down }: FeedForwardNames): Tensor {
  const product = linear(s, down, x, length);
  const bias = s.optionalWeight(`${down}.bias`, [length]);
  return bias === null ? product : s.ctx.add(s.named(product, 'ffn_down'), bias);
}
