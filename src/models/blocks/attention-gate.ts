/**
 * A gate behind attention: what heads have looked up, times factors that a matrix makes of the layer's normalised input.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Layer } from '../model-builder.js';
import type { Presence } from '../presence.js';
import { product, weightIf } from './linear.js';

/** What has a factor of its own: an element of a head, or a head. */
export type GateSpan = 'element' | 'head';

export interface GateRecipe {
  /** From the matrix's result to factors. */
  readonly activation: 'sigmoid' | 'softplus';
  readonly span: GateSpan | ((s: Layer) => GateSpan);
  /** Default: required. */
  readonly presence?: Presence;
  readonly labels?: GateLabels;
}

/** Names of results. */
export interface GateLabels {
  /** What the matrix makes. Default `attn_gate`. */
  readonly gate?: string;
  /** The factors. Default: `attn_gate_` and the activation. */
  readonly activated?: string;
  /** The factors of whole heads, as heads. Default: none. */
  readonly headGate?: string;
  /** What comes out, as heads. Default: none. */
  readonly gatedHeads?: string;
  /** What comes out, as rows; null: none. Default `attn_gated`. */
  readonly gated?: string | null;
}

/** @param x the layer's normalised input @param mixed what heads have looked up, as rows of all heads */
export function gatedAttention(s: Layer, x: Tensor, mixed: Tensor, recipe: GateRecipe): Tensor {
  const { ctx } = s;
  const { activation, presence = 'required', labels = {} } = recipe;
  const { gate: rawLabel = 'attn_gate', activated = `attn_gate_${activation}`, gated: label = 'attn_gated' } = labels;
  const { headCount } = s.heads;
  const [width, tokens] = s.named(mixed, 'attn_out').ne;
  const span = typeof recipe.span === 'string' ? recipe.span : recipe.span(s);
  const count = span === 'head' ? headCount : width;
  if (weightIf(s, presence, 'attn_gate.weight', [x.ne[0], count]) === null) return mixed;
  const raw = s.named(product(s, 'attn_gate', x, count), rawLabel);
  const gate = s.named(activation === 'sigmoid' ? ctx.sigmoid(raw) : ctx.softplus(raw), activated);
  const named = (rows: Tensor): Tensor => (label === null ? rows : s.named(rows, label));
  if (span === 'element') return named(ctx.mul(mixed, gate));
  const heads = ctx.reshape(mixed, [width / headCount, headCount, tokens]);
  const headGate = ctx.reshape(gate, [1, headCount, tokens]);
  if (labels.headGate !== undefined) s.named(headGate, labels.headGate);
  const gated = ctx.mul(heads, headGate);
  if (labels.gatedHeads !== undefined) s.named(gated, labels.gatedHeads);
  return named(ctx.reshape(gated, [width, tokens]));
}
