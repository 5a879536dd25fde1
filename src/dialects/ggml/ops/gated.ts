/**
 * Gated linear units: an activated half times the other half, of one tensor or of two.
 *
 * Behaviour as in ggml's constructors `ggml_glu` and `ggml_glu_split`; each unit is an operation of its own name, as
 * graph files write it.
 */
import type { OptionNames } from '../../../errors.js';
import type { OperationParams, Tensor } from '../../../tensor/tensor.js';
import { rowsOf, type Row, type Result } from '../row.js';
import type { Operands, Sources } from '../operands.js';
import type { OperationName } from '../operation-name.js';
import { byElement } from '../cuts.js';
import { checkSettings, flag, numbers, type Named } from './rules.js';
import { Applier } from './applier.js';

const define = rowsOf('element-wise');

function gatedResult(o: Operands): Result {
  const a = o.tensor('a');
  const b = o.optional('b');
  o.requireContiguous('a', 1);
  if (b === null) {
    const [ne0, ne1, ne2, ne3] = a.ne;
    o.require(ne0 % 2 === 0, 'a', 'of an even length in dimension 0, or come with a gate operand');
    return { type: a.type, ne: [ne0 / 2, ne1, ne2, ne3] };
  }
  o.requireContiguous('b', 1);
  o.requireNe('b', a.ne);
  o.requireType('b', a.type.name);
  return { type: a.type, ne: a.ne };
}

/** Two operands are read index by index; a single operand, which holds both halves, never has the result's layout. */
function gated<P extends OperationParams = OperationParams & { swapped: boolean }>(name: OperationName): Row<P> {
  return define<P>({
    name,
    operands: ['a'],
    optional: ['b'],
    overwrites: [0, 1],
    cut: byElement,
    result: gatedResult,
  });
}

export const REGLU = gated('REGLU');
export const GEGLU = gated('GEGLU');
export const SWIGLU = gated('SWIGLU');
export const GEGLU_ERF = gated('GEGLU_ERF');
export const GEGLU_QUICK = gated('GEGLU_QUICK');
export const SWIGLU_OAI = gated<OperationParams & { alpha: number; limit: number }>('SWIGLU_OAI');

/** The rows of this family. */
export const GATED_OPERATIONS = [REGLU, GEGLU, SWIGLU, GEGLU_ERF, GEGLU_QUICK, SWIGLU_OAI];

/** Options for a tensor that holds both halves. */
export interface GatedOptions {
  /** Whether the second half of `a` is the activated one instead of the first. Default false. */
  readonly swapped?: boolean;
}

const GATED_OPTIONS: OptionNames<GatedOptions> = { swapped: true };

/**
 * Gated linear units. With one operand, its rows hold both halves and the result is half as long; with two operands,
 * `a` is activated, `b` is the factor, and type and shape agree. Rows must be dense, and only dimension 1 may have gaps
 * between them; otherwise `BAD_OPERAND` is thrown.
 */
export abstract class GatedOps extends Applier {
  /** `relu(a) × b`. */
  reglu(a: Tensor, b: Tensor | null = null, options?: GatedOptions): Tensor {
    return this.apply(REGLU, halves(a, b), gatedParams(REGLU, options));
  }

  /** `gelu(a) × b`. */
  geglu(a: Tensor, b: Tensor | null = null, options?: GatedOptions): Tensor {
    return this.apply(GEGLU, halves(a, b), gatedParams(GEGLU, options));
  }

  /** `silu(a) × b`. */
  swiglu(a: Tensor, b: Tensor | null = null, options?: GatedOptions): Tensor {
    return this.apply(SWIGLU, halves(a, b), gatedParams(SWIGLU, options));
  }

  /** `geluErf(a) × b`. */
  gegluErf(a: Tensor, b: Tensor | null = null, options?: GatedOptions): Tensor {
    return this.apply(GEGLU_ERF, halves(a, b), gatedParams(GEGLU_ERF, options));
  }

  /** `geluQuick(a) × b`. */
  gegluQuick(a: Tensor, b: Tensor | null = null, options?: GatedOptions): Tensor {
    return this.apply(GEGLU_QUICK, halves(a, b), gatedParams(GEGLU_QUICK, options));
  }

  /** The limited SwiGLU of gpt-oss: steepness `alpha`, both factors limited by `limit`, 1 added to the second. */
  swigluOai(a: Tensor, b: Tensor, alpha: number, limit: number): Tensor {
    return this.apply(SWIGLU_OAI, [a, b], numbers(SWIGLU_OAI, { alpha, limit }));
  }
}

/** One tensor that holds both halves, or two tensors. */
function halves(a: Tensor, b: Tensor | null): Sources {
  return b === null ? [a] : [a, b];
}

function gatedParams(row: Named, options: GatedOptions = {}): { swapped: boolean } {
  checkSettings(options, GATED_OPTIONS, row);
  return { swapped: flag(row, 'swapped', options.swapped ?? false) };
}
