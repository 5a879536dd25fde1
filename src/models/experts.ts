/**
 * The numbers that a file gives about mixtures of experts.
 */
import type { Gating } from './blocks/expert-feed-forward.js';
import type { MixtureRecipe } from './blocks/mixture.js';
import type { Hyperparameters } from './hyperparameters.js';
import type { MetadataReader } from './metadata-reader.js';

export interface ExpertHyperparameters {
  readonly count: number;
  /** Experts that each token goes through. */
  readonly used: number;
  /** Groups that experts form; tokens choose groups first if there is more than one. */
  readonly groups: number;
  readonly usedGroups: number;
  /** Elements of an expert's row between up and down; 0: as many as a dense network of the layer has. */
  readonly length: number;
  /** Elements of the row of the experts that every token goes through; 0: there are none. */
  readonly sharedLength: number;
  readonly gating: Gating;
  /** Whether the shares of the chosen experts are made to add up to 1. */
  readonly isNormalised: boolean;
  /** Factor of the experts' shares; 0 and 1: none. */
  readonly scale: number;
  /** Layers at the beginning that have no experts. */
  readonly denseLayers: number;
}

/** llama.cpp's limit on experts. */
const MAX_EXPERTS = 1024;

/** What llama.cpp reads of every model; null if it is dense. @throws PlannerError `BAD_MODEL` */
export function readExperts(reader: MetadataReader): ExpertHyperparameters | null {
  const count = reader.integer('expert_count', 0);
  const used = reader.integer('expert_used_count', 0);
  const groups = reader.integer('expert_group_count', 0);
  const usedGroups = reader.integer('expert_group_used_count', 0);
  if (count === 0) {
    if (used !== 0) reader.refuse('expert_used_count', '0 in a model without experts');
    if (groups !== 0) reader.refuse('expert_group_count', '0 in a model without experts');
    return null;
  }
  if (count > MAX_EXPERTS) reader.refuse('expert_count', `at most ${MAX_EXPERTS}`);
  if (used < 1 || used > count) reader.refuse('expert_used_count', `from 1 to ${count}, the number of experts`);
  if (groups >= count) reader.refuse('expert_group_count', `less than ${count}, the number of experts`);
  if (groups > 1) {
    if (count % groups !== 0) reader.refuse('expert_group_count', `a divisor of ${count}, the number of experts`);
    if (usedGroups < 1 || usedGroups >= groups) reader.refuse('expert_group_used_count', `from 1 to ${groups - 1}`);
  }
  const shares = { gating: 'softmax', isNormalised: false, scale: 0 } as const;
  return { count, used, groups, usedGroups, length: 0, sharedLength: 0, ...shares, denseLayers: 0 };
}

/** With the keys that an architecture reads of its mixtures. @throws PlannerError `BAD_MODEL` */
export function withMixture<H extends Hyperparameters>(reader: MetadataReader, hp: H, recipe: MixtureRecipe): H {
  if (hp.experts === null) {
    return recipe.isRequired ? reader.refuse('expert_count', 'at least 1 in this architecture') : hp;
  }
  const length = expertLength(reader, hp, hp.experts, recipe);
  const { isNormalised = false } = recipe;
  const experts: ExpertHyperparameters = {
    ...hp.experts,
    length,
    sharedLength: sharedLength(reader, hp, length, recipe),
    gating: gating(reader, recipe),
    isNormalised: isNormalised === 'read' ? reader.flag('expert_weights_norm', false) : isNormalised,
    scale: recipe.readsScale ? reader.number('expert_weights_scale', 0) : 0,
    denseLayers: recipe.layers === 'after-leading' ? reader.integer('leading_dense_block_count', 0) : 0,
  };
  return { ...hp, experts };
}

function expertLength(
  reader: MetadataReader,
  { feedForwardLengths: [whole] }: Hyperparameters,
  { used }: ExpertHyperparameters,
  { length = 'feed-forward' }: MixtureRecipe,
): number {
  const key = 'expert_feed_forward_length';
  if (length === 'feed-forward') return 0;
  if (length === 'own') return reader.positive(key);
  return reader.integer(key, 0) || (length === 'own-or-split' ? Math.floor(whole / used) : whole);
}

function sharedLength(
  reader: MetadataReader,
  { feedForwardLengths: [whole] }: Hyperparameters,
  ownLength: number,
  { shared }: MixtureRecipe,
): number {
  if (shared === undefined) return 0;
  if (shared.length === 'as-expert') return ownLength;
  if (shared.length === 'counted') return reader.integer('expert_shared_count') * (ownLength || whole);
  const own = reader.integer('expert_shared_feed_forward_length', 0);
  return shared.length === 'own-or-whole' ? own || whole : own;
}

const GATINGS: readonly (Gating | undefined)[] = [
  undefined,
  'softmax',
  'sigmoid',
  'softmax-of-chosen',
  'sqrt-softplus',
];

function gating(reader: MetadataReader, { gating: own = 'softmax' }: MixtureRecipe): Gating {
  if (typeof own === 'string') return own;
  const key = 'expert_gating_func';
  const code = own.ifUnsaid === null ? reader.integer(key) : reader.integer(key, 0);
  const said = code === 0 && own.ifUnsaid !== null ? own.ifUnsaid : GATINGS[code];
  return said ?? reader.refuse(key, `an integer from 1 to ${GATINGS.length - 1}`);
}
