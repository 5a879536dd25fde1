/**
 * DNNMem's estimate (Gao et al., ESEC/FSE 2020) in short: what a static analysis of the graph adds up. Weights with
 * gradients, all operators' outputs with their gradients, the largest scratch of one operator, and the CUDA context. It knows
 * no optimiser states in higher precision, and frees nothing before the end of the backward pass.
 */
import { alignUp } from '../../units.js';
import { checkCounts, checkFields, optional, OTHER, type FieldRules } from './fields.js';

/** What the formula asks for. All numbers are bytes. */
export interface DnnmemInput {
  /** Of each weight; its gradient has as many. */
  readonly weights: readonly number[];
  /** Of each operator's output that is kept. */
  readonly outputs: readonly number[];
  /** Of each operator's scratch memory. Default: none. */
  readonly scratch?: readonly number[];
  /** Of the CUDA context and of what libraries keep. Default 0. */
  readonly context?: number;
}

const FIELDS: FieldRules<DnnmemInput> = { weights: OTHER, outputs: OTHER, scratch: OTHER, context: optional(0) };

/** PyTorch's caching allocator hands out multiples of so many bytes. */
const BLOCK = 512;

/**
 * The peak by DNNMem's formula, in bytes. O(tensors).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function dnnmem(input: DnnmemInput): number {
  checkFields(input, FIELDS);
  const { weights, outputs, scratch = [], context = 0 } = input;
  checkCounts(weights, 'weights');
  checkCounts(outputs, 'outputs');
  checkCounts(scratch, 'scratch');
  const inBlocks = (bytes: number): number => alignUp(bytes, BLOCK);
  const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + inBlocks(size), 0);
  const largest = scratch.reduce((most, size) => Math.max(most, inBlocks(size)), 0);
  return 2 * sum(weights) + sum(outputs) + largest + context;
}
