/**
 * Normalisation of rows and of groups of channels.
 *
 * Invariant: a row (or group) is read to the end before any element of it is written, and no other row is read for it;
 * so the operand may be overwritten. Behaviour as in ggml's `ggml_norm`, `ggml_rms_norm`, `ggml_group_norm`,
 * `ggml_l2_norm`.
 */
import type { OperationParams, Tensor } from '../../../tensor/tensor.js';
import { rowsOf, type Row } from '../row.js';
import type { OperationName } from '../operation-name.js';
import { byRow } from '../cuts.js';
import { like, requireArgument, requireIntegers, type Named } from './rules.js';
import { Applier, type InPlaceOption } from './applier.js';

const define = rowsOf('norm');

/** @throws PlannerError `BAD_ARGUMENT` */
export function requireEps(op: Named, eps: number): number {
  if (!Number.isFinite(eps) || eps < 0) requireArgument(false, op, 'eps', eps, 'a number of at least 0');
  return eps;
}

/** In ggml only the RMS norm reuses its operand. */
function norm(name: OperationName, reusesAny: boolean): Row<OperationParams & { eps?: number }> {
  return define<OperationParams & { eps?: number }>({
    name,
    operands: ['a'],
    reusesAny,
    overwrites: [0],
    cut: byRow,
    result: (o, { eps }) => {
      if (eps !== undefined) requireEps(o, eps); // a graph file may leave it out
      return like(o.tensor('a'));
    },
  });
}

export const NORM = norm('NORM', false);
export const RMS_NORM = norm('RMS_NORM', true);
export const L2_NORM = norm('L2_NORM', false);

export const GROUP_NORM = define<OperationParams & { groups: number; eps?: number }>({
  name: 'GROUP_NORM',
  operands: ['a'],
  overwrites: [0],
  cut: (node, slice) => (slice.dim === 3 ? byRow(node, slice) : null),
  result: (o, { groups, eps }) => {
    if (eps !== undefined) requireEps(o, eps);
    requireIntegers(o, { groups }, 1);
    return like(o.tensor('a'));
  },
});

/** The rows of this family. */
export const NORM_OPERATIONS = [NORM, RMS_NORM, L2_NORM, GROUP_NORM];

/**
 * Normalisation. The result is contiguous, of the type and shape of `a`; `eps`, at least 0, keeps divisors away from
 * zero.
 */
export abstract class NormOps extends Applier {
  /** Each row of `a` less its mean, divided by its standard deviation. */
  norm(a: Tensor, eps: number, options?: InPlaceOption): Tensor {
    return this.apply(NORM, [a], { eps: requireEps(NORM, eps) }, options);
  }

  /** Each row of `a` divided by the root of its mean square. */
  rmsNorm(a: Tensor, eps: number, options?: InPlaceOption): Tensor {
    return this.apply(RMS_NORM, [a], { eps: requireEps(RMS_NORM, eps) }, options);
  }

  /** Each row of `a` divided by its Euclidean length. */
  l2Norm(a: Tensor, eps: number, options?: InPlaceOption): Tensor {
    return this.apply(L2_NORM, [a], { eps: requireEps(L2_NORM, eps) }, options);
  }

  /**
   * The channels (dimension 2) of `a` in `groups`, each less its mean and divided by its standard deviation.
   *
   * @throws PlannerError `BAD_ARGUMENT` unless `groups` is an integer of at least 1
   */
  groupNorm(a: Tensor, groups: number, eps: number, options?: InPlaceOption): Tensor {
    return this.apply(GROUP_NORM, [a], { groups, eps: requireEps(GROUP_NORM, eps) }, options);
  }
}
