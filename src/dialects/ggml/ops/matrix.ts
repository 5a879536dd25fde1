/**
 * Matrix products and triangular matrices.
 *
 * Behaviour as in ggml's constructors `ggml_mul_mat`, `ggml_mul_mat_id`, `ggml_out_prod`, `ggml_diag_mask_inf`, ….
 * A product reads each operand many times, so it never overwrites one.
 */
import { isTransposed } from '../shape.js';
import type { OperationParams, Tensor } from '../../../tensor/tensor.js';
import { rowsOf, type Row } from '../row.js';
import { ANY, type Operands } from '../operands.js';
import type { OperationName } from '../operation-name.js';
import { alike, cutOf, shared } from '../../../tensor/slice.js';
import { like, f32, requireIntegers, requireWord } from './rules.js';
import { Applier, type InPlaceOption } from './applier.js';

const define = rowsOf('matrix');

function requireRows(o: Operands, name: string, a: Tensor): void {
  if (isTransposed(a)) o.requireStrides(false, name, 'stored row by row, not transposed');
}

export const MUL_MAT = define({
  name: 'MUL_MAT',
  operands: ['a', 'b'],
  cut: ({ shape, sources: [a, b] }, slice) => {
    if (slice.dim === 0) return { operands: [{ ...slice, dim: 1 }, null] };
    if (slice.dim === 1) return { operands: [null, slice] };
    return cutOf([shared(a!, slice, shape[slice.dim]), alike(b, slice, shape[slice.dim])]);
  },
  termsOf: ({ sources: [a] }) => a!.shape[0],
  result: (o) => {
    const a = o.tensor('a');
    const b = o.tensor('b');
    o.requireNe('b', [a.ne[0], ANY, ANY, ANY]);
    o.requireOuterRepeatable('a', b.ne);
    requireRows(o, 'a', a);
    return f32([a.ne[1], b.ne[1], b.ne[2], b.ne[3]]);
  },
});

export const MUL_MAT_ID = define({
  name: 'MUL_MAT_ID',
  operands: ['experts', 'b', 'ids'],
  cut: ({ shape, sources: [, b, ids] }, slice) => {
    if (slice.dim === 0) return { operands: [{ ...slice, dim: 1 }, null, null] };
    const length = shape[slice.dim];
    return slice.dim === 3 ? null : cutOf([null, alike(b, slice, length), alike(ids, slice, length, slice.dim - 1)]);
  },
  termsOf: ({ sources: [experts] }) => experts!.shape[0],
  result: (o) => {
    const experts = o.tensor('experts');
    const b = o.tensor('b');
    const ids = o.tensor('ids');
    requireRows(o, 'experts', experts);
    o.requireType('ids', 'i32');
    o.requireNe('experts', [ANY, ANY, ANY, 1]);
    o.requireNe('b', [experts.ne[0], ANY, ANY, 1]);
    o.requireNe('ids', [ANY, b.ne[2], 1, 1]);
    o.requireRepeatable('b', 1, ids.ne[0]);
    return f32([experts.ne[1], ids.ne[0], b.ne[2], 1]);
  },
});

export const OUT_PROD = define({
  name: 'OUT_PROD',
  operands: ['a', 'b'],
  result: (o) => {
    const a = o.tensor('a');
    const b = o.tensor('b');
    o.requireNe('b', [ANY, a.ne[1], ANY, ANY]);
    o.requireOuterRepeatable('a', b.ne);
    requireRows(o, 'a', a);
    return f32([a.ne[0], b.ne[0], b.ne[2], b.ne[3]]);
  },
});

export const DIAG = define({
  name: 'DIAG',
  operands: ['a'],
  result: (o) => {
    const a = o.tensor('a');
    o.requireNe('a', [ANY, 1, ANY, ANY]);
    return { type: a.type, ne: [a.ne[0], a.ne[0], a.ne[2], a.ne[3]] };
  },
});

/** The mask works index by index: it keeps or replaces each element. */
function diagonalMask(name: OperationName): Row<OperationParams & { past: number }> {
  return define<OperationParams & { past: number }>({
    name,
    operands: ['a'],
    reusesAny: true,
    overwrites: [0],
    result: (o, { past }) => {
      requireIntegers(o, { past }, 0);
      return like(o.tensor('a'));
    },
  });
}

export const DIAG_MASK_INF = diagonalMask('DIAG_MASK_INF');
export const DIAG_MASK_ZERO = diagonalMask('DIAG_MASK_ZERO');

/** The triangle that is kept; `_diag` keeps the diagonal as well. */
export type Triangle = 'upper_diag' | 'upper' | 'lower_diag' | 'lower';

const TRIANGLES: readonly string[] = ['upper_diag', 'upper', 'lower_diag', 'lower'] satisfies Triangle[];

export const TRI = define<OperationParams & { triangle: Triangle }>({
  name: 'TRI',
  operands: ['a'],
  overwrites: [0], // an element is kept or becomes zero
  result: (o, { triangle }) => {
    const a = o.tensor('a');
    o.requireType('a', 'f32');
    o.requireContiguous('a');
    o.requireNe('a', [a.ne[1], ANY, ANY, ANY]);
    requireWord(o, 'triangle', triangle, TRIANGLES);
    return like(a);
  },
});

export const SOLVE_TRI = define({
  name: 'SOLVE_TRI',
  operands: ['a', 'b'],
  result: (o) => {
    const a = o.tensor('a');
    const b = o.tensor('b');
    o.requireType('a', 'f32');
    o.requireType('b', 'f32');
    o.requireNe('a', [a.ne[1], ANY, ANY, ANY]);
    o.requireNe('b', [ANY, a.ne[1], a.ne[2], a.ne[3]]);
    o.requireContiguous('a');
    o.requireContiguous('b');
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

  /** `a` with -∞ where the column exceeds `past` + the row. @throws PlannerError `BAD_ARGUMENT` */
  diagMaskInf(a: Tensor, past: number, options?: InPlaceOption): Tensor {
    return this.apply(DIAG_MASK_INF, [a], { past }, options);
  }

  /** `a` with 0 where the column exceeds `past` + the row. @throws PlannerError `BAD_ARGUMENT` */
  diagMaskZero(a: Tensor, past: number, options?: InPlaceOption): Tensor {
    return this.apply(DIAG_MASK_ZERO, [a], { past }, options);
  }

  /**
   * A triangle of the square f32 matrices in `a`, zero elsewhere.
   *
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
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
