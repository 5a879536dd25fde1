/**
 * Megatron's formulas: bytes of model states per parameter, and bytes of activations of a layer of a GPT whose
 * activations are in half precision. A hidden width h, a heads, sequence s, micro-batch b, tensor-parallel size t.
 *
 * Sources: `megatron/training/theoretical_memory_usage.py`, and Korthikanti et al., "Reducing Activation Recomputation
 * in Large Transformer Models" (2022).
 */
import { checkArgument, checkChoice } from '../../errors.js';
import { atLeast, checkFields, optional, type FieldRules } from './fields.js';

/** How activations of a layer are spread and kept. */
export const MEGATRON_LAYERS = [
  'tensor',
  'tensor and sequence',
  'selective',
  'full',
  'program, selective and sequence',
  'program, other',
] as const;

/**
 * Which formula: of the paper `tensor` (no recomputation), `tensor and sequence`, `selective` (both, attention recomputed)
 * and `full` (recomputation of layers); of the program its formula with sequence parallelism and selective recomputation, or the
 * other.
 */
export type MegatronLayer = (typeof MEGATRON_LAYERS)[number];

/** The sizes that the formulas of a layer use. */
export interface MegatronInput {
  readonly sequence: number;
  /** Samples of a micro-batch. */
  readonly batch: number;
  readonly hidden: number;
  /** Width of the feed-forward part. Default: four times `hidden`. */
  readonly ffn?: number;
  readonly heads: number;
  /** Devices that share a layer. Default 1. */
  readonly tensorParallel?: number;
}

/** What the program adds up for a rank. */
export interface MegatronModelInput extends MegatronInput {
  readonly layers: number;
  readonly vocabulary: number;
  /** Stages of the pipeline. Default 1. */
  readonly pipelineParallel?: number;
  /** Parts of each stage in the interleaved schedule. Default: the schedule is not interleaved. */
  readonly virtualStages?: number;
}

const FIELDS: FieldRules<MegatronInput> = {
  sequence: atLeast(1),
  batch: atLeast(1),
  hidden: atLeast(1),
  ffn: optional(1),
  heads: atLeast(1),
  tensorParallel: optional(1),
};
const MODEL_FIELDS: FieldRules<MegatronModelInput> = {
  ...FIELDS,
  layers: atLeast(1),
  vocabulary: atLeast(1),
  pipelineParallel: optional(1),
  virtualStages: optional(1),
};

/**
 * Bytes of model states for a parameter of a rank: 18, or 6 + 12/n where n ranks share the optimiser. O(1).
 *
 * @param dataParallel ranks that share the optimiser's states. Default 1
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function megatronBytesPerParameter(dataParallel = 1): number {
  const isCount = Number.isSafeInteger(dataParallel) && dataParallel >= 1;
  checkArgument(isCount, 'dataParallel', dataParallel, 'a whole number of at least 1', 'Give a count.');
  return 6 + 12 / dataParallel;
}

/**
 * Bytes of the activations that one layer keeps. O(1).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 * @example
 * ```ts
 * import { megatronLayerActivations } from 'tensor-arena/training';
 * const gpt3 = { sequence: 2048, batch: 1, hidden: 12288, heads: 96 };
 * console.log(megatronLayerActivations('tensor', gpt3)); // 2868903936
 * console.log(megatronLayerActivations('selective', gpt3)); // 855638016: attention is 80 of 114 parts
 * ```
 */
export function megatronLayerActivations(layer: MegatronLayer, input: MegatronInput): number {
  checkChoice('layer', layer, MEGATRON_LAYERS);
  checkFields(input, FIELDS);
  return perElement(layer, input) * input.sequence * input.batch * input.hidden;
}

/** Bytes for each element of the hidden state. */
function perElement(layer: MegatronLayer, input: MegatronInput): number {
  const { sequence, hidden, heads, ffn = 4 * hidden, tensorParallel: t = 1 } = input;
  const attention = (5 * heads * sequence) / hidden;
  switch (layer) {
    case 'tensor':
      return 10 + 24 / t + attention / t;
    case 'tensor and sequence':
      return (34 + attention) / t;
    case 'selective':
      return 34 / t;
    case 'full':
      return 2;
    case 'program, selective and sequence':
      return (18 + (4 * ffn) / hidden) / t;
    case 'program, other':
      return 10 + 24 / t;
  }
}

/**
 * Bytes of the activations of the first stage, as the program adds them up, with sequence parallelism and selective
 * recomputation: layers, embedding, and the output layer where there is one stage. O(1).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function megatronActivations(input: MegatronModelInput): number {
  checkFields(input, MODEL_FIELDS);
  const { sequence, batch, hidden, layers, vocabulary } = input;
  const { tensorParallel: t = 1, pipelineParallel: p = 1, virtualStages } = input;
  const tokens = sequence * batch;
  const inLayers = layers * perElement('program, selective and sequence', input) * t * tokens * hidden;
  const embedding = 8 * tokens * p + tokens * hidden * p;
  const output = p === 1 ? 4 * tokens * hidden * (1 + vocabulary / hidden) : 0;
  return ((inLayers + embedding) * interleaved(p, virtualStages) + output) / t;
}

/** The interleaved schedule keeps more micro-batches alive: 1 + (p − 1)/(p·v). */
function interleaved(stages: number, parts: number | undefined): number {
  return parts === undefined ? 1 : 1 + (stages - 1) / (stages * parts);
}
