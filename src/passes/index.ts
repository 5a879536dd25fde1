/**
 * The public names of `tensor-arena/passes`: functions from a graph to one that computes the same in fewer bytes. Exports only.
 *
 * @module tensor-arena/passes
 */
export { runWritesEarly } from './early/run-writes-early.js';
export { fitGraph, fitGraphAsync } from './fit/fit-graph.js';
export type { FitCost, FitLimit, FitOptions, FitPoint, FitProgress, FittedGraph, PassName } from './fit/options.js';
export { orderGraph, orderGraphAsync } from './order/order-graph.js';
export type { OrderedGraph, OrderOptions, OrderProgress } from './order/options.js';
export { recomputeGraph, recomputeGraphAsync } from './recompute/recompute-graph.js';
export type { RecomputedGraph, RecomputeOptions, RecomputeProgress, RecomputeStep } from './recompute/options.js';
export type { Minimised } from './measures.js';
export { splitGraph } from './split/split-graph.js';
export type { SplitGraph, SplitOptions } from './split/options.js';
export type { Slice } from '../tensor/slice.js';
export type { Rewritten } from '../graph/rewritten.js';
export { verifyEquivalent, type EquivalenceOptions } from '../verify/equivalence.js';
export type { EquivalenceViolation } from '../verify/equivalence-violation.js';
