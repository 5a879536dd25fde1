/**
 * The feed-forward network of a layer: up, through a non-linearity, and down again.
 *
 *     gated:   down( act(gate(x)) × up(x) )
 *     fused:   down( act(first half of up(x)) × second half )
 *     plain:   down( act(up(x)) )
 *
 * Invariant: the order of operations and names is that of llama.cpp's `build_ffn`.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Scope } from '../model-builder.js';
import { product, weightIf, type Presence } from './linear.js';

export interface FeedForwardOptions {
  /** What the names of the weights end with. */
  readonly suffix?: string;
  /** Default: none. */
  readonly bias?: Presence;
  /** Whether the architecture heeds scales of whole matrices, as files in NVFP4 have them. Default: it doesn't. */
  readonly isScaled?: boolean;
}

/** `down(silu(gate(x)) × up(x))`. */
export function gatedSilu(s: Scope, x: Tensor, length: number, options: FeedForwardOptions = {}): Tensor {
  const [gate, up] = gateAndUp(s, x, length, options);
  return down(s, s.named(s.ctx.swiglu(gate, up), 'ffn_swiglu'), x.ne[0], options);
}

/** `down(gelu(gate(x)) × up(x))`. */
export function gatedGelu(s: Scope, x: Tensor, length: number, options: FeedForwardOptions = {}): Tensor {
  const [gate, up] = gateAndUp(s, x, length, options);
  return down(s, s.named(s.ctx.geglu(gate, up), 'ffn_geglu'), x.ne[0], options);
}

/** As {@link gatedSilu}, with gate and up in one matrix. */
export function fusedGatedSilu(s: Scope, x: Tensor, length: number, options: FeedForwardOptions = {}): Tensor {
  const both = step(s, 'ffn_up', x, 2 * length, options);
  return down(s, s.named(s.ctx.swiglu(both), 'ffn_swiglu'), x.ne[0], options);
}

/** `down(gelu(up(x)))`. */
export function plainGelu(s: Scope, x: Tensor, length: number, options: FeedForwardOptions = {}): Tensor {
  const up = step(s, 'ffn_up', x, length, options);
  return down(s, s.named(s.ctx.gelu(up), 'ffn_gelu'), x.ne[0], options);
}

function gateAndUp(s: Scope, x: Tensor, length: number, options: FeedForwardOptions): [gate: Tensor, up: Tensor] {
  const up = step(s, 'ffn_up', x, length, options);
  return [step(s, 'ffn_gate', x, length, options), up];
}

/** One matrix with its bias and scale, all named. */
function step(s: Scope, label: string, x: Tensor, length: number, options: FeedForwardOptions): Tensor {
  const { suffix = '', bias = 'none' } = options;
  const part = label + suffix;
  let result = s.named(product(s, part, x, length), label);
  const offset = weightIf(s, bias, `${part}.bias`, [length]);
  if (offset !== null) result = s.named(s.ctx.add(result, offset), `${label}_b`);
  return scaled(s, part, label, result, options);
}

/** As {@link step}; but the product itself is named only if a bias follows. */
function down(s: Scope, x: Tensor, length: number, options: FeedForwardOptions): Tensor {
  const { suffix = '', bias = 'none' } = options;
  const part = `ffn_down${suffix}`;
  let result = product(s, part, x, length);
  const offset = weightIf(s, bias, `${part}.bias`, [length]);
  if (offset !== null) result = s.ctx.add(s.named(result, 'ffn_down'), offset);
  return scaled(s, part, 'ffn_down', result, options);
}

function scaled(s: Scope, part: string, label: string, x: Tensor, { isScaled }: FeedForwardOptions): Tensor {
  const scale = isScaled ? s.optionalWeight(`${part}.scale`, [1]) : null;
  return scale === null ? x : s.named(s.ctx.mul(x, scale), `${label}_s`);
}
