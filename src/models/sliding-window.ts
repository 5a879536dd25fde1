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
   * Of every `period` layers, one has no window, if the file does not give another number; 0: all have it. `listed`: the
   * file lists the layers, or gives a period; `flagged`: it lists the layers, or gives one flag for all; `list`: it lists
   * the layers, of which the last may be missing if they have no window. Default 0.
   */
  readonly period?: number | 'listed' | 'flagged' | 'list';
  /** Whether layers that predict further tokens follow this, too. Default false: they have no window. */
  readonly countsPredictLayers?: boolean;
  /** Which layer of each period has no window. Default `last`. */
  readonly fullLayer?: 'first' | 'last';
  /**
   * Base of the frequencies in layers with a window, if the file does not say. `same`: that of the other layers.
   * Default: heads turn as in all other layers, whatever the file says.
   */
  readonly freqBase?: number | 'same';
  /** Whether positions are stretched in layers with a window as they are in others. Default true. */
  readonly isStretched?: boolean;
  /** Whether YaRN's other settings hold in layers with a window, too. Default true. */
  readonly hasYarn?: boolean;
}

const PATTERN = 'attention.sliding_window_pattern';

/** Gives layers of a model their sliding window. @throws PlannerError `BAD_MODEL` */
export function withWindow<H extends Hyperparameters>(reader: MetadataReader, hp: H, recipe: WindowRecipe): H {
  const tokens = windowTokens(reader, recipe);
  if (tokens === null) return hp;
  const { layerCount, predictLayerCount } = hp;
  const counted = layerCount + (recipe.countsPredictLayers ? predictLayerCount : 0);
  const isWindowed = windowedLayers(reader, counted, recipe);
  const layers = hp.attention.layers.map((heads, layer) => (isWindowed[layer] ? windowed(reader, heads) : heads));
  const windowed_ = withAttention(hp, { window: tokens, layers });
  const { freqBase, isStretched = true } = recipe;
  return freqBase === undefined && isStretched ? windowed_ : withOwnTurns(reader, windowed_, recipe);
}

function windowTokens(reader: MetadataReader, { tokens }: WindowRecipe): number | null {
  const key = 'attention.sliding_window';
  if (tokens !== 'none') return reader.integer(key, tokens);
  return reader.integer(key, 0) || null;
}

/** As `set_swa_pattern`. */
function windowedLayers(reader: MetadataReader, layerCount: number, recipe: WindowRecipe): readonly boolean[] {
  const layers = Array.from({ length: layerCount }, layerRule(reader, layerCount, recipe));
  if (!layers.includes(true)) reader.refuse(PATTERN, 'a pattern with a sliding window in one layer at least');
  return layers;
}

function layerRule(
  reader: MetadataReader,
  layerCount: number,
  { period: own = 0, fullLayer = 'last' }: WindowRecipe,
): (_: unknown, layer: number) => boolean {
  const isPeriod = own !== 'list' && own !== 'flagged' && reader.hasScalar(PATTERN);
  if (typeof own === 'string' && !isPeriod) {
    const list = own === 'list' ? reader.integers(PATTERN) : reader.perLayer(PATTERN, layerCount);
    if (list === null) return reader.refuse(PATTERN, 'a list of the layers with a sliding window');
    return (_, layer) => (list[layer] ?? 0) !== 0;
  }
  const period = isPeriod ? reader.integer(PATTERN) : (own as number);
  return (_, layer) => period === 0 || layer % period !== (fullLayer === 'first' ? 0 : period - 1);
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
  const { freqBase = 'same', isStretched = true, hasYarn = true } = recipe;
  const own = reader.number('rope.freq_base_swa', freqBase === 'same' ? hp.rope.freqBase : freqBase);
  const windowed = {
    freqBase: recipe.freqBase === undefined ? hp.rope.freqBase : own,
    freqScale: isStretched ? hp.rope.freqScale : 1,
    hasYarn,
  };
  return { ...hp, rope: { ...hp.rope, windowed } };
}
