/**
 * Layers that look back at a limited number of tokens only, from the keys `attention.sliding_window*`.
 */
import { withAttention, type Hyperparameters, type LayerHeads } from './hyperparameters.js';
import type { MetadataReader } from './metadata-reader.js';

/** How an architecture gives its layers a sliding window. */
export interface WindowRecipe {
  /**
   * Tokens that the window spans, if the file does not say. Default: the file must say; `none`: no layer has a window
   * unless the file names one above zero.
   */
  readonly tokens?: number | 'none';
  /**
   * Of every `period` layers, one has no window, if the file does not say otherwise; 0: all have it. `listed`: the file
   * lists the layers. Default 0.
   */
  readonly period?: number | 'listed';
  /** Whether the layer without a window is the first of its period instead of the last. Default false. */
  readonly isDenseFirst?: boolean;
  /**
   * Base of the frequencies in layers with a window, if the file does not say. `same`: that of the other layers.
   * Default: heads turn as in all other layers, whatever the file says.
   */
  readonly freqBase?: number | 'same';
  /** Whether positions are stretched in layers with a window as they are in others. Default true. */
  readonly isStretched?: boolean;
}

const PATTERN = 'attention.sliding_window_pattern';

/** Gives layers of a model their sliding window. @throws PlannerError `BAD_MODEL` */
export function withWindow<H extends Hyperparameters>(reader: MetadataReader, hp: H, recipe: WindowRecipe): H {
  const tokens = windowTokens(reader, recipe);
  if (tokens === null) return hp;
  const isWindowed = windowedLayers(reader, hp.layerCount, recipe);
  const layers = hp.attention.layers.map((heads, layer) => (isWindowed[layer] ? windowed(reader, heads) : heads));
  const windowed_ = withAttention(hp, { window: tokens, layers });
  return recipe.freqBase === undefined ? windowed_ : withOwnTurns(reader, windowed_, recipe);
}

function windowTokens(reader: MetadataReader, { tokens }: WindowRecipe): number | null {
  const key = 'attention.sliding_window';
  if (tokens !== 'none') return reader.integer(key, tokens);
  return reader.integer(key, 0) || null;
}

/** As `set_swa_pattern`. */
function windowedLayers(reader: MetadataReader, layerCount: number, recipe: WindowRecipe): readonly boolean[] {
  const { isDenseFirst = false } = recipe;
  if (recipe.period === 'listed' && !reader.hasScalar(PATTERN)) {
    return reader.perLayer(PATTERN, layerCount).map((flag) => flag !== 0);
  }
  const own = recipe.period === 'listed' ? undefined : (recipe.period ?? 0);
  const period = reader.hasScalar(PATTERN) ? reader.integer(PATTERN) : own!;
  const layers = Array.from(
    { length: layerCount },
    (_, i) => period === 0 || (isDenseFirst ? i % period !== 0 : i % period < period - 1),
  );
  if (!layers.includes(true)) reader.refuse(PATTERN, 'a pattern with a sliding window in one layer at least');
  return layers;
}

/** The heads of a layer with a window may have lengths of their own. */
function windowed(reader: MetadataReader, heads: LayerHeads): LayerHeads {
  return {
    ...heads,
    isWindowed: true,
    keyLength: reader.integer('attention.key_length_swa', heads.keyLength),
    valueLength: reader.integer('attention.value_length_swa', heads.valueLength),
    ropeLength: reader.integer('rope.dimension_count_swa', heads.ropeLength),
  };
}

function withOwnTurns<H extends Hyperparameters>(reader: MetadataReader, hp: H, recipe: WindowRecipe): H {
  const { freqBase, isStretched = true } = recipe;
  const own = freqBase === 'same' ? hp.rope.freqBase : freqBase;
  const windowed = {
    freqBase: reader.number('rope.freq_base_swa', own),
    freqScale: isStretched ? hp.rope.freqScale : 1,
  };
  return { ...hp, rope: { ...hp.rope, windowed } };
}
