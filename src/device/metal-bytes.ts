/**
 * Bytes of a tensor on Metal: its own, and behind them what the kernel of its operation writes for itself.
 *
 * Invariant: the kernels may not need all of it for the operands of a step. ggml asks for what a later step may need, so
 * that graphs of one shape are planned once.
 */
import { elementCount } from '../tensor/layout.js';
import type { ElementTypeName } from '../tensor/element-type.js';
import type { Tensor } from '../tensor/tensor.js';
import { alignUp } from '../units.js';
import { attentionOperands, isViewOfKeys, type AttentionOperands } from './attention.js';
import { operand } from './node-rules.js';

const INT_BYTES = 4;
const FLOAT_BYTES = 4;
const HALF_BYTES = 2;

/** What each operation wants, result included. */
const BYTES: ReadonlyMap<string, (node: Tensor) => number> = new Map([
  ['MUL_MAT_ID', expertBytes],
  ['FLASH_ATTN_EXT', attentionBytes],
  ['ARGSORT', twice],
  ['CUMSUM', twice],
  ['TOP_K', sortBytes],
]);

/** Bytes that a tensor takes on Metal, before padding. */
export function metalBytes(tensor: Tensor): number {
  return BYTES.get(tensor.op)?.(tensor) ?? tensor.byteLength;
}

function twice({ byteLength }: Tensor): number {
  return 2 * byteLength;
}

/** The best ones are found by sorting all, back and forth between two lists of indices. */
function sortBytes(node: Tensor): number {
  return 2 * INT_BYTES * elementCount(operand(node, 0));
}

/** How many tokens each expert has, and which. */
function expertBytes(node: Tensor): number {
  const experts = operand(node, 0).shape[2];
  const tokens = operand(node, 2).shape[1];
  return node.byteLength + INT_BYTES * experts * (1 + tokens);
}

function attentionBytes(node: Tensor): number {
  const attention = attentionOperands(node);
  return (
    node.byteLength + lastBlock(attention) + maskBlocks(attention) + partialResults(attention) + halfCopies(attention)
  );
}

/** Keys of one block of the kernel for many queries. */
const BLOCK_KEYS = 64;

/** The last block of keys, values and mask, filled up. */
function lastBlock(attention: AttentionOperands): number {
  const { keys, values, mask } = attention;
  const [keyBytes, valueBytes] = rowBytes(attention);
  const maskBytes = mask === null ? 0 : HALF_BYTES * mask.shape[1] * mask.shape[2] * mask.shape[3];
  return BLOCK_KEYS * (keyBytes * planes(keys) + valueBytes * planes(values) + maskBytes);
}

/** Types of keys that are unpacked to f16 where there are many queries. */
const UNPACKED: ReadonlySet<ElementTypeName> = new Set(['q4_0', 'q4_1', 'q5_0', 'q5_1', 'q8_0']);
const LEAST_QUERIES_TO_UNPACK = 32;

/** Bytes from one key to the next, and from one value to the next, as the kernel reads them. */
function rowBytes(attention: AttentionOperands): readonly [number, number] {
  const { queries, keys, values } = attention;
  const isUnpacked = UNPACKED.has(keys.type.name) && queries.shape[1] >= LEAST_QUERIES_TO_UNPACK;
  if (!isUnpacked) return [keys.strides[1], values.strides[1]];
  const valueSize = isViewOfKeys(attention) ? keys.shape[0] : values.shape[0];
  return [HALF_BYTES * keys.shape[0], HALF_BYTES * valueSize];
}

function planes({ shape }: Tensor): number {
  return shape[2] * shape[3];
}

/** One byte for each block of the mask: whether the kernel can pass over it. */
function maskBlocks({ queries, mask }: AttentionOperands): number {
  if (mask === null) return 0;
  const isForFew = queries.shape[1] < 20 && queries.shape[0] % 32 === 0;
  const [blockQueries, blockKeys] = isForFew ? [1, 32] : [8, BLOCK_KEYS];
  const blocks = Math.ceil(queries.shape[1] / blockQueries) * Math.ceil(mask.shape[0] / blockKeys);
  return alignUp(blocks * planes(mask), 32);
}

/** Groups of threads that share the keys of one query, where there are few queries. */
const WORKGROUPS = 32;
const MOST_SHARED_QUERIES = 32;

/** A result of each group of threads, with its sum and its maximum. */
function partialResults({ queries, values }: AttentionOperands): number {
  const rows = Math.min(queries.shape[1], MOST_SHARED_QUERIES) * planes(queries);
  return FLOAT_BYTES * rows * WORKGROUPS * (values.shape[0] + 2);
}

/** Copies of keys and values in f16. */
function halfCopies(attention: AttentionOperands): number {
  const { keys, values } = attention;
  const copied = isViewOfKeys(attention) ? [keys] : [keys, values];
  return copied.reduce((sum, each) => sum + alignUp(HALF_BYTES * elementCount(each), 16), 0);
}
