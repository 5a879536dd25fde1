/**
 * The vocabulary in which a kind of projector says what is special about it.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Encoder } from './encoder.js';
import type { EncoderNumbers, Modality } from './numbers.js';
import type { EncoderWeights } from './weights.js';

export interface ProjectorRecipe {
  /** Default `vision`. */
  readonly modality?: Modality;
  /** How many patches along one side become one token. Default: one. */
  readonly merge?: MergeRule;
  /** Last changes of the numbers that the file gives. */
  readonly adjust?: (numbers: EncoderNumbers, reader: MetadataReader, weights: EncoderWeights) => EncoderNumbers;
  /**
   * Along one side of the square image that llama.cpp reserves memory for: so many tokens, or what a function says in
   * pixels. Default: the size that the file gives. Sounds have 3000 frames.
   */
  readonly warmup?: number | ((numbers: EncoderNumbers, reader: MetadataReader) => number);
  /** From the input to the rows that the model reads in the place of tokens. */
  readonly build: (e: Encoder) => Tensor;
}

/** A number that the file may give, and what it is otherwise. */
export interface MergeRule {
  /** Default: the file does not say it. */
  readonly key?: 'projector.scale_factor' | 'spatial_merge_size';
  /** Without it, the file must say it. */
  readonly otherwise?: number;
}
