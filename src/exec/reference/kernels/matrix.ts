/**
 * Products of matrices, and systems of equations: every element of the result is written once, after its own sum.
 */
import { MUL_MAT, MUL_MAT_ID, OUT_PROD, SOLVE_TRI } from '../../../dialects/ggml/ops/matrix.js';
import { sum } from './rows.js';
import type { Kernel, Kernels } from './kernel.js';

/** `a` is repeated over the outer dimensions of `b`: neighbouring matrices of `b` share a matrix of `a`. */
const mulMat: Kernel = (call) => {
  const [a, b] = [call.source(0), call.source(1)];
  const [repeats2, repeats3] = [b.ne[2] / a.ne[2], b.ne[3] / a.ne[3]];
  call.out.forEach((i0, i1, i2, i3) => {
    const [a2, a3] = [Math.floor(i2 / repeats2), Math.floor(i3 / repeats3)];
    const value = sum(a.ne[0], (k) => a.get(k, i0, a2, a3) * b.get(k, i1, i2, i3));
    call.out.set(value, i0, i1, i2, i3);
  });
};

const mulMatId: Kernel = (call) => {
  const [experts, b, ids] = [call.source(0), call.source(1), call.source(2)];
  call.out.forEach((i0, used, token) => {
    const expert = ids.get(used, token);
    const value = sum(experts.ne[0], (k) => experts.get(k, i0, expert) * b.get(k, used % b.ne[1], token));
    call.out.set(value, i0, used, token);
  });
};

const outProd: Kernel = (call) => {
  const [a, b] = [call.source(0), call.source(1)];
  const [repeats2, repeats3] = [b.ne[2] / a.ne[2], b.ne[3] / a.ne[3]];
  call.out.forEach((i0, i1, i2, i3) => {
    const [a2, a3] = [Math.floor(i2 / repeats2), Math.floor(i3 / repeats3)];
    call.out.set(
      sum(a.ne[1], (k) => a.get(i0, k, a2, a3) * b.get(i1, k, i2, i3)),
      i0,
      i1,
      i2,
      i3,
    );
  });
};

/** Forward substitution, column by column. */
const solveTriangular: Kernel = (call) => {
  const [a, b] = [call.source(0), call.source(1)];
  const { out } = call;
  out.forEach((i0, i1, i2, i3) => {
    const known = sum(i1, (k) => a.get(k, i1, i2, i3) * out.get(i0, k, i2, i3));
    out.set((b.get(i0, i1, i2, i3) - known) / a.get(i1, i1, i2, i3), i0, i1, i2, i3);
  });
};

export const MATRIX_KERNELS: Kernels = [
  [MUL_MAT, mulMat],
  [MUL_MAT_ID, mulMatId],
  [OUT_PROD, outProd],
  [SOLVE_TRI, solveTriangular],
];
