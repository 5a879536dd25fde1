/**
 * Attention that sees the past through compressed rows (DeepSeek-V4): which layers compress, and how.
 */

export interface CompressionHyperparameters {
  /** Per layer of the file, the tokens that become one row; 0: the layer sees only its window. */
  readonly ratios: readonly number[];
}

/** A few tokens a row, each row of two overlapping groups; an indexer chooses among the rows. */
export const OVERLAPPING_RATIO = 4;
/** Many tokens a row; every row is seen. */
export const WHOLE_RATIO = 128;
