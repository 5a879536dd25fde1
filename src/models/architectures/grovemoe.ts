/**
 * GroveMoE: experts form small groups. After the chosen experts, the groups of those that would be chosen next run a
 * small network each.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { expertFeedForward, type ExpertOptions } from '../blocks/expert-feed-forward.js';
import { product } from '../blocks/linear.js';
import { decoder } from '../decoder/decoder.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer } from '../model-builder.js';

interface GroveHyperparameters extends Hyperparameters {
  /** Experts that form a group. */
  readonly groupSize: number;
  /** Elements between up and down of a group's network. */
  readonly groupLength: number;
  /** Factor of what the groups say. */
  readonly groupScale: number;
}

export const grovemoe = decoder<GroveHyperparameters>({
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true },
  attention: { headNorms: {} },
  labels: { feedForward: 'ffn_final_moe_out' },
  feedForward: expertsAndGroups,
  experts: { isRequired: true, length: 'own-or-split', isNormalised: true },
  adjust: readGroups,
});

function readGroups(hp: Hyperparameters, reader: MetadataReader): GroveHyperparameters {
  // The key may be zero, but not missing.
  reader.integer('expert_feed_forward_length');
  const groupSize = reader.positive('experts_per_group');
  const [{ keyLength }] = hp.attention.layers;
  const groupLength = reader.integer('expert_chunk_feed_forward_length', 0) || keyLength;
  const { count, used } = hp.experts!;
  const groups = Math.floor(count / groupSize);
  if (used > groups) reader.refuse('expert_used_count', `at most ${groups}, the number of groups`);
  return { ...hp, groupSize, groupLength, groupScale: reader.number('expert_group_scale') };
}

/** Both are chosen by one router. */
function expertsAndGroups(s: Layer<GroveHyperparameters>, x: Tensor): Tensor {
  const { ctx, hp } = s;
  const { groupSize, groupLength, groupScale } = hp;
  const experts = hp.experts!;
  const scores = s.named(product(s, 'ffn_gate_inp', x, experts.count), 'ffn_moe_logits');
  const mix = (input: Tensor, options: Omit<ExpertOptions, 'gating' | 'isNormalised'>): Tensor => {
    const selection = s.named(ctx.sigmoid(scores), 'ffn_moe_probs_biased');
    return expertFeedForward(s, input, { gating: 'softmax', isNormalised: true, scores, selection, ...options });
  };
  const said = mix(x, { experts, length: experts.length });
  const count = Math.floor(experts.count / groupSize);
  const groupsOf = (chosen: Tensor): Tensor => ctx.cast(ctx.scale(ctx.cast(chosen, 'f32'), 1 / groupSize), 'i32');
  const groups = { experts: { ...experts, count }, length: groupLength, suffix: 'chexps' } as const;
  const added = mix(said, count === experts.count ? groups : { ...groups, expertsOf: groupsOf });
  return ctx.add(said, ctx.scale(s.named(added, 'ffn_adj_moe_out'), groupScale));
}
