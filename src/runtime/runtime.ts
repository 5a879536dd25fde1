/**
 * The rules of a runtime, as data: which nodes it may compute in one kernel instead of one by one, and over which operands
 * a kernel may write.
 *
 *     step    x ──▶ n = RMS_NORM(x) ──▶ y = MUL(n, w)        one by one: x is free once n is computed
 *             x, w ──────────────────▶ y                     at once: x is read while y is written
 *
 * Nodes of one kernel are a *group*: only the next node reads the result of each, and only views stand between them.
 * The kernel writes the last node's result alone. It reads every operand that any node of the group has from outside
 * the group. So the last result may not overlap such an operand, unless it lies exactly on the operand and the kernel
 * allows that.
 *
 * Invariant: a rule says what a runtime *may* do. Whether it does depends on sizes, types and drivers, and a plan must
 * be right in either case.
 */

/**
 * How a kernel reads an operand that has the layout and the bytes of its result. It reads each `element`, or each
 * `row`, before it writes the same element or row; or in another order, so that the two may `never` have the same
 * bytes.
 */
export type ReadOrder = 'element' | 'row' | 'never';

/** One node of a group. */
export interface FusedNode {
  /** Name of the operation as in `tensor.op`: ggml's name, such as `RMS_NORM`, or the name of a `custom` operation. */
  readonly op: string;
  /** How the kernel reads the operands that this node has from outside the group. */
  readonly operands: ReadOrder;
  /** How many nodes of this operation may stand here one after another. Default 1. */
  readonly most?: number;
}

/** The nodes of a group, in order, at least two. */
export type FusionRule = readonly FusedNode[];

/** A runtime: its name, the groups that it may compute at once, and the operands that its kernels may overwrite. */
export interface Runtime {
  /** Name in plans and messages. */
  readonly name: string;
  /**
   * The groups that the runtime may compute at once without looking where their tensors lie. Leave out a group that it
   * computes at once only if no bytes overlap: an overlap then costs speed alone.
   */
  readonly fusions: readonly FusionRule[];
  /**
   * The source slots that a kernel may write its result over, by the name of the operation; an operation without a row
   * overwrites nothing. It only takes away from what operations allow. Default: all that they allow.
   */
  readonly reuses?: Readonly<Record<string, readonly number[]>>;
}

/** Nodes that a rule may match at most; a longer rule is an error. */
export const MOST_FUSED = 32;
