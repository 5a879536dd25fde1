/**
 * What the flags say of passes that change a graph.
 */

/** Which passes run, what for, and what they may cost. */
export interface PassFlags {
  /** Bytes. */
  readonly budget?: number;
  readonly order?: boolean;
  readonly split?: boolean;
  readonly recompute?: boolean;
  /** Operations that may be computed more than once, as a fraction of all. */
  readonly maxExtraOps?: number;
}
