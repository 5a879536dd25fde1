/**
 * The feed-forward network of a layer: up, through a non-linearity, and down again.
 *
 *     gated:   down( act(gate(x)) × up(x) )
 *     halves:  down( act(first half of up(x)) × second half )
 *     plain:   down( act(up(x)) )
 *
 * Invariant: the order of operations and names is that of llama.cpp's `build_ffn`.
 */
import { named, PlannerError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { gateLimitOf } from '../gate-limits.js';
import type { Layer, Scope } from '../model-builder.js';
import type { Presence } from '../presence.js';
import { product, weightIf } from './linear.js';

/** A non-linearity. */
export type Activation = 'silu' | 'gelu' | 'relu' | 'relu-squared' | 'swiglu-oai';

type Gate = 'own' | 'halves' | 'none' | 'chained';

/** From gate and up to what the last matrix reads. */
export type Gated = (gate: Tensor, up: Tensor) => Tensor;

export interface FeedForwardRecipe {
  /** Default: silu. */
  readonly activation?: Activation;
  /** What gate and up become in the place of that, where they have a matrix each. */
  readonly gated?: Gated | undefined;
  /**
   * `own`: a matrix for the gate; `halves`: gate and up in one matrix; `none`: no gate; `chained`: the gate is made from
   * up, not from the network's input. Default `own`.
   */
  readonly gate?: Gate;
  /** Whether the file must have the matrices. Where one is missing, rows pass as they are. Default: required. */
  readonly presence?: Presence;
  /** Default: none. */
  readonly bias?: Presence;
  /** Whether scales of whole matrices are applied, as in NVFP4 files. Default false. */
  readonly isScaled?: boolean;
  /** Suffix of the weights' names. Default: none. */
  readonly suffix?: string;
  /** Whether the last matrix is left out. Default false. */
  readonly endsBeforeDown?: boolean;
}

/** @param length elements between up and down */
export function feedForward(s: Scope, x: Tensor, length: number, recipe: FeedForwardRecipe = {}): Tensor {
  const inner = activated(s, x, length, recipe);
  return recipe.endsBeforeDown ? inner : step(s, DOWN, inner, x.ne[0], recipe);
}

function activated(s: Scope, x: Tensor, length: number, recipe: FeedForwardRecipe): Tensor {
  const { ctx } = s;
  const { activation = 'silu' } = recipe;
  const gate = gateOf(s, x, length, recipe);
  const up = step(s, 'ffn_up', x, gate === 'halves' ? 2 * length : length, recipe);
  if (gate === 'chained') {
    const gated = step(s, 'ffn_gate', up, length, recipe);
    return activate(s, activation, gated, 'ffn');
  }
  if (gate === 'none') return activate(s, activation, up, 'ffn');
  if (gate === 'halves') return s.named(HALVES[activation](s, up), `ffn_${GATED_LABELS[activation]}`);
  const gates = step(s, 'ffn_gate', x, length, recipe);
  if (activation === 'relu-squared') {
    return s.named(ctx.mul(activate(s, activation, gates, 'ffn'), up), 'ffn_gate_par');
  }
  return recipe.gated?.(gates, up) ?? activateGated(s, activation, gates, up, 'ffn');
}

/** How the network is gated: not at all, if the gate's matrix is missing. */
function gateOf(
  s: Scope,
  x: Tensor,
  length: number,
  { gate = 'own', presence = 'required', suffix = '' }: FeedForwardRecipe,
): Gate {
  if (gate !== 'own' || presence === 'required') return gate;
  return weightIf(s, presence, `ffn_gate${suffix}.weight`, [x.ne[0], length]) === null ? 'none' : 'own';
}

/** Names of gated non-linearities. */
const GATED_LABELS: Readonly<Record<Activation, string>> = {
  silu: 'swiglu',
  gelu: 'geglu',
  relu: 'reglu',
  'relu-squared': 'reglu',
  'swiglu-oai': 'swiglu_oai',
};

const HALVES: Readonly<Record<Activation, (s: Scope, both: Tensor) => Tensor>> = {
  silu: ({ ctx }, both) => ctx.swiglu(both),
  gelu: ({ ctx }, both) => ctx.geglu(both),
  relu: ({ ctx }, both) => ctx.reglu(both),
  'relu-squared': ({ ctx }, both) => ctx.reglu(both),
  'swiglu-oai': ({ ctx }, both) => ctx.swiglu(both),
};

const SWIGLU_STEEPNESS = 1.702;
const SWIGLU_LIMIT = 7;

const PARTS: Readonly<Record<Activation, (s: Scope, gate: Tensor, up: Tensor) => Tensor>> = {
  silu: ({ ctx }, gate, up) => ctx.swiglu(gate, up),
  gelu: ({ ctx }, gate, up) => ctx.geglu(gate, up),
  relu: ({ ctx }, gate, up) => ctx.reglu(gate, up),
  'relu-squared': ({ ctx }, gate, up) => ctx.reglu(gate, up),
  'swiglu-oai': ({ ctx }, gate, up) => ctx.swigluOai(gate, up, SWIGLU_STEEPNESS, SWIGLU_LIMIT),
};

/** `act(gate) × up`. @param label of the result before its kind */
export function activateGated(s: Scope, activation: Activation, gate: Tensor, up: Tensor, label: string): Tensor {
  return s.named(PARTS[activation](s, gate, up), `${label}_${GATED_LABELS[activation]}`);
}

/** `silu(gate) × up` where a layer's networks are limited; undefined: they are not. */
export function limitedGate(s: Layer, part: 'experts' | 'others'): Gated | undefined {
  const limit = gateLimitOf(s.hp.gateLimits, part, s.index);
  if (limit === null) return undefined;
  const { ctx } = s;
  const label = part === 'experts' ? 'ffn_moe' : 'ffn';
  const atMost = (x: Tensor): Tensor => ctx.clamp(x, -Infinity, limit.value);
  return (gate, up) => {
    const within = s.named(ctx.clamp(up, -limit.value, limit.value), `${label}_up_clamped`);
    if (limit.of === 'gate') {
      const result = ctx.swiglu(s.named(atMost(gate), `${label}_gate_clamped`), within);
      return s.named(result, `${label}_swiglu_limited`);
    }
    const opening = s.named(atMost(s.named(ctx.silu(gate), `${label}_silu`)), `${label}_silu_clamped`);
    return s.named(ctx.mul(opening, within), `${label}_swiglu_limited`);
  };
}

/** `act(x)`. @param label of the result before its kind */
export function activate(s: Scope, activation: Activation, x: Tensor, label: string): Tensor {
  const { ctx } = s;
  if (activation === 'gelu') return s.named(ctx.gelu(x), `${label}_gelu`);
  if (activation === 'relu') return s.named(ctx.relu(x), `${label}_relu`);
  if (activation === 'relu-squared')
    return s.named(ctx.sqr(s.named(ctx.relu(x), `${label}_relu`)), `${label}_sqr(relu)`);
  return s.named(ctx.silu(x), `${label}_silu`);
}

/**
 * One matrix with its bias and scale. Each result gets a name, except the last result of `down`, which the caller
 * names.
 */
function step(s: Scope, label: string, x: Tensor, length: number, recipe: FeedForwardRecipe): Tensor {
  const { suffix = '', presence = 'required', bias = 'none', isScaled = false } = recipe;
  const part = label + suffix;
  const isDown = label === DOWN;
  const offset = weightIf(s, bias, `${part}.bias`, [length]);
  const isThere = weightIf(s, presence, `${part}.weight`, [x.ne[0], length]) !== null;
  let result = isThere ? product(s, part, x, length) : x;
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
