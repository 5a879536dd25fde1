/**
 * What the library knows of a family of models: how its configuration reads, which linear layers it has, what it computes.
 */
import type { Builder } from '../builder.js';
import type { ConfigReader } from '../config.js';
import type { Value } from '../eager/value.js';
import type { TrainingFamily, TrainingModel } from '../model.js';

/** What a model computes in a step: its loss. */
export type Program = () => Value;

/** A family of models. */
export interface Family {
  readonly family: TrainingFamily;
  /** What Hugging Face's configurations call it: `model_type`. */
  readonly modelTypes: readonly string[];
  /** The numbers of a model out of Hugging Face's configuration; what is left out has the value of {@link modelOf}. */
  readonly read: (config: ConfigReader) => Numbers;
  /** The linear layers that may have adapters, by the short names of users: the last part of the parameters' names. */
  readonly layers: Readonly<Record<string, string>>;
  /** The layers, by their short names, that have adapters if the run names none. */
  readonly adapted: readonly string[];
  readonly build: (b: Builder) => Program;
}

type Needed = 'vocab' | 'hidden' | 'layers' | 'heads' | 'ffn';

/** The numbers of a model but for those that it has the plain value of. */
export type Numbers = Pick<TrainingModel, Needed> & Partial<Omit<TrainingModel, 'family' | 'name' | Needed>>;

/** A model out of its numbers. */
export function modelOf(family: TrainingFamily, name: string, numbers: Numbers): TrainingModel {
  const { hidden, heads } = numbers;
  return {
    family,
    name,
    decoderLayers: 0,
    kvHeads: heads,
    headDim: hidden / heads,
    activation: 'gelu',
    isGated: false,
    positionRows: 0,
    embeddingWidth: hidden,
    tiedEmbeddings: true,
    normalizesFirst: true,
    hasParallelParts: false,
    attentionBias: { qkv: true, output: true },
    rotaryDim: 0,
    relativeBuckets: 0,
    experts: null,
    slidingWindow: 0,
    ...numbers,
  };
}
