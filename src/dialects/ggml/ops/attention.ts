/**
 * Attention: rotary positions, soft max, and fused attention.
 *
 * Behaviour as in ggml's constructors `ggml_rope_ext`, `ggml_rope_multi`, `ggml_soft_max_ext`, `ggml_flash_attn_ext`.
 */
import type { OptionNames } from '../../../errors.js';
import type { OperationParams, Tensor } from '../../../tensor/tensor.js';
import { rowsOf, type Row } from '../row.js';
import { ANY, type Operands } from '../operands.js';
import type { OperationName } from '../operation-name.js';
import { alike, cutOf, shared } from '../../../tensor/slice.js';
import { scoreSlices } from '../cuts.js';
import { checkSettings, like, f32, listOf, numbers, slots } from './rules.js';
import { requireArgument, requireIntegers, requireWord, type Named } from './rules.js';
import { Applier, inPlaceOf, type InPlaceOption } from './applier.js';

const define = rowsOf('attention');

/** How the elements of a head are paired, and how positions are given. */
export type RopeMode = 'normal' | 'neox' | 'mrope' | 'imrope' | 'vision';

const ROPE_MODES: readonly string[] = ['normal', 'neox', 'mrope', 'imrope', 'vision'] satisfies RopeMode[];

interface RopeParams extends OperationParams {
  readonly dims: number;
  readonly offset: number;
  readonly mode: RopeMode;
  readonly originalContext: number;
  readonly freqBase: number;
  readonly freqScale: number;
  readonly extFactor: number;
  readonly attnFactor: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  readonly sections: readonly number[] | null;
}

/** Settings of the rotation. */
export interface RopeOptions extends InPlaceOption {
  /**
   * How elements are paired. Default `normal`: neighbours; `neox`: the halves of a head; the others: several positions.
   */
  readonly mode?: RopeMode;
  /** Elements of a row before the turned ones, even; they stay as they are. Default 0, and always 0 for `vision`. */
  readonly offset?: number;
  /** f32 divisors of the frequencies, at least half of `dims`. Default: none. */
  readonly freqFactors?: Tensor | null;
  /** Tokens that the model was trained on, for YaRN. Default 0. */
  readonly originalContext?: number;
  /** Default 10000. */
  readonly freqBase?: number;
  /** Default 1. */
  readonly freqScale?: number;
  /** Mix of YaRN's extrapolation. Default 0: none. */
  readonly extFactor?: number;
  /** Default 1. */
  readonly attnFactor?: number;
  /** Default 0. */
  readonly betaFast?: number;
  /** Default 0. */
  readonly betaSlow?: number;
  /** How many pairs turn with each of the four positions of a token, for the modes with several. */
  readonly sections?: readonly [number, number, number, number] | null;
}

/** Settings of `ropeBack`: the settings of `rope`, without `inPlace`. */
export type RopeBackOptions = Omit<RopeOptions, 'inPlace'>;

const ROPE_BACK_OPTIONS: OptionNames<RopeBackOptions> = {
  offset: true,
  mode: true,
  freqFactors: true,
  originalContext: true,
  freqBase: true,
  freqScale: true,
  extFactor: true,
  attnFactor: true,
  betaFast: true,
  betaSlow: true,
  sections: true,
};

const ROPE_OPTIONS: OptionNames<RopeOptions> = { ...ROPE_BACK_OPTIONS, inPlace: true };

/** A pair is read before it is written, and pairs don't meet: the operand may be overwritten. */
function rotation(name: OperationName): Row<RopeParams> {
  return define<RopeParams>({
    name,
    operands: ['a', 'positions'],
    optional: ['freqFactors'],
    reusesAny: true,
    overwrites: [0],
    cut: ({ sources: [a, positions], params }, slice) => {
      if (slice.dim === 0) return null;
      if (slice.dim !== 2) return { operands: [slice, null, null] };
      const isSingle = params.mode === 'normal' || params.mode === 'neox';
      return isSingle ? cutOf([slice, alike(positions, slice, a!.shape[2], 0), null]) : null;
    },
    // Older graph files have no offset.
    result: (o, { dims, offset = 0, mode }) => {
      const a = o.tensor('a');
      const freqFactors = o.optional('freqFactors');
      requireWord(o, 'mode', mode, ROPE_MODES);
      requireIntegers(o, { dims, offset }, 0);
      requireOffset(o, offset, mode === 'vision' ? 0 : a.ne[0] - dims);
      const positionsPerToken = mode === 'normal' || mode === 'neox' ? 1 : 4;
      o.requireNe('positions', [a.ne[2] * positionsPerToken, 1, 1, 1]);
      o.requireType('positions', 'i32');
      o.requireType('freqFactors', 'f32');
      const pairs = Math.floor(dims / 2);
      if (freqFactors !== null && freqFactors.ne[0] < pairs) {
        o.require(false, 'freqFactors', `of a length of at least ${pairs}, half of dims`);
      }
      return like(a);
    },
  });
}

/**
 * As `ggml_compute_forward_rope`: the elements before the turned ones must be pairs, and all must lie within the row.
 */
function requireOffset(o: Operands, offset: number, room: number): void {
  const isWithin = offset === 0 || (offset % 2 === 0 && offset <= room);
  if (isWithin) return;
  requireArgument(false, o, 'offset', offset, `an even number up to ${Math.max(0, room)}, the rest of a row`);
}

export const ROPE = rotation('ROPE');
export const ROPE_BACK = rotation('ROPE_BACK');

function ropeParams(row: Named, dims: number, options: RopeOptions): RopeParams {
  const { offset = 0, mode = 'normal', originalContext = 0, freqBase = 10000, freqScale = 1, extFactor = 0 } = options;
  const { attnFactor = 1, betaFast = 0, betaSlow = 0, sections = null } = options;
  numbers(row, { originalContext, freqBase, freqScale, extFactor, attnFactor, betaFast, betaSlow });
  return {
    dims,
    offset,
    mode,
    originalContext,
    freqBase,
    freqScale,
    extFactor,
    attnFactor,
    betaFast,
    betaSlow,
    sections: sections === null ? null : sectionsOf(row, sections),
  };
}

function sectionsOf(row: Named, sections: readonly number[]): number[] {
  const copied = listOf(row, 'sections', sections);
  const areFour = copied.length === 4 && copied.every((pairs) => Number.isSafeInteger(pairs) && pairs >= 0);
  requireArgument(areFour, row, 'sections', copied, 'four integers of at least 0');
  return copied;
}

function requireSinks(o: Operands, heads: number): void {
  o.requireNe('sinks', [heads, ANY, ANY, ANY]);
  o.requireType('sinks', 'f32');
}

function requireMaskForBias(o: Operands, maxBias: number): void {
  const isBiased = maxBias > 0;
  requireArgument(!isBiased || o.optional('mask') !== null, o, 'maxBias', maxBias, '0 where there is no mask');
}

/** Row by row: a row, and the row of a mask of equal layout, are read to the end before the row is written. */
export const SOFT_MAX = define<OperationParams & { scale: number; maxBias: number }>({
  name: 'SOFT_MAX',
  operands: ['a'],
  optional: ['mask', 'sinks'],
  reusesAny: true,
  overwrites: [0, 1],
  cut: (node, slice) => (slice.dim === 0 ? null : cutOf([slice, ...scoreSlices(node, slice, 1, 1)])),
  result: (o, { maxBias }) => {
    const a = o.tensor('a');
    const mask = o.optional('mask');
    o.requireContiguous('a');
    o.requireType('mask', 'f16', 'f32');
    o.requireContiguous('mask');
    o.requireNe('mask', [a.ne[0], ANY, ANY, ANY]);
    if (mask !== null && mask.ne[1] < a.ne[1]) o.require(false, 'mask', `of at least ${a.ne[1]} rows`);
    o.requireOuterRepeatable('mask', a.ne);
    requireMaskForBias(o, maxBias);
    requireSinks(o, a.ne[2]);
    return like(a);
  },
});

/** Keys and values are read once per query, and the result is permuted: nothing is overwritten. */
export const FLASH_ATTN_EXT = define<OperationParams & { scale: number; maxBias: number; logitSoftcap: number }>({
  name: 'FLASH_ATTN_EXT',
  operands: ['q', 'k', 'v'],
  optional: ['mask', 'sinks'],
  cut: (node, slice) => {
    const [, k, v] = node.sources;
    const length = node.shape[slice.dim];
    if (slice.dim === 0) return { operands: [null, null, slice, null, null] };
    const scores = scoreSlices(node, slice, 3, 2);
    if (slice.dim === 2) return cutOf([{ ...slice, dim: 1 }, null, null, ...scores]);
    const dim = slice.dim === 1 ? 2 : 3;
    return cutOf([{ ...slice, dim }, shared(k!, slice, length, dim), shared(v!, slice, length, dim), ...scores]);
  },
  termsOf: ({ shape, sources: [q, k] }) => k!.shape[1] * (1 + q!.shape[0] / shape[0]),
  result: (o, { maxBias }) => {
    const q = o.tensor('q');
    const v = o.tensor('v');
    o.requireNe('k', [q.ne[0], ANY, ANY, q.ne[3]]);
    o.requireRepeatable('k', 2, q.ne[2]);
    o.requireNe('v', [ANY, ANY, ANY, q.ne[3]]);
    o.requireType('mask', 'f16');
    o.requireContiguous('mask');
    o.requireOuterRepeatable('mask', q.ne);
    requireMaskForBias(o, maxBias);
    requireSinks(o, q.ne[2]);
    return f32([v.ne[0], q.ne[2], q.ne[1], q.ne[3]]);
  },
});

/** The rows of this family. */
export const ATTENTION_OPERATIONS = [ROPE, ROPE_BACK, SOFT_MAX, FLASH_ATTN_EXT];

/** Options of attention: what is added to its scores, and their factor. */
export interface AttentionOptions {
  /** Added to the scaled scores. Default: none. */
  readonly mask?: Tensor | null;
  /** f32, one score per head that takes part in the sum but has no value. Default: none. */
  readonly sinks?: Tensor | null;
  /** Factor of the scores. Default 1. */
  readonly scale?: number;
  /** Steepest slope of the linear position bias (ALiBi), per head; needs a mask. Default 0: none. */
  readonly maxBias?: number;
}

/** Options of fused attention, which does not keep the scores. */
export interface FlashAttentionOptions extends AttentionOptions {
  /** A limit that the scores approach. Default 0: none. */
  readonly logitSoftcap?: number;
}

const SCORES = { mask: true, sinks: true, scale: true, maxBias: true } as const;
const SOFT_MAX_OPTIONS: OptionNames<AttentionOptions & InPlaceOption> = { ...SCORES, inPlace: true };
const FLASH_ATTN_OPTIONS: OptionNames<FlashAttentionOptions> = { ...SCORES, logitSoftcap: true };

/** Attention. */
export abstract class AttentionOps extends Applier {
  /**
   * Turns `dims` elements of each row of `a`, those after the first `offset`, by angles that grow with the token's
   * position.
   *
   * @param a `[head, heads, tokens, …]`
   * @param positions i32 `[tokens]`, or `[4 × tokens]` for the modes `mrope`, `imrope` and `vision`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  rope(a: Tensor, positions: Tensor, dims: number, options: RopeOptions = {}): Tensor {
    checkSettings(options, ROPE_OPTIONS, ROPE);
    return this.apply(
      ROPE,
      slots(a, positions, options.freqFactors),
      ropeParams(ROPE, dims, options),
      inPlaceOf(ROPE, options),
    );
  }

  /** The gradient of {@link rope}: the same turns backwards. @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT` */
  ropeBack(a: Tensor, positions: Tensor, dims: number, options: RopeBackOptions = {}): Tensor {
    checkSettings(options, ROPE_BACK_OPTIONS, ROPE_BACK);
    return this.apply(ROPE_BACK, slots(a, positions, options.freqFactors), ropeParams(ROPE_BACK, dims, options));
  }

  /**
   * The soft max of each row of `a × scale + mask`. The option `mask` is contiguous, f16 or f32
   * `[n, at least rows, …]`; its outer lengths divide those of `a`.
   *
   * @param a contiguous `[n, rows, heads, …]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  softMax(a: Tensor, options: AttentionOptions & InPlaceOption = {}): Tensor {
    checkSettings(options, SOFT_MAX_OPTIONS, SOFT_MAX);
    const { mask, sinks, scale = 1, maxBias = 0 } = options;
    const params = numbers(SOFT_MAX, { scale, maxBias });
    return this.apply(SOFT_MAX, slots(a, mask, sinks), params, inPlaceOf(SOFT_MAX, options));
  }

  /**
   * Attention without keeping the scores: f32 `[valueHead, heads, tokens, sequences]`. The option `mask` is contiguous
   * and f16; its outer lengths divide `heads` and `sequences`.
   *
   * @param q `[head, tokens, heads, sequences]`
   * @param k `[head, cells, keyHeads, sequences]`, where `keyHeads` divides `heads`
   * @param v `[valueHead, cells, keyHeads, sequences]`, not transposed
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  flashAttn(q: Tensor, k: Tensor, v: Tensor, options: FlashAttentionOptions = {}): Tensor {
    checkSettings(options, FLASH_ATTN_OPTIONS, FLASH_ATTN_EXT);
    const { mask, sinks, scale = 1, maxBias = 0, logitSoftcap = 0 } = options;
    const params = numbers(FLASH_ATTN_EXT, { scale, maxBias, logitSoftcap });
    return this.apply(FLASH_ATTN_EXT, slots(q, k, v, mask, sinks), params);
  }
}
