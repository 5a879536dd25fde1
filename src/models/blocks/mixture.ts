/**
 * The mixture of experts of a layer, with the experts that every token goes through beside those that the router picks.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Gating } from '../experts.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { Layer } from '../model-builder.js';
import { expertFeedForward, type ExpertOptions } from './expert-feed-forward.js';
import { feedForward, limitedGate, type Activation, type FeedForwardRecipe } from './feed-forward.js';
import type { Presence } from '../presence.js';
import { product } from './linear.js';

/** How an architecture mixes experts. */
export interface MixtureRecipe {
  /** Whether the architecture has no dense form. Default false: a file without experts is dense. */
  readonly isRequired?: boolean;
  /**
   * Which layers have experts, if the model has any; the others are dense. `after-leading`: all after those that
   * `leading_dense_block_count` counts; `with-router`: those for which the file has a router. Default: all.
   */
  readonly layers?: 'all' | 'after-leading' | 'with-router' | ((hp: Hyperparameters, layer: number) => boolean);
  /**
   * Elements of an expert's row between up and down. `own`: the file says; `own-or-split`: if it doesn't, the experts
   * that a token uses share those of a dense network; `own-or-whole`: each has as many. Default `feed-forward`: as many
   * as a dense network.
   */
  readonly length?: 'own' | 'own-or-split' | 'own-or-whole' | 'feed-forward';
  /** The function of the router; or that the file says it, and what holds if it doesn't. Default softmax. */
  readonly gating?: Gating | { readonly ifUnsaid: Gating | null };
  /** Whether the shares of the chosen experts are made to add up to 1. Default false. */
  readonly isNormalised?: boolean | 'read';
  /** Whether the file may give a factor of the shares. Default false. */
  readonly readsScale?: boolean;
  /** A bias that is added to the probabilities only for choosing experts. Default: none. */
  readonly selectionBias?: Presence;
  /** Name of that bias. Default `exp_probs_b.bias`. */
  readonly selectionBiasName?: string;
  /** Biases of the router and of the experts. Default: none. */
  readonly bias?: Presence;
  /** Whether a scale per expert is applied, as in NVFP4 files. Default false. */
  readonly isScaled?: boolean;
  /** A matrix for the gate. Default: required. */
  readonly gate?: Presence;
  /** Gate and up in one matrix. Default: none. */
  readonly fusedGate?: Presence;
  /** Default: silu. */
  readonly activation?: Activation;
  /** Experts that every token goes through. Default: none. */
  readonly shared?: SharedRecipe;
  /** Whether experts are chosen by their probabilities or by the router's scores. Default: by probabilities. */
  readonly chosenBy?: 'probabilities' | 'scores';
  /** What the shares are factors of. Default: the experts' results. */
  readonly shareOf?: 'results' | 'inputs';
  /** Name of the mixture's result, if it has no shared experts. Default: none of its own. */
  readonly label?: string;
}

/** The experts that every token goes through: one network as wide as all of them. */
export interface SharedRecipe {
  /**
   * Elements between up and down. `counted`: those of an expert times `expert_shared_count`; `as-expert`: those of one
   * expert; `own`: the file says, and has none if it doesn't; `own-or-whole`: if it doesn't, as a dense network;
   * `own-or-expert`: if it doesn't, as one expert.
   */
  readonly length: 'counted' | 'as-expert' | 'own' | 'own-or-whole' | 'own-or-expert';
  /** What the network does differently. Default: nothing. */
  readonly network?: FeedForwardRecipe;
  /** The function of a gate per token; `quotient`: made of silu and a division. Default: no gate. */
  readonly gate?: 'sigmoid' | 'quotient';
  /** Name of the network's result. Default `ffn_shexp`; null: none. */
  readonly label?: string | null;
  /** Name of the sum with the chosen experts. Default `ffn_out`; null: none. */
  readonly sumLabel?: string | null;
  /** Whether the network's result comes first in that sum. Default false. */
  readonly isFirst?: boolean;
}

/** Whether a layer has experts. */
export function hasExperts(s: Layer, { layers = 'all' }: MixtureRecipe): boolean {
  const { hp, index } = s;
  if (hp.experts === null) return false;
  if (layers === 'all') return true;
  if (layers === 'with-router') {
    return s.optionalWeight('ffn_gate_inp.weight', [hp.embeddingLength, hp.experts.count]) !== null;
  }
  return layers === 'after-leading' ? index >= hp.experts.denseLayers : layers(hp, index);
}

/** Puts each token of `x` through its experts and the shared ones. */
export function mixture(s: Layer, x: Tensor, recipe: MixtureRecipe, scores?: Tensor, chosen?: Tensor): Tensor {
  const experts = s.hp.experts!;
  const { gating, isNormalised } = experts;
  const length = experts.length || s.feedForwardLength;
  const gated = limitedGate(s, 'experts');
  const made = { ...(scores && { scores }), ...(chosen && { chosen }) };
  const options: ExpertOptions = { gated, ...recipe, experts, length, gating, isNormalised, ...made };
  const routed = expertFeedForward(s, x, options);
  const { shared, label } = recipe;
  if (shared === undefined || experts.sharedLength === 0) return label === undefined ? routed : s.named(routed, label);
  const common = sharedExperts(s, x, shared, recipe);
  const { sumLabel = 'ffn_out', isFirst = false } = shared;
  const sum = isFirst ? s.ctx.add(common, routed) : s.ctx.add(routed, common);
  return sumLabel === null ? sum : s.named(sum, sumLabel);
}

const SIGMOID_LABELS = {
  score: 'shared_expert_gate',
  opening: 'shared_expert_gate_sigmoid',
  result: 'ffn_shexp_gated',
};
const QUOTIENT_LABELS = { score: 'ffn_shexp_gate_inp', opening: 'ffn_shexp_gate', result: 'ffn_shexp_out' };

function sharedExperts(s: Layer, x: Tensor, recipe: SharedRecipe, { activation, gate }: MixtureRecipe): Tensor {
  const { ctx } = s;
  const { label = 'ffn_shexp' } = recipe;
  const network = {
    suffix: '_shexp',
    gated: limitedGate(s, 'others'),
    gate: gate === 'none' ? 'none' : 'own',
    ...(activation && { activation }),
    ...recipe.network,
  } as const;
  const plain = feedForward(s, x, s.hp.experts!.sharedLength, network);
  const result = label === null ? plain : s.named(plain, label);
  if (recipe.gate === undefined) return result;
  const isSigmoid = recipe.gate === 'sigmoid';
  const names = isSigmoid ? SIGMOID_LABELS : QUOTIENT_LABELS;
  const score = s.named(product(s, 'ffn_gate_inp_shexp', x, 1), names.score);
  const opening = isSigmoid ? ctx.sigmoid(score) : ctx.div(ctx.silu(score), score);
  return s.named(ctx.mul(result, s.named(opening, names.opening)), names.result);
}
