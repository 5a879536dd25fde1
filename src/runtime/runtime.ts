/**
 * What a runtime may do besides running nodes one by one, as data: which nodes it may compute in one kernel.
 *
 *     step    x ──▶ n = RMS_NORM(x) ──▶ y = MUL(n, w)        one by one: x is free once n is computed
 *             x, w ──────────────────▶ y                     at once: x is read while y is written
 *
 * Such nodes are a *group*: each but the last is read by the next one alone, and nothing but views stands between them.
 * The kernel writes the last node's result and none of the others, and reads what any node of the group reads from
 * outside of it. So the last result may lie over none of that, unless exactly on it and where the kernel allows.
 *
 * Invariant: a rule says what a runtime *may* do. Whether it does depends on sizes, types and drivers, and a plan must
 * be right in either case.
 */

/**
 * How a kernel reads an operand while it writes its result, if both have the same layout and the same bytes: each
 * `element`, or each `row`, before it writes that very one; or in another way, so that they may `never` meet.
 */
export type ReadOrder = 'element' | 'row' | 'never';

/** One node of a group. */
export interface FusedNode {
  /** ggml's name of the operation, such as `RMS_NORM`, or that of a `custom` one, as `tensor.op` says it. */
  readonly op: string;
  /** How the kernel reads what this node reads from outside the group. */
  readonly operands: ReadOrder;
  /** Of this operation, up to so many one after another. Default 1. */
  readonly most?: number;
}

/** The nodes of a group, in order, at least two. */
export type FusionRule = readonly FusedNode[];

/** A runtime, by what it may do to a plan. */
export interface Runtime {
  /** What plans and messages call it. */
  readonly name: string;
  /**
   * The groups that it may compute at once without looking where they lie. Those that it computes at once only if no
   * bytes meet cost no more than speed, and are left out.
   */
  readonly fusions: readonly FusionRule[];
}

/** Nodes that a rule matches at most; a longer one is an error. */
export const MOST_FUSED = 32;
