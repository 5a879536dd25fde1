/**
 * The CPU of ggml: computes what no other device can.
 *
 * Invariant: the last device of a machine; an operation without a row is computed.
 */
import { checkChoice, checkOptions, type OptionNames } from '../errors.js';
import { isPureView } from '../graph/node-kind.js';
import { GGML_CPU } from '../runtime/ggml-cpu.js';
import type { ElementTypeName } from '../tensor/element-type.js';
import { isContiguous } from '../tensor/layout.js';
import { CPU_REPACK, multipliesRepacked, REPACKED, type CpuFeatures } from './cpu-repack.js';
import type { Device } from './device.js';
import { checkRoom, hostBufferType } from './memory.js';
import { all, any, operand, reads, rulesOf, setting, yields, type NodeRule } from './node-rules.js';

/** What is known of a CPU. */
export interface CpuOptions {
  /** Bytes of memory. Default: as many as it takes. */
  readonly totalBytes?: number;
  /** Bytes that are free before anything is loaded. Default: all. */
  readonly freeBytes?: number;
  /** Instructions that ggml's CPU backend was compiled for. Default `avx2`. */
  readonly features?: CpuFeatures;
  /** Whether weights may be rearranged for these instructions. Default true. */
  readonly repack?: boolean;
}

const OPTIONS: OptionNames<CpuOptions> = { totalBytes: true, freeBytes: true, features: true, repack: true };

/** What a row of each type is multiplied with, where that is not q8_K. */
const FACTOR_TYPES: Readonly<Partial<Record<ElementTypeName, ElementTypeName>>> = {
  f32: 'f32',
  f16: 'f16',
  bf16: 'bf16',
  q1_0: 'q8_0',
  q2_0: 'q8_0',
  q4_0: 'q8_0',
  q4_1: 'q8_1',
  q5_0: 'q8_0',
  q5_1: 'q8_1',
  q8_0: 'q8_0',
  q8_1: 'q8_1',
  mxfp4: 'q8_0',
  nvfp4: 'q8_0',
  iq4_nl: 'q8_0',
};

const multipliesTypes: NodeRule = (node) => {
  const [weight, values] = [operand(node, 0).type.name, operand(node, 1).type.name];
  return values === 'f32' || values === (FACTOR_TYPES[weight] ?? 'q8_K');
};

const hasSameOuterShape: NodeRule = (node) => {
  const [a, b] = [operand(node, 0).shape, operand(node, 1).shape];
  return a[2] === b[2] && a[3] === b[3];
};

const isQuantisedOrHalf: NodeRule = (node) => {
  const { type } = operand(node, 0);
  return type.name === 'f16' || type.isQuantized;
};

/** ggml cannot write these types. */
const isWritable: NodeRule = (node) =>
  !yields('iq3_xxs', 'iq3_s', 'iq2_xxs', 'iq2_xs', 'iq2_s', 'iq1_s', 'iq1_m')(node);

/** Operations that are not always computed. */
const RULES = rulesOf([
  [['CPY', 'SET_ROWS'], isWritable],
  [['MUL_MAT'], multipliesTypes],
  [['SOFT_MAX_BACK'], all(reads(0, 'f32'), reads(1, 'f32'), (node) => setting(node, 'maxBias', 0) === 0)],
  [['IM2COL_BACK'], all(reads(0, 'f32'), reads(1, 'f32', 'f16'))],
  [['GET_ROWS_BACK'], reads(0, 'f32', 'f16')],
  [['OUT_PROD'], all(any(reads(0, 'f32'), all(isQuantisedOrHalf, hasSameOuterShape)), reads(1, 'f32'), yields('f32'))],
  [['CONV_2D'], (node) => isContiguous(operand(node, 0))],
  [['SSM_SCAN'], (node) => setting(node, 'snapshots', 1) === 1 || operand(node, 3).shape[0] === 1],
]);

const CPU = hostBufferType({ name: 'CPU', alignment: 32 });

/** Operands that are looked at for a place in rearranged memory: ggml looks at no others. */
const LOOKED_AT = 4;

/**
 * The CPU of ggml. Its results go to host memory of another device where a scheduler says so.
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function cpuDevice(options: CpuOptions = {}): Device {
  checkOptions(options, OPTIONS);
  const { totalBytes = Infinity, freeBytes = totalBytes, features = 'avx2', repack = true } = options;
  if (totalBytes !== Infinity || freeBytes !== Infinity) checkRoom('CPU', totalBytes, freeBytes, CPU.alignment);
  checkChoice('features', features, Object.keys(REPACKED));
  checkChoice('repack', repack, [true, false]);
  return {
    name: 'CPU',
    totalBytes,
    freeBytes,
    bufferType: CPU,
    hostBufferType: null,
    extraBufferTypes: repack && features !== 'none' ? [CPU_REPACK] : [],
    reads: (type) => type.isHost || type.name === CPU_REPACK.name,
    supports: (node, bufferTypeOf) => {
      if (node.operation === null || isPureView(node)) return true;
      for (const source of node.sources.slice(0, LOOKED_AT)) {
        const isRepacked = source !== null && bufferTypeOf(source)?.name === CPU_REPACK.name;
        if (isRepacked) return multipliesRepacked(features, node, bufferTypeOf);
      }
      return RULES.get(node.op)?.(node) ?? true;
    },
    offloads: () => false,
    runtime: GGML_CPU,
    isAsynchronous: false,
    wrapsHostMemory: true,
    allowsMapping: true,
    reorder: null,
  };
}
