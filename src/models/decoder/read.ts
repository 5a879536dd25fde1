/**
 * The numbers of a decoder, from the keys that its recipe names.
 */
import type { RopeMode } from '../../dialects/ggml/ops/attention.js';
import { requireHeads } from '../head-rules.js';
import {
  readHyperparameters,
  withAttention,
  withCachesIn,
  withFirstHeadCount,
  withPredictLayers,
  type Hyperparameters,
} from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import { withYarnLimits, type RopeHyperparameters } from '../rope-scaling.js';
import { withWindow } from '../sliding-window.js';
import { withMixture } from './read-mixture.js';
import type { NumberRule, ScaleRecipe } from './output-recipe.js';
import type { DecoderRecipe, RopeRecipe } from './recipe.js';

/** @throws PlannerError `BAD_MODEL` */
export function readDecoder<H extends Hyperparameters>(reader: MetadataReader, recipe: DecoderRecipe<H>): H {
  const { norm: own = { kind: 'rms' }, headRules = {}, adjust = (hp): H => hp as H } = recipe;
  const norm = typeof own === 'function' ? own(reader) : own;
  const eps = norm.kind === 'rms' ? 'layer_norm_rms_epsilon' : 'layer_norm_epsilon';
  let hp: Hyperparameters = { ...readHyperparameters(reader), hasSnapshots: recipe.hasSnapshots ?? false };
  hp = { ...hp, norm: { weight: 'required', bias: 'none', ...norm, epsilon: reader.number(`attention.${eps}`) } };
  if (recipe.predicts !== undefined) hp = withPredictLayers(reader, hp);
  hp = { ...hp, rope: readTurns(reader, hp.rope, recipe.rope ?? {}) };
  if (recipe.window !== undefined) hp = withWindow(reader, hp, recipe.window);
  if (recipe.experts !== undefined) hp = withMixture(reader, hp, recipe.experts);
  hp = withScales(reader, hp, recipe.scales ?? {});
  const { layerCount } = hp;
  hp = withoutCache(hp, recipe);
  if (recipe.predicts === 'uncached') hp = withCachesIn(hp, (layer) => layer < layerCount);
  // Where layers are built alike, only the first number of heads is asked for.
  if (!headRules?.isVaried) hp = withFirstHeadCount(hp);
  const adjusted = adjust(hp, reader);
  if (headRules !== null) requireHeads(reader, adjusted, headRules);
  return adjusted;
}

/** Encoders, and models that write all tokens of a text at once, keep nothing of earlier batches. */
function withoutCache<H extends Hyperparameters>(hp: Hyperparameters, recipe: DecoderRecipe<H>): Hyperparameters {
  const { cache = 'read', isCausal = hp.isCausal } = recipe;
  const seen = withAttention({ ...hp, isCausal }, { readsCache: cache === 'read' });
  return cache === 'none' ? withCachesIn(seen, () => false) : seen;
}

function readTurns<H extends Hyperparameters>(
  reader: MetadataReader,
  rope: RopeHyperparameters,
  recipe: RopeRecipe<H>,
): RopeHyperparameters {
  const { mode = 'normal', yarnBetaFast, sections: presence = 'none' } = recipe;
  const turns = { ...rope, mode: mode satisfies RopeMode };
  const limited = yarnBetaFast === undefined ? turns : withYarnLimits(reader, turns, yarnBetaFast);
  const isListed = presence === 'required' || (presence === 'optional' && reader.has('rope.dimension_sections'));
  if (!isListed) return limited;
  const sections = reader.sections();
  if (presence === 'required') return { ...limited, sections };
  return sections[0] > 0 && sections[1] > 0 ? { ...limited, sections, mode: 'mrope' } : limited;
}

function withScales(reader: MetadataReader, hp: Hyperparameters, recipe: ScaleRecipe): Hyperparameters {
  const number = (key: string, rule: NumberRule | undefined): number => {
    if (rule === undefined) return 0;
    return reader.number(key, rule === 'required' ? undefined : typeof rule === 'number' ? rule : rule(hp));
  };
  return {
    ...withAttention(hp, {
      scale: number('attention.scale', recipe.attention),
      softcap: number('attn_logit_softcapping', recipe.attentionSoftcap),
      clamp: number('attention.clamp_kqv', recipe.clamp),
      alibiBias: number('attention.max_alibi_bias', recipe.alibiBias),
      temperature: number('attention.temperature_scale', recipe.temperature),
    }),
    embeddingScale: number('embedding_scale', recipe.embedding),
    residualScale: number('residual_scale', recipe.residual),
    logitScale: recipe.logits === undefined ? null : logitFactor(number('logit_scale', recipe.logits), recipe),
    logitSoftcap: number('final_logit_softcapping', recipe.logitSoftcap),
  };
}

/** As llama.cpp, where a file gives zero: most architectures scale by it all the same. */
function logitFactor(logits: number, { dividesLogits, skipsZeroLogits }: ScaleRecipe): number | null {
  if (logits === 0 && skipsZeroLogits) return null;
  if (!dividesLogits) return logits;
  // One over zero is no number that an operation takes here; the graph is the same with any other.
  return logits === 0 ? LARGEST_F32 : 1 / logits;
}

const LARGEST_F32 = (2 - 2 ** -23) * 2 ** 127;
