/**
 * A mixture of experts: per token, a router picks a few feed-forward networks and adds up their results, weighted by
 * shares.
 *
 *     x ──► router ──► probabilities ──► the best `used` ──► shares ─┐
 *     └──► down( act(gate(x)) × up(x) ) of each chosen expert ──────×──► sum
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's `build_moe_ffn`.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { ExpertHyperparameters, Gating } from '../experts.js';
import type { Scope } from '../model-builder.js';
import { activate, activateGated, type Activation, type Gated } from './feed-forward.js';
import type { Presence } from '../presence.js';
import { adapted, product, weightIf } from './linear.js';

/** A mixture as one layer has it. */
export interface ExpertOptions {
  readonly experts: ExpertHyperparameters;
  /** Elements of a row between up and down. */
  readonly length: number;
  readonly gating: Gating;
  /** Whether the shares of the chosen experts are made to add up to 1. */
  readonly isNormalised: boolean;
  /** Biases of the router and of the experts. Default: none. */
  readonly bias?: Presence;
  /** Whether a scale per expert is applied, as in NVFP4 files. Default false. */
  readonly isScaled?: boolean;
  /** A bias that is added to the probabilities only for choosing experts. Default: none. */
  readonly selectionBias?: Presence;
  /** Default `exp_probs_b.bias`. */
  readonly selectionBiasName?: string;
  /** A matrix for the gate; without it, up goes through the non-linearity alone. Default: required. */
  readonly gate?: Presence;
  /** Gate and up in one matrix. Default: none. */
  readonly fusedGate?: Presence;
  /** Default: silu. */
  readonly activation?: Activation;
  /** What gate and up become in the place of that, where they have a matrix each. */
  readonly gated?: Gated | undefined;
  /** Default: by probabilities. */
  readonly chosenBy?: 'probabilities' | 'scores';
  /** What the shares are factors of. Default: the experts' results. */
  readonly shareOf?: 'results' | 'inputs';
  /** The router's scores, if they were made elsewhere. */
  readonly scores?: Tensor;
  /** Numbers that experts are chosen by. Default: the probabilities, with a bias if there is one. */
  readonly selection?: Tensor;
  /** The experts of those that were chosen. Default: themselves. */
  readonly expertsOf?: (chosen: Tensor) => Tensor;
  /** End of the names of the experts' weights. Default `exps`. */
  readonly suffix?: string;
  /** The experts of each token, where they do not follow from the scores. */
  readonly chosen?: Tensor;
}

/** Puts each token of `x` through its experts. */
export function expertFeedForward(s: Scope, x: Tensor, options: ExpertOptions): Tensor {
  const { ctx } = s;
  const { experts, chosenBy = 'probabilities', shareOf = 'results' } = options;
  const scores = routerScores(s, x, options);
  const probabilities = routerProbabilities(s, scores, options);
  const choose = (): Tensor => {
    const known = chosenBy === 'scores' ? scores : selectionScores(s, probabilities, options);
    return chooseExperts(s, experts.groups > 1 ? bestGroupsOnly(s, known, experts) : known, experts.used);
  };
  const best = options.chosen === undefined ? choose() : s.named(options.chosen, 'ffn_moe_topk');
  const chosen = options.expertsOf?.(best) ?? best;
  const shares = s.expand(expertShares(s, probabilities, chosen, options));
  const tokens = ctx.reshape(x, [x.ne[0], 1, x.ne[1]]);
  const weighted = (each: Tensor): Tensor => s.named(ctx.mul(each, shares), 'ffn_moe_weighted');
  const isOfInputs = shareOf === 'inputs';
  const read = isOfInputs ? weighted(ctx.repeat(tokens, [x.ne[0], experts.used, x.ne[1]])) : tokens;
  const said = perExpert(s, 'down', gatedUp(s, read, chosen, options), chosen, x.ne[0], options);
  return sumOfExperts(s, isOfInputs ? said : weighted(said), experts.used);
}

function routerScores(s: Scope, x: Tensor, { experts, bias = 'none', scores: given }: ExpertOptions): Tensor {
  const scores = given ?? s.named(product(s, 'ffn_gate_inp', x, experts.count), 'ffn_moe_logits');
  const offset = weightIf(s, bias, 'ffn_gate_inp.bias', [experts.count]);
  return offset === null ? scores : s.named(s.ctx.add(scores, offset), 'ffn_moe_logits_biased');
}

const PROBABILITIES: Readonly<Record<Gating, (s: Scope, scores: Tensor) => Tensor>> = {
  softmax: ({ ctx }, scores) => ctx.softMax(scores),
  sigmoid: ({ ctx }, scores) => ctx.sigmoid(scores),
  'sqrt-softplus': ({ ctx }, scores) => ctx.sqrt(ctx.softplus(scores)),
  'softmax-of-chosen': (_, scores) => scores,
};

function routerProbabilities(s: Scope, scores: Tensor, { gating }: ExpertOptions): Tensor {
  return s.named(PROBABILITIES[gating](s, scores), 'ffn_moe_probs');
}

/** The probabilities, shifted by a bias. */
function selectionScores(s: Scope, probabilities: Tensor, options: ExpertOptions): Tensor {
  const { experts, selectionBias = 'none', selectionBiasName = 'exp_probs_b.bias' } = options;
  const bias = weightIf(s, selectionBias, selectionBiasName, [experts.count]);
  const unbiased = options.selection ?? probabilities;
  return bias === null ? unbiased : s.named(s.ctx.add(probabilities, bias), 'ffn_moe_probs_biased');
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
  let shares = ctx.getRows(ctx.reshape(probabilities, [1, probabilities.ne[0], tokens]), chosen);
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

/** The factor of each expert's last matrix: from one matrix each for gate and up, one matrix for both, or up alone. */
function gatedUp(s: Scope, x: Tensor, chosen: Tensor, options: ExpertOptions): Tensor {
  const { experts, length, gate = 'required', fusedGate = 'none', activation = 'silu', suffix = 'exps' } = options;
  if (weightIf(s, fusedGate, `ffn_gate_up_${suffix}.weight`, [x.ne[0], 2 * length, experts.count]) === null) {
    const up = perExpert(s, 'up', x, chosen, length, options);
    const isGated = weightIf(s, gate, `ffn_gate_${suffix}.weight`, [x.ne[0], length, experts.count]) !== null;
    if (!isGated) return activateAlone(s, activation, up);
    const gates = perExpert(s, 'gate', x, chosen, length, options);
    return options.gated?.(gates, up) ?? activateGated(s, activation, gates, up, 'ffn_moe');
  }
  const both = perExpert(s, 'gate_up', x, chosen, 2 * length, options);
  const half = (first: number): Tensor =>
    s.ctx.view(both, [length, both.ne[1], both.ne[2]], [both.nb[1], both.nb[2]], first * both.nb[0]);
  const first = s.named(half(0), 'ffn_moe_gate');
  return activateGated(s, activation, first, s.named(half(length), 'ffn_moe_up'), 'ffn_moe');
}

/** Up through the non-linearity alone. Here the root of a square has no name of its own. */
function activateAlone(s: Scope, activation: Activation, up: Tensor): Tensor {
  if (activation !== 'relu-squared') return activate(s, activation, up, 'ffn_moe');
  return s.named(s.ctx.sqr(s.ctx.relu(up)), 'ffn_moe_relu_sqr');
}

/** Each token's product with the matrices of its chosen experts, with scale and bias where the file has them. */
function perExpert(
  s: Scope,
  kind: 'up' | 'gate' | 'gate_up' | 'down',
  x: Tensor,
  chosen: Tensor,
  length: number,
  { experts: { count }, bias = 'none', isScaled, suffix = 'exps' }: ExpertOptions,
): Tensor {
  const { ctx } = s;
  const part = `ffn_${kind}_${suffix}`;
  const label = `ffn_moe_${kind}`;
  const multiply = (matrix: Tensor, rows: Tensor): Tensor => ctx.mulMatId(matrix, rows, chosen);
  const weight = s.weight(`${part}.weight`, [x.ne[0], length, count]);
  const unscaled = multiply(weight, x);
  const scale = isScaled && kind !== 'gate_up' ? s.optionalWeight(`${part}.scale`, [count]) : null;
  const result = scale === null ? unscaled : scaledPerExpert(s, unscaled, scale, chosen);
  const scaled = s.named(adapted(s, weight, x, result, multiply), scale === null ? label : `${label}_scaled`);
  const offset = weightIf(s, bias, `${part}.bias`, [length, count]);
  return offset === null ? scaled : s.named(ctx.addId(scaled, offset, chosen), `${label}_biased`);
}

function scaledPerExpert(s: Scope, x: Tensor, scale: Tensor, chosen: Tensor): Tensor {
  const { ctx } = s;
  const [count] = scale.ne;
  const tokens = chosen.ne[1];
  const all = ctx.repeat(ctx.reshape(scale, [1, count, 1]), [1, count, tokens]);
  return ctx.mul(x, ctx.getRows(all, chosen));
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
