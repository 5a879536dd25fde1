/**
 * Flash attention on CUDA: which kernel computes it, and which copies of keys and values that kernel wants.
 *
 * Invariant: the kernel decides both whether a node is supported and what it takes, so that both ask here.
 */
import type { ElementTypeName } from '../tensor/element-type.js';
import { elementCount } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';
import { alignUp } from '../units.js';
import { attentionOperands, isViewOfKeys, type AttentionOperands } from './attention.js';
import { setting } from './node-rules.js';

/** `vector` goes through the keys row by row; `matrix` and `tile` compute blocks, and want keys and values in f16. */
type Kernel = 'vector' | 'matrix' | 'tile';

/** What flash attention reads, and what the choice of a kernel asks of it. */
interface Attention extends AttentionOperands {
  /** Heads of queries for each head of keys. */
  readonly sharing: number;
  /** Whether the heads that share keys can be computed as one block. */
  readonly isGrouped: boolean;
}

/** Keys come in blocks of so many. */
const KEY_BLOCK = 256;

/** What the result of the kernel is aligned to, as are copies behind it. */
const ALIGNMENT = 128;

/** What the kernels for one size of a key ask for. */
interface Heads {
  /** Size of a value. */
  readonly values: number;
  /** Whether heads that share keys must be computable as one block, and of which number they are a multiple. */
  readonly isGrouped: boolean;
  readonly sharing: number;
}

/** By size of a key. */
const HEADS: ReadonlyMap<number, Heads> = new Map<number, Heads>([
  ...[40, 64, 72, 80, 96, 112, 128, 256].map((size): [number, Heads] => [
    size,
    { values: size, isGrouped: false, sharing: 1 },
  ]),
  [192, { values: 128, isGrouped: true, sharing: 8 }],
  [320, { values: 256, isGrouped: true, sharing: 32 }],
  [512, { values: 512, isGrouped: true, sharing: 1 }],
  [576, { values: 512, isGrouped: true, sharing: 1 }],
]);

/** Types of keys and values that an ordinary build has kernels for. */
const CACHE_TYPES: ReadonlySet<ElementTypeName> = new Set(['f32', 'f16', 'bf16', 'q4_0', 'q8_0']);

/** Whether a device of that compute capability has a kernel for a `FLASH_ATTN_EXT`. */
export function computesAttention(node: Tensor, capability: number): boolean {
  return kernelOf(attentionOf(node), capability) !== null;
}

/** Bytes of a `FLASH_ATTN_EXT`: its own, and copies of keys and values in f16 where its kernel wants them. */
export function attentionBytes(node: Tensor, capability: number): number {
  const attention = attentionOf(node);
  const kernel = kernelOf(attention, capability);
  const { keys, values } = attention;
  const wantsCopy = ({ type }: Tensor): boolean => {
    if (kernel === null || type.name === 'f16') return false;
    return kernel !== 'vector' || type.name === 'f32';
  };
  let bytes = node.byteLength;
  for (const each of isViewOfKeys(attention) ? [keys] : [keys, values]) {
    if (wantsCopy(each)) bytes = alignUp(bytes, ALIGNMENT) + 2 * elementCount(each);
  }
  return bytes;
}

function attentionOf(node: Tensor): Attention {
  const operands = attentionOperands(node);
  const { queries, keys, values, mask } = operands;
  const sharing = Math.floor(queries.shape[2] / keys.shape[2]);
  const isGrouped =
    sharing >= 2 &&
    mask !== null &&
    setting(node, 'maxBias', 0) === 0 &&
    keys.shape[1] % KEY_BLOCK === 0 &&
    [queries, keys, values, mask].every(isReadByQuads);
  return { ...operands, sharing, isGrouped };
}

function isReadByQuads({ type, strides }: Tensor): boolean {
  return type.isQuantized || strides.slice(1).every((stride) => stride % 16 === 0);
}

function kernelOf(attention: Attention, capability: number): Kernel | null {
  const { queries, keys, values, mask, sharing, isGrouped } = attention;
  const heads = HEADS.get(keys.shape[0]);
  if (heads === undefined || values.shape[0] !== heads.values) return null;
  if ((heads.isGrouped && !isGrouped) || sharing % heads.sharing !== 0) return null;
  if (keys.type !== values.type || !CACHE_TYPES.has(keys.type.name)) return null;
  if (mask !== null && mask.shape[2] !== 1) return null;

  const size = queries.shape[0];
  const hasMatrixKernel = size !== 40 && size !== 72;
  if (capability >= 7.5 && hasMatrixKernel) return turingKernel(attention, capability);
  if (capability >= 7 && capability < 7.5 && hasMatrixKernel) return voltaKernel(attention);
  return kernelWithoutTensorCores(attention);
}

function hasVectorKernel({ queries, keys }: Attention): boolean {
  const size = queries.shape[0];
  return size <= 256 && size % 64 === 0 && size !== 192 && keys.shape[1] % KEY_BLOCK === 0;
}

function turingKernel(attention: Attention, capability: number): Kernel {
  const { queries, keys, sharing, isGrouped } = attention;
  if (!hasVectorKernel(attention)) return 'matrix';
  const [, rows, , sequences] = queries.shape;
  const isAda = capability >= 8.9;
  if (keys.type.isQuantized) {
    if (rows <= (isAda ? 2 : 1)) return 'vector';
  } else if (isAda && rows === 1 && sequences === 1 && !(sharing > 4 && keys.shape[1] >= 8192)) {
    return 'vector';
  }
  return !isGrouped && rows === 1 ? 'vector' : 'matrix';
}

function voltaKernel(attention: Attention): Kernel {
  const { queries, sharing } = attention;
  const [size, rows] = queries.shape;
  const most = size === 320 ? 32 : size === 576 || size === 192 ? 16 : 8;
  let together = 1;
  while (sharing % (2 * together) === 0 && together < most) together *= 2;
  if (hasVectorKernel(attention) && rows * together <= 2) return 'vector';
  return rows * together <= 16 ? 'tile' : 'matrix';
}

function kernelWithoutTensorCores(attention: Attention): Kernel {
  const { queries, keys, isGrouped } = attention;
  const rows = queries.shape[1];
  if (!hasVectorKernel(attention)) return 'tile';
  const isVector = keys.type.isQuantized ? rows <= 2 : rows === 1 && !isGrouped;
  return isVector ? 'vector' : 'tile';
}
