/**
 * The feed-forward network of a layer: up, through a non-linearity, and down again.
 *
 *     gated:   down( act(gate(x)) × up(x) )
 *     fused:   down( act(first half of up(x)) × second half )
 *     plain:   down( act(up(x)) )
 *
 * Invariant: the order of operations and names is that of llama.cpp's `build_ffn`.
 */
import { named, PlannerError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Scope } from '../model-builder.js';
import { product, weightIf, type Presence } from './linear.js';

export interface FeedForwardOptions {
  /** Suffix of the weights' names. */
  readonly suffix?: string;
  /** Default: none. */
  readonly bias?: Presence;
  /** Whether the architecture applies scales of whole matrices, as in NVFP4 files. Default false. */
  readonly isScaled?: boolean;
}

/** `down(silu(gate(x)) × up(x))`. */
export function gatedSilu(s: Scope, x: Tensor, length: number, options: FeedForwardOptions = {}): Tensor {
  const [gate, up] = gateAndUp(s, x, length, options);
  return step(s, DOWN, s.named(s.ctx.swiglu(gate, up), 'ffn_swiglu'), x.ne[0], options);
}

/** `down(gelu(gate(x)) × up(x))`. */
export function gatedGelu(s: Scope, x: Tensor, length: number, options: FeedForwardOptions = {}): Tensor {
  const [gate, up] = gateAndUp(s, x, length, options);
  return step(s, DOWN, s.named(s.ctx.geglu(gate, up), 'ffn_geglu'), x.ne[0], options);
}

/** As {@link gatedSilu}, with gate and up in one matrix. */
export function fusedGatedSilu(s: Scope, x: Tensor, length: number, options: FeedForwardOptions = {}): Tensor {
  const both = step(s, 'ffn_up', x, 2 * length, options);
  return step(s, DOWN, s.named(s.ctx.swiglu(both), 'ffn_swiglu'), x.ne[0], options);
}

/** `down(gelu(up(x)))`. */
export function plainGelu(s: Scope, x: Tensor, length: number, options: FeedForwardOptions = {}): Tensor {
  const up = step(s, 'ffn_up', x, length, options);
  return step(s, DOWN, s.named(s.ctx.gelu(up), 'ffn_gelu'), x.ne[0], options);
}

function gateAndUp(s: Scope, x: Tensor, length: number, options: FeedForwardOptions): [gate: Tensor, up: Tensor] {
  const up = step(s, 'ffn_up', x, length, options);
  return [step(s, 'ffn_gate', x, length, options), up];
}

/**
 * One matrix with its bias and scale. Each result gets a name, except the last result of `down`, which the caller
 * names.
 */
function step(s: Scope, label: string, x: Tensor, length: number, options: FeedForwardOptions): Tensor {
  const { suffix = '', bias = 'none', isScaled = false } = options;
  const part = label + suffix;
  const isDown = label === DOWN;
  const offset = weightIf(s, bias, `${part}.bias`, [length]);
  let result = product(s, part, x, length);
  if (!isDown || offset !== null) s.named(result, label);
  if (offset !== null) {
    result = s.ctx.add(result, offset);
    if (!isDown) s.named(result, `${label}_b`);
  }
  const scale = isScaled ? s.optionalWeight(`${part}.scale`, [1]) : null;
  if (scale === null) return result;
  if (offset !== null && s.weight(`${part}.weight`, [x.ne[0], length]).type.name === 'nvfp4') throw scaledBias(offset);
  return s.named(s.ctx.mul(result, scale), `${label}_s`);
}

const DOWN = 'ffn_down';

/**
 * The error for a bias beside a scale: the scale of a matrix in NVFP4 is meant for the product alone, but would be
 * applied to the bias as well.
 */
function scaledBias({ name }: Tensor): PlannerError {
  return new PlannerError('BAD_MODEL', {
    message: `${named(name)} comes with a scale; llama.cpp refuses both together for a matrix in NVFP4.`,
    culprit: name,
    value: 'there together with a scale',
    limit: 'left out if a matrix in NVFP4 has a scale, as llama.cpp demands',
    remedy: 'Quantise this matrix in another type.',
  });
}
