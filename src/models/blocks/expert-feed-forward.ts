/**
 * A mixture of experts: per token, a router picks a few feed-forward networks and adds up what they say, by their
 * shares.
 *
 *     x ──► router ──► probabilities ──► the best `used` ──► shares ─┐
 *     └──► down( act(gate(x)) × up(x) ) of each of these ───────────×──► sum
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's `build_moe_ffn`.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { ExpertHyperparameters } from '../experts.js';
import type { Scope } from '../model-builder.js';
import { linear } from './linear.js';

/** What turns the router's scores into shares. */
export type Gating = 'softmax' | 'sigmoid' | 'softmax-of-chosen';

export interface ExpertOptions {
  readonly experts: ExpertHyperparameters;
  /** Elements between up and down. */
  readonly length: number;
  readonly gating: Gating;
  /** Whether the shares of the chosen experts are made to add up to 1. */
  readonly isNormalised: boolean;
  /** Default: SwiGLU. */
  readonly activate?: (s: Scope, gate: Tensor, up: Tensor) => Tensor;
}

/** SwiGLU of up and gate. */
export function expertSwiglu(s: Scope, gate: Tensor, up: Tensor): Tensor {
  return s.named(s.ctx.swiglu(gate, up), 'ffn_moe_swiglu');
}

/** Puts each token of `x` through its experts. */
export function expertFeedForward(s: Scope, x: Tensor, options: ExpertOptions): Tensor {
  const { ctx } = s;
  const { experts, length, activate = expertSwiglu } = options;
  const probabilities = routerProbabilities(s, x, options);
  const chosen = chooseExperts(s, selectionScores(s, probabilities, experts), experts.used);
  const shares = s.expand(expertShares(s, probabilities, chosen, options));
  const tokens = ctx.reshape(x, [x.ne[0], 1, x.ne[1]]);
  const [gate, up] = gateAndUp(s, tokens, chosen, length, experts.count);
  const inner = activate(s, gate, up);
  const said = perExpert(s, 'ffn_down_exps', inner, chosen, x.ne[0], experts.count, 'ffn_moe_down');
  return sumOfExperts(s, s.named(ctx.mul(said, shares), 'ffn_moe_weighted'), experts.used);
}

function routerProbabilities(s: Scope, x: Tensor, { experts, gating }: ExpertOptions): Tensor {
  const { ctx } = s;
  let scores = s.named(linear(s, 'ffn_gate_inp', x, experts.count), 'ffn_moe_logits');
  const bias = s.optionalWeight('ffn_gate_inp.bias', [experts.count]);
  if (bias !== null) scores = s.named(ctx.add(scores, bias), 'ffn_moe_logits_biased');
  if (gating === 'softmax') scores = ctx.softMax(scores);
  if (gating === 'sigmoid') scores = ctx.sigmoid(scores);
  return s.named(scores, 'ffn_moe_probs');
}

/** What experts are chosen by: the probabilities, shifted by a bias, and of the best groups only. */
function selectionScores(s: Scope, probabilities: Tensor, experts: ExpertHyperparameters): Tensor {
  const bias = s.optionalWeight('exp_probs_b.bias', [experts.count]);
  const biased = bias === null ? probabilities : s.named(s.ctx.add(probabilities, bias), 'ffn_moe_probs_biased');
  return experts.groups > 1 ? bestGroupsOnly(s, biased, experts) : biased;
}

/** Scores of `-∞` for experts outside the best groups; a group is as good as its two best experts. */
function bestGroupsOnly(s: Scope, scores: Tensor, { count, groups, usedGroups }: ExpertHyperparameters): Tensor {
  const { ctx } = s;
  const size = count / groups;
  const tokens = scores.ne[1];
  const grouped = ctx.reshape(scores, [size, groups, tokens]);
  const best = ctx.argsortTopK(grouped, 2);
  const bestScores = ctx.getRows(ctx.reshape(grouped, [1, size, groups, tokens]), best);
  const sums = ctx.sumRows(ctx.reshape(bestScores, [2, groups, tokens]));
  const chosen = s.named(ctx.argsortTopK(ctx.reshape(sums, [groups, tokens]), usedGroups), 'ffn_moe_group_topk');
  const kept = ctx.getRows(grouped, chosen);
  const masked = ctx.setRows(ctx.fill(grouped, -Infinity), kept, chosen);
  return s.named(ctx.reshape(masked, [count, tokens]), 'ffn_moe_probs_masked');
}

function chooseExperts(s: Scope, scores: Tensor, used: number): Tensor {
  const best = s.ctx.argsortTopK(scores, used);
  s.named(best.sources[0]!, 'ffn_moe_argsort');
  return s.named(best, 'ffn_moe_topk');
}

/** The shares of the chosen experts as `[1, used, tokens]`. */
function expertShares(s: Scope, probabilities: Tensor, chosen: Tensor, options: ExpertOptions): Tensor {
  const { ctx } = s;
  const { experts, gating, isNormalised } = options;
  const tokens = probabilities.ne[1];
  const flat = [experts.used, tokens];
  const raised = [1, experts.used, tokens];
  let shares = ctx.getRows(ctx.reshape(probabilities, [1, experts.count, tokens]), chosen);
  s.named(shares, 'ffn_moe_weights');
  if (gating === 'softmax-of-chosen') {
    shares = s.named(ctx.reshape(ctx.softMax(ctx.reshape(shares, flat)), raised), 'ffn_moe_weights_softmax');
  }
  if (isNormalised) {
    const list = ctx.reshape(shares, flat);
    const sum = s.named(ctx.sumRows(list), 'ffn_moe_weights_sum');
    const positive = s.named(ctx.clamp(sum, 2 ** -14, Infinity), 'ffn_moe_weights_sum_clamped');
    shares = ctx.reshape(s.named(ctx.div(list, positive), 'ffn_moe_weights_norm'), raised);
  }
  const isScaled = experts.scale !== 0 && experts.scale !== 1;
  return isScaled ? s.named(ctx.scale(shares, experts.scale), 'ffn_moe_weights_scaled') : shares;
}

/** From one matrix per expert each, or from one for both. */
function gateAndUp(s: Scope, x: Tensor, chosen: Tensor, length: number, count: number): [gate: Tensor, up: Tensor] {
  if (s.optionalWeight('ffn_gate_up_exps.weight', [x.ne[0], 2 * length, count]) === null) {
    const up = perExpert(s, 'ffn_up_exps', x, chosen, length, count, 'ffn_moe_up');
    return [perExpert(s, 'ffn_gate_exps', x, chosen, length, count, 'ffn_moe_gate'), up];
  }
  const both = perExpert(s, 'ffn_gate_up_exps', x, chosen, 2 * length, count, 'ffn_moe_gate_up');
  const half = (first: number): Tensor =>
    s.ctx.view(both, [length, both.ne[1], both.ne[2]], [both.nb[1], both.nb[2]], first * both.nb[0]);
  return [s.named(half(0), 'ffn_moe_gate'), s.named(half(length), 'ffn_moe_up')];
}

/** Each token's product with the matrices of its chosen experts, scaled and biased where the file says so. */
function perExpert(
  s: Scope,
  part: string,
  x: Tensor,
  chosen: Tensor,
  length: number,
  count: number,
  label: string,
): Tensor {
  const { ctx } = s;
  let result = ctx.mulMatId(s.weight(`${part}.weight`, [x.ne[0], length, count]), x, chosen);
  const scale = s.optionalWeight(`${part}.scale`, [count]);
  if (scale !== null) {
    const all = ctx.repeat(ctx.reshape(scale, [1, count, 1]), [1, count, x.ne[2]]);
    result = s.named(ctx.mul(result, ctx.getRows(all, chosen)), `${label}_scaled`);
  }
  s.named(result, scale === null ? label : `${label}_scaled`);
  const bias = s.optionalWeight(`${part}.bias`, [length, count]);
  return bias === null ? result : s.named(ctx.addId(result, bias, chosen), `${label}_biased`);
}

function sumOfExperts(s: Scope, said: Tensor, used: number): Tensor {
  const { ctx } = s;
  s.expand(said);
  const views = Array.from({ length: used }, (_, expert) =>
    s.expand(ctx.view(said, [said.ne[0], said.ne[2]], [said.nb[2]], expert * said.nb[1])),
  );
  const sum = views.reduce((total, view) => s.expand(ctx.add(total, view)));
  return s.named(used === 1 ? ctx.cont(sum) : sum, 'ffn_moe_out');
}
