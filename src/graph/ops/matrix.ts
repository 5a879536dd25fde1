/**
 * Matrix products and triangular matrices.
 *
 * Behaviour as in ggml's constructors `ggml_mul_mat`, `ggml_mul_mat_id`, `ggml_out_prod`, `ggml_diag_mask_inf`, ….
 * A product reads each operand many times, so it never overwrites one.
 */
import { isTransposed } from '../../tensor/shape.js';
import type { Params, Tensor } from '../../tensor/tensor.js';
import { badOperand, defineOperation, describeStrides, operand, type Operation } from '../operation.js';
import type { OperationName } from '../operation-name.js';
import { Applier, type InPlaceOption } from './applier.js';
import {
  ANY,
  f32,
  like,
  requireContiguous,
  requireIntegers,
  requireNe,
  requireRepeatable,
  requireType,
  requireWord,
} from './rules.js';

function requireRows(op: string, what: string, a: Tensor): void {
  if (!isTransposed(a)) return;
  badOperand(op, what, describeStrides(a), 'stored row by row, not transposed', 'Apply cont() to it first.');
}

const MUL_MAT = defineOperation({
  name: 'MUL_MAT',
  result: (sources) => {
    const a = operand(sources, 0, 'MUL_MAT');
    const b = operand(sources, 1, 'MUL_MAT');
    requireNe('MUL_MAT', 'b', b, [a.ne[0], ANY, ANY, ANY]);
    requireRepeatable('MUL_MAT', 'a', a, 2, b.ne[2]);
    requireRepeatable('MUL_MAT', 'a', a, 3, b.ne[3]);
    requireRows('MUL_MAT', 'a', a);
    return f32([a.ne[1], b.ne[1], b.ne[2], b.ne[3]]);
  },
});

const MUL_MAT_ID = defineOperation({
  name: 'MUL_MAT_ID',
  result: (sources) => {
    const experts = operand(sources, 0, 'MUL_MAT_ID');
    const b = operand(sources, 1, 'MUL_MAT_ID');
    const ids = operand(sources, 2, 'MUL_MAT_ID');
    requireRows('MUL_MAT_ID', 'experts', experts);
    requireType('MUL_MAT_ID', 'ids', ids, 'i32');
    requireNe('MUL_MAT_ID', 'experts', experts, [ANY, ANY, ANY, 1]);
    requireNe('MUL_MAT_ID', 'b', b, [experts.ne[0], ANY, ANY, 1]);
    requireNe('MUL_MAT_ID', 'ids', ids, [ANY, b.ne[2], 1, 1]);
    requireRepeatable('MUL_MAT_ID', 'b', b, 1, ids.ne[0]);
    return f32([experts.ne[1], ids.ne[0], b.ne[2], 1]);
  },
});

const OUT_PROD = defineOperation({
  name: 'OUT_PROD',
  result: (sources) => {
    const a = operand(sources, 0, 'OUT_PROD');
    const b = operand(sources, 1, 'OUT_PROD');
    requireNe('OUT_PROD', 'b', b, [ANY, a.ne[1], ANY, ANY]);
    requireRepeatable('OUT_PROD', 'a', a, 2, b.ne[2]);
    requireRepeatable('OUT_PROD', 'a', a, 3, b.ne[3]);
    requireRows('OUT_PROD', 'a', a);
    return f32([a.ne[0], b.ne[0], b.ne[2], b.ne[3]]);
  },
});

const DIAG = defineOperation({
  name: 'DIAG',
  result: (sources) => {
    const a = operand(sources, 0, 'DIAG');
    requireNe('DIAG', 'a', a, [ANY, 1, ANY, ANY]);
    return { type: a.type, ne: [a.ne[0], a.ne[0], a.ne[2], a.ne[3]] };
  },
});

/** Index by index: an element is kept or replaced. */
function diagonalMask(name: OperationName): Operation<Params & { past: number }> {
  return defineOperation<Params & { past: number }>({
    name,
    ggmlInPlace: true,
    overwrites: [0],
    result: (sources, { past }) => {
      requireIntegers(name, { past }, 0);
      return like(operand(sources, 0, name));
    },
  });
}

const DIAG_MASK_INF = diagonalMask('DIAG_MASK_INF');
const DIAG_MASK_ZERO = diagonalMask('DIAG_MASK_ZERO');

/** Which triangle is kept; `_diag` keeps the diagonal as well. */
export type Triangle = 'upper_diag' | 'upper' | 'lower_diag' | 'lower';

const TRIANGLES: readonly string[] = ['upper_diag', 'upper', 'lower_diag', 'lower'] satisfies Triangle[];

const TRI = defineOperation<Params & { triangle: Triangle }>({
  name: 'TRI',
  overwrites: [0], // an element is kept or becomes zero
  result: (sources, { triangle }) => {
    const a = operand(sources, 0, 'TRI');
    requireType('TRI', 'a', a, 'f32');
    requireContiguous('TRI', 'a', a);
    requireNe('TRI', 'a', a, [a.ne[1], ANY, ANY, ANY]);
    requireWord('TRI', 'triangle', triangle, TRIANGLES);
    return like(a);
  },
});

const SOLVE_TRI = defineOperation({
  name: 'SOLVE_TRI',
  result: (sources) => {
    const a = operand(sources, 0, 'SOLVE_TRI');
    const b = operand(sources, 1, 'SOLVE_TRI');
    requireType('SOLVE_TRI', 'a', a, 'f32');
    requireType('SOLVE_TRI', 'b', b, 'f32');
    requireNe('SOLVE_TRI', 'a', a, [a.ne[1], ANY, ANY, ANY]);
    requireNe('SOLVE_TRI', 'b', b, [ANY, a.ne[1], a.ne[2], a.ne[3]]);
    requireContiguous('SOLVE_TRI', 'a', a);
    requireContiguous('SOLVE_TRI', 'b', b);
    return f32(b.ne);
  },
});

/** The rows of this family. */
export const MATRIX_OPERATIONS = [MUL_MAT, MUL_MAT_ID, OUT_PROD, DIAG, DIAG_MASK_INF, DIAG_MASK_ZERO, TRI, SOLVE_TRI];

/** Matrix products and triangular matrices. */
export abstract class MatrixOps extends Applier {
  /**
   * `b × aᵀ` as f32 `[m, n, p, q]`: every row of `a` with every row of `b`.
   *
   * @param a `[k, m, …]`, not transposed; its outer lengths divide `p` and `q`
   * @param b `[k, n, p, q]`
   * @throws PlannerError `BAD_OPERAND`
   */
  mulMat(a: Tensor, b: Tensor): Tensor {
    return this.apply(MUL_MAT, [a, b]);
  }

  /**
   * Per token, the products with the experts that `ids` names: f32 `[m, used, tokens]`.
   *
   * @param experts `[k, m, experts]`, not transposed
   * @param b `[k, r, tokens]`, where `r` divides `used`
   * @param ids i32 `[used, tokens]`
   * @throws PlannerError `BAD_OPERAND`
   */
  mulMatId(experts: Tensor, b: Tensor, ids: Tensor): Tensor {
    return this.apply(MUL_MAT_ID, [experts, b, ids]);
  }

  /**
   * The sum of outer products, f32 `[m, n, p, q]`.
   *
   * @param a `[m, k, …]`, not transposed; its outer lengths divide `p` and `q`
   * @param b `[n, k, p, q]`
   * @throws PlannerError `BAD_OPERAND`
   */
  outProd(a: Tensor, b: Tensor): Tensor {
    return this.apply(OUT_PROD, [a, b]);
  }

  /** Diagonal matrices `[n, n, p, q]` from the rows of `a` `[n, 1, p, q]`. @throws PlannerError `BAD_OPERAND` */
  diag(a: Tensor): Tensor {
    return this.apply(DIAG, [a]);
  }

  /** `a` with -∞ wherever the column is beyond `past` + the row. @throws PlannerError `BAD_ARGUMENT` */
  diagMaskInf(a: Tensor, past: number, options?: InPlaceOption): Tensor {
    return this.apply(DIAG_MASK_INF, [a], { past }, options);
  }

  /** `a` with 0 wherever the column is beyond `past` + the row. @throws PlannerError `BAD_ARGUMENT` */
  diagMaskZero(a: Tensor, past: number, options?: InPlaceOption): Tensor {
    return this.apply(DIAG_MASK_ZERO, [a], { past }, options);
  }

  /** A triangle of the square f32 matrices in `a`, zero elsewhere. @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT` */
  tri(a: Tensor, triangle: Triangle): Tensor {
    return this.apply(TRI, [a], { triangle });
  }

  /**
   * `x` such that `a × x = b`, f32 of the shape of `b`.
   *
   * @param a contiguous f32 `[n, n, p, q]`, of which the lower triangle is read
   * @param b contiguous f32 `[m, n, p, q]`
   * @throws PlannerError `BAD_OPERAND`
   */
  solveTri(a: Tensor, b: Tensor): Tensor {
    return this.apply(SOLVE_TRI, [a, b]);
  }
}
