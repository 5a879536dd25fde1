/**
 * The numbers of a mixture of experts, from the keys that its recipe names.
 */
import type { MixtureRecipe } from '../blocks/mixture.js';
import type { ExpertHyperparameters, Gating } from '../experts.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';

/** With the keys that an architecture reads of its mixtures. @throws PlannerError `BAD_MODEL` */
export function withMixture<H extends Hyperparameters>(reader: MetadataReader, hp: H, recipe: MixtureRecipe): H {
  if (hp.experts === null) {
    return recipe.isRequired ? reader.refuse('expert_count', 'at least 1 in this architecture') : hp;
  }
  const length = expertLength(reader, hp, hp.experts, recipe);
  const { isNormalised = false, layers } = recipe;
  const countsDense = layers === 'after-leading' || typeof layers === 'function';
  const experts: ExpertHyperparameters = {
    ...hp.experts,
    length,
    sharedLength: sharedLength(reader, hp, length, recipe),
    gating: gating(reader, recipe),
    isNormalised: isNormalised === 'read' ? reader.flag('expert_weights_norm', false) : isNormalised,
    scale: recipe.readsScale ? reader.number('expert_weights_scale', 0) : 0,
    denseLayers: countsDense ? reader.integer('leading_dense_block_count', 0) : 0,
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
  if (own > 0 || shared.length === 'own') return own;
  return shared.length === 'own-or-whole' ? whole : ownLength;
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
