/**
 * Matrix products and triangular matrices. With `y[m, p] = Σ a[k, m] b[k, p]`, the gradient of `a` is the outer product of
 * `b` with the gradient, and that of `b` is the outer product of `a` with the transposed gradient.
 */
import { DIAG_MASK_INF, DIAG_MASK_ZERO, MUL_MAT, MUL_MAT_ID, OUT_PROD, TRI } from '../../dialects/ggml/ops/matrix.js';
import type { Triangle } from '../../dialects/ggml/ops/matrix.js';
import { isTransposed } from '../../dialects/ggml/shape.js';
import { sameShape } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import { asGgml, asTextbook, type GradientRule } from '../rule.js';
import type { Site } from '../site.js';
import { oneHot } from './one-hot.js';

/** As the first operand of a product, which is stored row by row. */
export function rowByRow(s: Site, a: Tensor): Tensor {
  return isTransposed(a) ? s.context.cont(a) : a;
}

function product(s: Site): void {
  const { context: ctx, gradient } = s;
  const [a, b] = [s.operand(0), s.operand(1)];
  s.add(0, () => summedOverHeads(s, ctx.outProd(rowByRow(s, b), gradient), a));
  s.add(1, () => ctx.outProd(a, ctx.transpose(gradient)));
}

/**
 * `a` summed over the matrices that shared one of `like`, which are neighbours. ggml does so for dimension 2 alone.
 */
export function summedOverHeads(s: Site, a: Tensor, like: Tensor): Tensor {
  if (sameShape(a, like)) return a;
  const { context: ctx } = s;
  const [n0, n1, n2, n3] = like.ne;
  const repeats = a.ne[2] / n2;
  if (a.ne[3] === 1) {
    const view = ctx.view(a, [n0, n1, n2, repeats], [a.nb[1], a.nb[2] * repeats, a.nb[2]]);
    return ctx.repeatBack(view, like.ne);
  }
  const inner = ctx.repeatBack(ctx.reshape(a, [n0 * n1, repeats, n2, a.ne[3]]), [n0 * n1, 1, n2, a.ne[3]]);
  const outer = ctx.reshape(inner, [n0 * n1 * n2, a.ne[3] / n3, n3]);
  return ctx.reshape(ctx.repeatBack(outer, [n0 * n1 * n2, 1, n3]), like.ne);
}

/** `y[n, p] = Σ a[n, k] b[p, k]`. */
function outerProduct(s: Site): void {
  const { context: ctx } = s;
  const [a, b] = [s.operand(0), s.operand(1)];
  const gradient = rowByRow(s, s.gradient);
  s.add(0, () => summedOverHeads(s, ctx.outProd(gradient, ctx.transpose(b)), a));
  s.add(1, () => ctx.transpose(ctx.outProd(rowByRow(s, ctx.transpose(a)), ctx.transpose(gradient))));
}

/**
 * Expert routing. Tokens go back through the transposed matrix of the expert that was chosen; the gradient of a matrix is
 * the outer product over the tokens that chose it, the others being zeros.
 */
function routedProduct(s: Site): void {
  const { context: ctx } = s;
  const [experts, b] = [s.operand(0), s.operand(1)];
  const [k, m, count] = experts.ne;
  const gradient = s.contiguous(s.gradient);
  const ids = s.contiguous(s.operand(2));
  const [, used, tokens] = gradient.ne;
  s.add(0, () => {
    const chosen = ctx.permute(oneHot(ctx, ctx.reshape(ids, [used * tokens]), count), [2, 1, 0, 3]);
    const rows = ctx.reshape(gradient, [m, used * tokens]);
    const ofEach = ctx.mul(ctx.repeat(rows, [m, used * tokens, count]), ctx.cont(chosen));
    const inputs = b.ne[1] === used ? s.contiguous(b) : ctx.repeat(b, [k, used, tokens]);
    return ctx.outProd(ctx.reshape(inputs, [k, used * tokens]), ofEach);
  });
  s.add(1, () => s.summedTo(ctx.mulMatId(ctx.cont(ctx.transpose(experts)), gradient, ids), b));
}

const masked = (s: Site): void => s.add(0, () => s.context.diagMaskZero(s.gradient, s.number('past')));

const triangle = (s: Site): void =>
  s.add(0, () => s.context.tri(s.contiguous(s.gradient), s.text('triangle') as Triangle));

export const MATRIX_RULES: readonly GradientRule[] = [
  asGgml(MUL_MAT, product),
  asGgml(DIAG_MASK_INF, masked),
  asGgml(DIAG_MASK_ZERO, masked),
  asTextbook(OUT_PROD, outerProduct),
  asTextbook(MUL_MAT_ID, routedProduct, [2]),
  asTextbook(TRI, triangle),
];
