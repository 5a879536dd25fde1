/**
 * Weights that a CPU rearranges when it loads them, so that several rows are multiplied at once.
 *
 * Invariant: rearranged weights take as many bytes as before; only products with them can be computed.
 */
import type { ElementTypeName } from '../tensor/element-type.js';
import type { Tensor } from '../tensor/tensor.js';
import type { BufferType, BufferTypeOf } from './device.js';
import { deviceBufferType } from './memory.js';
import { operand } from './node-rules.js';

/** Rows that are multiplied at once, by element type: a weight must have a multiple of them. */
type RowsAtOnce = Readonly<Partial<Record<ElementTypeName, number>>>;

const AVX2: RowsAtOnce = { q4_0: 8, q4_K: 8, iq4_nl: 8, mxfp4: 8 };
const ARM: RowsAtOnce = { q4_0: 4, q4_K: 8, q5_K: 8, q6_K: 8, q8_0: 4, iq4_nl: 4, mxfp4: 4 };

/**
 * Instructions of a CPU that decide whether weights are rearranged: x86 with AVX2 or AVX-512, ARM with the dot product
 * or 8-bit matrix products, RISC-V with vectors of 256 bits; `none` for any other CPU.
 */
export type CpuFeatures = 'none' | 'avx2' | 'avx512' | 'dotprod' | 'i8mm' | 'rvv';

/** By the instructions that ggml's CPU backend was compiled for: which weights it rearranges. */
export const REPACKED: Readonly<Record<CpuFeatures, RowsAtOnce>> = {
  none: {},
  avx2: AVX2,
  avx512: { ...AVX2, q2_K: 8 },
  dotprod: ARM,
  i8mm: ARM,
  rvv: { q4_0: 16, q4_K: 16, q8_0: 16, iq4_nl: 16, q2_K: 16 },
};

/** The buffer type of rearranged weights. */
export const CPU_REPACK: BufferType = deviceBufferType({ name: 'CPU_REPACK', alignment: 32 });

/** Rank that a rearranged weight has, by operation. */
const RANKS: ReadonlyMap<string, number> = new Map([
  ['MUL_MAT', 2],
  ['MUL_MAT_ID', 3],
]);

/** Whether a CPU can compute a node one of whose operands is in {@link CPU_REPACK}. */
export function multipliesRepacked(features: CpuFeatures, node: Tensor, bufferTypeOf: BufferTypeOf): boolean {
  const rank = RANKS.get(node.op);
  if (rank === undefined) return false;
  const [weight, values] = [operand(node, 0), operand(node, 1)];
  if (bufferTypeOf(weight)?.name !== CPU_REPACK.name || rankOf(weight) !== rank) return false;
  const rows = REPACKED[features][weight.type.name];
  if (rows === undefined || weight.shape[1] % rows !== 0) return false;
  return values.type.name === 'f32' && (bufferTypeOf(values)?.isHost ?? true);
}

/** Dimensions up to the last one with more than one element. */
function rankOf({ shape }: Tensor): number {
  return Math.max(1, shape.findLastIndex((length) => length > 1) + 1);
}
