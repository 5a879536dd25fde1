/**
 * Flash attention on WebGPU: whether a shader computes it, and which bytes that shader writes for itself.
 *
 * Invariant: matrices of subgroups, an experiment of browsers, are not counted on.
 */
import { elementCount } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';
import { alignUp } from '../units.js';
import { attentionOperands, type AttentionOperands } from './attention.js';
import { all, operand, reads, yields, type NodeRule } from './node-rules.js';
import type { WebGpuLimits } from './webgpu-limits.js';

const FLOAT_BYTES = 4;
/** Bytes that a binding's size is a multiple of. */
const BINDING_STEP = 4;
/** Elements of keys and values that are read at once. */
const VECTOR = 4;
/** Queries that the shader for many queries computes at once. */
const TILE_QUERIES = 4;
/** Below so many queries there is a shader for few. */
const FEW_QUERIES = 20;
/** Most keys that it goes through at once. */
const MOST_KEYS = 32;
/** The caches of llama.cpp have a multiple of so many keys. */
const KEY_STEP = 256;

const HAS_TYPES = all(
  reads(0, 'f32'),
  reads(1, 'f32', 'f16', 'q4_0', 'q8_0'),
  reads(2, 'f32', 'f16', 'q4_0', 'q8_0'),
  yields('f32'),
);

/** Whether a shader computes a `FLASH_ATTN_EXT`. */
export function computesAttention(limits: WebGpuLimits): NodeRule {
  return (node) => {
    if (!HAS_TYPES(node) || !hasSubgroups(limits) || !isReadByVectors(attentionOperands(node), limits)) return false;
    if (limits.maxComputeInvocationsPerWorkgroup < TILE_QUERIES * limits.subgroupMaxSize) return false;
    return mostKeys(attentionOperands(node), TILE_QUERIES, false, limits) > 0;
  };
}

/** Bytes of a `FLASH_ATTN_EXT`: its own, and partial results and a list of blocks where there are few queries. */
export function attentionBytes(node: Tensor, limits: WebGpuLimits): number {
  const attention = attentionOperands(node);
  const { queries, keys, values, mask } = attention;
  const isForFew = hasSubgroups(limits) && queries.shape[1] < FEW_QUERIES && isReadByVectors(attention, limits);
  if (!isForFew) return node.byteLength;
  const keysAtOnce = keysOfFew(attention, limits);
  const groups = workgroups(keysAtOnce, keys.shape[1], limits.subgroupMinSize);
  const rows = elementCount(queries) / queries.shape[0];
  const partial = groups > 1 ? FLOAT_BYTES * rows * groups * (values.shape[0] + 2) : BINDING_STEP;
  let bytes = node.byteLength + partial + limits.minStorageBufferOffsetAlignment;
  if (mask !== null) {
    const batches = mask.strides[3] > 0 ? queries.shape[3] : 1;
    const blocks = Math.ceil(keys.shape[1] / keysAtOnce) * queries.shape[1] * batches;
    bytes += FLOAT_BYTES * blocks + limits.minStorageBufferOffsetAlignment;
  }
  return alignUp(bytes, BINDING_STEP);
}

function hasSubgroups({ subgroupMaxSize }: WebGpuLimits): boolean {
  return subgroupMaxSize > 0;
}

/** Whether keys and values can be read four elements, or a whole block, at a time. */
function isReadByVectors({ queries, keys, values }: AttentionOperands, limits: WebGpuLimits): boolean {
  const alignment = limits.minStorageBufferOffsetAlignment;
  const isAligned = ({ type, viewOffset }: Tensor): boolean =>
    type.isQuantized || Math.floor((viewOffset % alignment) / type.blockBytes) % VECTOR === 0;
  const step = ({ type }: Tensor): number => (type.isQuantized ? type.blockSize : VECTOR);
  if (queries.shape[0] % step(keys) !== 0 || values.shape[0] % step(values) !== 0) return false;
  return isAligned(keys) && isAligned(values);
}

/** Keys that fit into the memory of a workgroup beside `rows` queries. */
function mostKeys(attention: AttentionOperands, rows: number, isDirect: boolean, limits: WebGpuLimits): number {
  const [keySize, valueSize] = [attention.queries.shape[0], attention.values.shape[0]];
  const fixed = FLOAT_BYTES * rows * (keySize + valueSize + 2);
  const copied = isDirect ? 0 : Math.max(keySize, valueSize);
  const perKey = FLOAT_BYTES * (copied + rows * (attention.mask === null ? 1 : 2));
  const left = limits.maxComputeWorkgroupStorageSize - fixed;
  return left <= 0 ? 0 : Math.floor(left / perKey);
}

/** Keys that the shader for few queries goes through at once. */
function keysOfFew(attention: AttentionOperands, limits: WebGpuLimits): number {
  const { queries, keys, values } = attention;
  const isDirect = [keys, values].some(
    ({ type, shape }) =>
      ['f16', 'q8_0', 'q4_0'].includes(type.name) && queries.shape[0] % VECTOR === 0 && shape[1] % KEY_STEP === 0,
  );
  let most = Math.max(1, Math.min(MOST_KEYS, mostKeys(attention, 1, isDirect, limits)));
  while (isDirect && KEY_STEP % most !== 0) most--;
  return most;
}

/** Workgroups that share the keys of one query. */
function workgroups(keysAtOnce: number, keyCount: number, most: number): number {
  let groups = 1;
  while (2 * groups * keysAtOnce < keyCount && groups < most) groups *= 2;
  return Math.min(groups, most);
}

/** Whether the operands of a product are such that its values are quantised first. */
export function quantisesValues(node: Tensor): boolean {
  const [weight, values] = [operand(node, 0), operand(node, 1)];
  if (values.shape[1] > 4 || values.type.name !== 'f32' || weight.shape[0] % 4 !== 0) return false;
  return ['q4_0', 'q4_1', 'q8_0', 'q2_K', 'q4_K'].includes(weight.type.name);
}
