/**
 * The numbers of Mamba's layers, from the keys `ssm.*`.
 */
import { withStates, type Hyperparameters } from './hyperparameters.js';
import type { MetadataReader } from './metadata-reader.js';

export interface ScanNumbers {
  /** Tokens that the convolution sees. */
  readonly convolutionWidth: number;
  readonly innerLength: number;
  /** Elements of the state per channel. */
  readonly stateLength: number;
  /** Elements that the steps are made from; in Mamba 2 the number of heads, which have one step each. */
  readonly stepRank: number;
  /** Groups of heads that share the gates into and out of their states; 0: there are no groups. */
  readonly groups: number;
}

export interface ScanHyperparameters extends Hyperparameters {
  readonly scan: ScanNumbers;
}

/** The numbers of a model's scans; null if it has none. */
export function scanOf(hp: Hyperparameters): ScanNumbers | null {
  return 'scan' in hp ? (hp as ScanHyperparameters).scan : null;
}

/** What an architecture reads of its scans. */
export interface ScanRecipe {
  /** Whether the file gives a number of groups. Default: there are none. */
  readonly hasGroups?: boolean;
  /** Whether the inner rows must be twice as wide as the embedding. Default false. */
  readonly isTwiceAsWide?: boolean;
  /** The layers with a state. Default: those without heads for keys and values. */
  readonly layers?: 'all' | ((layer: number) => boolean);
}

/** The model with scans in some layers. @throws PlannerError `BAD_MODEL` */
export function withScan(reader: MetadataReader, hp: Hyperparameters, recipe: ScanRecipe = {}): ScanHyperparameters {
  const { hasGroups = false, isTwiceAsWide = false, layers } = recipe;
  const convolutionWidth = reader.positive('ssm.conv_kernel');
  const innerLength = reader.positive('ssm.inner_size');
  if (isTwiceAsWide && innerLength !== 2 * hp.embeddingLength) {
    reader.refuse('ssm.inner_size', 'twice the embedding length');
  }
  const stateLength = reader.positive('ssm.state_size');
  const stepRank = reader.positive('ssm.time_step_rank');
  const groups = hasGroups ? reader.integer('ssm.group_count') : 0;
  const lengths = {
    convolution: (convolutionWidth - 1) * (innerLength + 2 * groups * stateLength),
    scan: stateLength * innerLength,
  };
  const hasState = layers === 'all' ? (): boolean => true : layers;
  const scan = { convolutionWidth, innerLength, stateLength, stepRank, groups };
  return { ...withStates(hp, lengths, hasState), scan };
}

/** As {@link withScan} for Mamba 2, whose heads are as wide as each other and form equal groups. */
export function withHeadScan(
  reader: MetadataReader,
  hp: Hyperparameters,
  recipe: ScanRecipe = {},
): ScanHyperparameters {
  const scanned = withScan(reader, hp, { hasGroups: true, ...recipe });
  const { innerLength, stepRank, groups } = scanned.scan;
  if (innerLength % stepRank !== 0)
    reader.refuse('ssm.time_step_rank', `a divisor of ${innerLength}, the inner length`);
  if (groups === 0 || innerLength % groups !== 0) {
    reader.refuse('ssm.group_count', `a divisor of ${innerLength}, the inner length`);
  }
  return scanned;
}

/**
 * The layers with a state, as the file lists them; if it doesn't, all but one of each `full_attention_interval`. Layers
 * that predict further tokens have none.
 *
 * @param interval if the file gives none
 * @throws PlannerError `BAD_MODEL`
 */
export function recurrentLayers(
  reader: MetadataReader,
  { layerCount, predictLayerCount }: Hyperparameters,
  interval: number,
): (layer: number) => boolean {
  const key = 'attention.recurrent_layers';
  if (reader.has(key)) {
    const flags = reader.perLayer(key, layerCount + predictLayerCount);
    return (layer) => layer < layerCount && flags[layer] !== 0;
  }
  const every = reader.positive('full_attention_interval', interval);
  return (layer) => layer < layerCount && (layer + 1) % every !== 0;
}
