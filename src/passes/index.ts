/**
 * The public names of `tensor-arena/passes`: functions from a graph to a graph that needs fewer bytes. Exports only.
 *
 * @module tensor-arena/passes
 */
export { orderGraph, orderGraphAsync } from './order/order-graph.js';
export type { OrderedGraph, OrderOptions, OrderProgress } from './order/options.js';
export type { Rewritten } from '../graph/rewritten.js';
