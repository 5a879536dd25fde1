/** What profiles say of nodes that no recording has: other types, shapes and devices. The facts are those of ggml's sources. */
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { cpuDevice } from '../../src/device/cpu.js';
import { CPU_REPACK, type CpuFeatures } from '../../src/device/cpu-repack.js';
import { cudaDevice } from '../../src/device/cuda.js';
import type { BufferTypeOf, Device } from '../../src/device/device.js';
import { metalDevice } from '../../src/device/metal.js';
import { vulkanDevice } from '../../src/device/vulkan.js';
import { webgpuDevice } from '../../src/device/webgpu.js';
import type { ElementTypeName } from '../../src/tensor/element-type.js';
import type { Tensor } from '../../src/tensor/tensor.js';

const GIB = 2 ** 30;
const ctx = Context.deferred();
const nowhere: BufferTypeOf = () => null;

const tensor = (type: ElementTypeName, ...shape: number[]): Tensor => ctx.newTensor(type, shape);

interface Heads {
  readonly size?: number;
  readonly valueSize?: number;
  readonly heads?: number;
  readonly keyHeads?: number;
  readonly rows?: number;
  readonly keys?: number;
  readonly type?: ElementTypeName;
  readonly valueType?: ElementTypeName;
  /** Shape of the mask; null without one. Default: one row for each query. */
  readonly mask?: readonly number[] | null;
  readonly maxBias?: number;
}

function attention(of: Heads): Tensor {
  const { size = 128, valueSize = size, heads = 32, keyHeads = 8, rows = 1, keys = 1024, maxBias = 0 } = of;
  const { type = 'f16', valueType = type, mask = [keys, rows, 1, 1] } = of;
  const values = [tensor('f32', size, rows, heads), tensor(type, size, keys, keyHeads)] as const;
  const options = mask === null ? {} : { mask: tensor('f16', ...mask), maxBias };
  return ctx.flashAttn(...values, tensor(valueType, valueSize, keys, keyHeads), options);
}

/** Bytes besides the result, in those of one copy of keys and values in f16; null if the node is not supported. */
function copies(device: Device, node: Tensor): number | null {
  if (!device.supports(node, nowhere)) return null;
  const [, keys, values] = node.sources;
  const bytes = ({ shape }: Tensor): number => 2 * shape.reduce((product, length) => product * length);
  return (device.bufferType.sizeOf(node) - node.byteLength) / (bytes(keys!) + bytes(values!));
}

describe('flash attention on CUDA', () => {
  it.each<[capability: number, heads: Heads, copies: number | null]>([
    // One query of quantised keys goes through the vector kernel; from Ada on two do.
    [8.6, { type: 'q8_0' }, 0],
    [8.6, { type: 'q8_0', rows: 2 }, 1],
    [8.9, { type: 'q8_0', rows: 2 }, 0],
    [8.9, { type: 'q8_0', rows: 3 }, 1],
    [12.0, { type: 'q4_0', rows: 2 }, 0],
    // f16 is read as it is by every kernel.
    [8.6, { rows: 512 }, 0],
    [6.1, { rows: 512 }, 0],
    // Heads that share keys are one block, unless the keys are no multiple of 256.
    [8.6, { type: 'bf16' }, 1],
    [8.6, { type: 'bf16', keyHeads: 32 }, 0],
    [8.6, { type: 'bf16', keyHeads: 32, keys: 1000 }, 1],
    [8.9, { type: 'bf16' }, 0],
    [8.9, { type: 'bf16', keys: 8192 }, 0],
    [8.9, { type: 'bf16', keys: 8192, keyHeads: 4 }, 1],
    // The vector kernel has no f32.
    [8.9, { type: 'f32' }, 1],
    // Head sizes without a vector kernel.
    [8.6, { type: 'bf16', keyHeads: 32, size: 80 }, 1],
    // Before tensor cores: at most two queries.
    [6.1, { type: 'q8_0', rows: 2 }, 0],
    [6.1, { type: 'q8_0', rows: 3 }, 1],
    [6.1, { type: 'bf16', keyHeads: 32 }, 0],
    [6.1, { type: 'bf16' }, 1],
    // Volta: two queries of heads that share nothing, or one of two heads that do.
    [7.0, { type: 'q8_0', keyHeads: 32, rows: 2 }, 0],
    [7.0, { type: 'q8_0', keyHeads: 32, rows: 3 }, 1],
    [7.0, { type: 'q8_0', keyHeads: 16 }, 0],
    [7.0, { type: 'q8_0', keyHeads: 16, rows: 2 }, 1],
    // Types and sizes without a kernel.
    [8.6, { type: 'q4_1' }, null],
    [8.6, { type: 'q8_0', valueType: 'q4_0' }, null],
    [8.6, { size: 48 }, null],
    [8.6, { size: 128, valueSize: 64 }, null],
    [8.6, { size: 192, valueSize: 128, keyHeads: 4 }, 0],
    [8.6, { size: 192, valueSize: 128, keyHeads: 8 }, null],
    [8.6, { size: 320, valueSize: 256, keyHeads: 1 }, 0],
    [8.6, { size: 320, valueSize: 256, keyHeads: 2 }, null],
    [8.6, { size: 512 }, 0],
    [8.6, { size: 512, mask: null }, null],
    [8.6, { size: 576, valueSize: 512, keyHeads: 1 }, 0],
    [8.6, { size: 576, valueSize: 512, keyHeads: 1, maxBias: 8 }, null],
    [8.6, { mask: [1024, 1, 32, 1] }, null],
  ])('with compute capability %f: %o', (computeCapability, heads, expected) => {
    expect(copies(cudaDevice({ totalBytes: GIB, computeCapability }), attention(heads))).toBe(expected);
  });
});

const cuda = cudaDevice({ totalBytes: GIB });
const metal = metalDevice({ totalBytes: GIB });
const vulkan = vulkanDevice({ totalBytes: GIB });
const webgpu = webgpuDevice({ totalBytes: GIB });

const mulMat = (a: ElementTypeName, b: ElementTypeName = 'f32'): Tensor =>
  ctx.mulMat(tensor(a, 256, 64), tensor(b, 256, 8));
const getRows = (type: ElementTypeName, length: number): Tensor =>
  ctx.getRows(tensor(type, length, 64), tensor('i32', 4));

interface Scan {
  readonly state?: number;
  readonly head?: number;
  readonly heads?: number;
  readonly groups?: number;
  /** Numbers of the decay of one head: one, or one for each of the state. */
  readonly decay?: number;
  readonly snapshots?: number;
}

function scan({ state = 16, head = 1, heads = 256, groups = 1, decay = state, snapshots = 1 }: Scan): Tensor {
  const [b, c] = [tensor('f32', state, groups, 4), tensor('f32', state, groups, 4)];
  const [x, dt] = [tensor('f32', head, heads, 4), tensor('f32', heads, 4)];
  const [cells, a] = [tensor('f32', state, head, heads, 1), tensor('f32', decay, heads)];
  return ctx.ssmScan(cells, x, dt, a, b, c, tensor('i32', 1), { snapshots });
}

describe('which devices scan', () => {
  it.each<[what: Scan, computedBy: string]>([
    [{}, 'CPU CUDA0 MTL0 WebGPU'],
    [{ heads: 200 }, 'CPU MTL0 WebGPU'],
    [{ state: 32 }, 'CPU MTL0 WebGPU'],
    [{ head: 2 }, 'CPU MTL0 WebGPU'],
    [{ groups: 2 }, 'CPU MTL0 WebGPU'],
    [{ state: 128, head: 64, heads: 8, decay: 1 }, 'CPU CUDA0 MTL0 Vulkan0 WebGPU'],
    [{ state: 128, head: 64, heads: 8, decay: 1, snapshots: 3 }, 'CPU CUDA0 MTL0 Vulkan0 WebGPU'],
    [{ state: 256, head: 64, heads: 8, decay: 1, groups: 2 }, 'CPU CUDA0 MTL0 Vulkan0 WebGPU'],
    [{ state: 64, head: 64, heads: 8, decay: 1 }, 'CPU MTL0 WebGPU'],
    [{ state: 128, head: 24, heads: 8, decay: 1 }, 'CPU MTL0 WebGPU'],
    [{ state: 2048, head: 16, heads: 8, decay: 1 }, 'CPU MTL0'],
  ])('%o', (what, computedBy) => {
    const node = scan(what);
    const devices = [cpuDevice(), cuda, metal, vulkan, webgpu].filter((device) => device.supports(node, nowhere));
    expect(devices.map(({ name }) => name).join(' ')).toBe(computedBy);
  });
});

describe('which devices compute a node', () => {
  const devices: readonly Device[] = [cpuDevice(), cuda, metal, vulkan, webgpu];
  it.each<[what: string, node: Tensor, computedBy: string]>([
    ['f16 values times f32 weights', mulMat('f32', 'f16'), 'MTL0 Vulkan0'],
    ['f16 values times f16 weights', mulMat('f16', 'f16'), 'CPU CUDA0 MTL0 Vulkan0 WebGPU'],
    ['weights of nvfp4', mulMat('nvfp4'), 'CPU CUDA0 Vulkan0 WebGPU'],
    ['weights of tq2_0', mulMat('tq2_0'), 'CPU MTL0 Vulkan0'],
    ['weights of bf16', mulMat('bf16'), 'CPU CUDA0 MTL0 Vulkan0'],
    ['rows of mxfp4', getRows('mxfp4', 256), 'CPU CUDA0 MTL0 Vulkan0 WebGPU'],
    ['short rows of mxfp4', getRows('mxfp4', 128), 'CPU MTL0 Vulkan0 WebGPU'],
    ['a sum of f32 and f16', ctx.add(tensor('f32', 8), tensor('f16', 8)), 'CPU CUDA0 Vulkan0'],
    ['heads of 48', attention({ size: 48 }), 'CPU MTL0 Vulkan0 WebGPU'],
    ['heads of 100', attention({ size: 100 }), 'CPU WebGPU'],
    ['a q4_1 cache', attention({ type: 'q4_1' }), 'CPU MTL0 Vulkan0'],
    ['keys and values of two types', attention({ type: 'q8_0', valueType: 'q4_0' }), 'CPU Vulkan0 WebGPU'],
    [
      'a dense copy of what is transposed',
      ctx.gelu(ctx.cont(ctx.transpose(tensor('f32', 4, 8)))),
      'CPU CUDA0 MTL0 Vulkan0 WebGPU',
    ],
    ['a concatenation of i32', ctx.concat(tensor('i32', 4), tensor('i32', 4), 0), 'CPU CUDA0 MTL0 Vulkan0 WebGPU'],
    ['a concatenation of q8_0', ctx.concat(tensor('q8_0', 32, 4), tensor('q8_0', 32, 4), 1), 'CPU CUDA0 Vulkan0'],
    [
      'a write of rows in q5_0',
      ctx.setRows(tensor('q5_0', 32, 8), tensor('f32', 32, 2), tensor('i64', 2)),
      'CPU CUDA0 MTL0 Vulkan0',
    ],
    ['a sorted list', ctx.argsort(tensor('f32', 64)), 'CPU CUDA0 MTL0 Vulkan0 WebGPU'],
    ['the 2048 best', ctx.topK(tensor('f32', 4096), 2048), 'CPU CUDA0 MTL0 WebGPU'],
    ['a node of an operation of its own', ctx.custom([tensor('f32', 4)], { op: 'MINE', type: 'f32', ne: [4] }), 'CPU'],
  ])('%s', (_, node, computedBy) => {
    const names = devices.filter((device) => device.supports(node, nowhere)).map(({ name }) => name);
    expect(names.join(' ')).toBe(computedBy);
  });
});

describe('bytes of a tensor', () => {
  it('has a padded row for quantised types on CUDA', () => {
    const { sizeOf } = cuda.bufferType;
    expect(sizeOf(tensor('q8_0', 512, 4))).toBe(4 * 544);
    expect(sizeOf(tensor('q8_0', 32, 4))).toBe(4 * 34 + 15 * 34);
    expect(sizeOf(tensor('f16', 32, 4))).toBe(4 * 64);
  });

  it('has the memory of sorting on Metal and WebGPU', () => {
    const [sorted, best] = [ctx.argsort(tensor('f32', 64, 2)), ctx.topK(tensor('f32', 64, 2), 4)];
    expect(metal.bufferType.sizeOf(sorted)).toBe(2 * 512);
    expect(metal.bufferType.sizeOf(best)).toBe(2 * 512);
    expect(metal.bufferType.sizeOf(ctx.cumsum(tensor('f32', 64)))).toBe(2 * 256);
    expect(webgpu.bufferType.sizeOf(sorted)).toBe(2 * 512 + 256);
    expect(webgpu.bufferType.sizeOf(best)).toBe(2 * 512 + 256);
    expect(vulkan.bufferType.sizeOf(sorted)).toBe(512);
  });

  it('has partial results and a list of blocks for few queries on WebGPU', () => {
    // 1024 keys by 32: 16 groups; 32 heads of 128 values with sum and maximum; 32 blocks of the mask.
    const node = attention({});
    expect(webgpu.bufferType.sizeOf(node)).toBe(node.byteLength + 32 * 16 * 130 * 4 + 256 + 32 * 4 + 256);
    expect(webgpu.bufferType.sizeOf(attention({ rows: 20 }))).toBe(attention({ rows: 20 }).byteLength);
  });

  it('has quantised values where WebGPU multiplies four bytes at once', () => {
    const packed = webgpuDevice({ totalBytes: GIB, packedDotProduct: true });
    const few = ctx.mulMat(tensor('q4_0', 256, 64), tensor('f32', 256, 4));
    expect(packed.bufferType.sizeOf(few)).toBe(few.byteLength + 4 * 8 * 36 + 256);
    expect(webgpu.bufferType.sizeOf(few)).toBe(few.byteLength);
    expect(packed.bufferType.sizeOf(mulMat('q4_0'))).toBe(mulMat('q4_0').byteLength);
  });
});

describe('what a device refuses by size and place', () => {
  it('is a tensor beyond what one operand may have', () => {
    const large = ctx.mulMat(tensor('f16', 4096, 2 ** 20), tensor('f32', 4096));
    expect(cuda.supports(large, nowhere)).toBe(true);
    expect(vulkan.supports(large, nowhere)).toBe(false);
    expect(webgpu.supports(large, nowhere)).toBe(false);
    expect(vulkanDevice({ totalBytes: GIB, maxTensorBytes: 2 ** 34 }).supports(large, nowhere)).toBe(true);
  });

  it('is an operand on another CUDA device', () => {
    const node = mulMat('f16');
    const other = cudaDevice({ index: 1, totalBytes: GIB });
    const onFirst: BufferTypeOf = (source) => (source === node.sources[0] ? cuda.bufferType : null);
    expect(cuda.supports(node, onFirst)).toBe(true);
    expect(other.supports(node, onFirst)).toBe(false);
    expect(other.supports(node, () => cuda.hostBufferType)).toBe(true);
  });

  it('is bf16 where Metal has none', () => {
    const without = metalDevice({ totalBytes: GIB, bfloat: false });
    expect(without.supports(mulMat('bf16'), nowhere)).toBe(false);
    expect(without.supports(mulMat('f16'), nowhere)).toBe(true);
  });

  it('is host memory, unless the device is integrated', () => {
    const host = cuda.hostBufferType!;
    expect(cuda.reads(host)).toBe(false);
    const integrated = cudaDevice({ totalBytes: GIB, computeCapability: 8.7, isIntegrated: true });
    expect(integrated.reads(host)).toBe(true);
    expect(integrated.allowsMapping).toBe(false);
  });
});

describe('a rearranged weight', () => {
  const isComputed = (node: Tensor, features: CpuFeatures): boolean =>
    cpuDevice({ features }).supports(node, (source) => (source === node.sources[0] ? CPU_REPACK : null));
  const product = (type: ElementTypeName, rows: number): Tensor =>
    ctx.mulMat(tensor(type, 256, rows), tensor('f32', 256, 8));

  it.each<[type: ElementTypeName, rows: number, features: string]>([
    ['q4_0', 64, 'avx2 avx512 dotprod i8mm rvv'],
    ['q4_0', 8, 'avx2 avx512 dotprod i8mm'],
    ['q4_0', 4, 'dotprod i8mm'],
    ['q4_K', 8, 'avx2 avx512 dotprod i8mm'],
    ['q4_K', 4, ''],
    ['q2_K', 8, 'avx512'],
    ['q2_K', 16, 'avx512 rvv'],
    ['q5_K', 8, 'dotprod i8mm'],
    ['q6_K', 8, 'dotprod i8mm'],
    ['q8_0', 4, 'dotprod i8mm'],
    ['iq4_nl', 16, 'avx2 avx512 dotprod i8mm rvv'],
    ['mxfp4', 16, 'avx2 avx512 dotprod i8mm'],
    ['f16', 64, ''],
    ['q3_K', 64, ''],
  ])('%s with %i rows: %s', (type, rows, expected) => {
    const all: CpuFeatures[] = ['none', 'avx2', 'avx512', 'dotprod', 'i8mm', 'rvv'];
    expect(all.filter((features) => isComputed(product(type, rows), features)).join(' ')).toBe(expected);
  });

  it('is in a product of two dimensions, or of three by experts', () => {
    const stack = ctx.mulMat(tensor('q4_0', 256, 8, 2), tensor('f32', 256, 8, 2));
    const experts = ctx.mulMatId(tensor('q4_0', 256, 8, 4), tensor('f32', 256, 1, 8), tensor('i32', 1, 8));
    const rows = ctx.getRows(tensor('q4_0', 256, 8), tensor('i32', 4));
    expect([stack, experts, rows].map((node) => isComputed(node, 'avx2'))).toEqual([false, true, false]);
  });

  it('meets values in host memory', () => {
    const node = product('q4_0', 8);
    const computes = (values: BufferTypeOf): boolean =>
      cpuDevice().supports(node, (source) => (source === node.sources[0] ? CPU_REPACK : values(source)));
    expect(computes(() => cuda.hostBufferType)).toBe(true);
    expect(computes(() => cuda.bufferType)).toBe(false);
  });
});

describe('what is worth the copy of its weight', () => {
  it.each<[what: string, node: Tensor, takenBy: string]>([
    ['32 values', ctx.mulMat(tensor('q8_0', 256, 64), tensor('f32', 256, 32)), 'CUDA0 MTL0 Vulkan0'],
    ['31 values', ctx.mulMat(tensor('q8_0', 256, 64), tensor('f32', 256, 31)), ''],
    ['32 rows of a norm', ctx.mul(tensor('f32', 8, 32), tensor('f32', 8)), 'CUDA0 Vulkan0'],
    ['rows that are looked up', ctx.getRows(tensor('f32', 8, 64), tensor('i32', 64)), ''],
    ['heads that are turned', ctx.rope(tensor('f32', 64, 32, 8), tensor('i32', 8), 64), ''],
    ['tokens that are turned', ctx.rope(tensor('f32', 64, 8, 32), tensor('i32', 32), 64), 'CUDA0 Vulkan0'],
  ])('%s', (_, node, takenBy) => {
    const names = [cpuDevice(), cuda, metal, vulkan, webgpu].filter((device) => device.offloads(node));
    expect(names.map(({ name }) => name).join(' ')).toBe(takenBy);
  });
});
