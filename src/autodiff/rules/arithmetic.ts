/**
 * Arithmetic, element by element. Where an operand was repeated, its gradient is summed over the repetitions.
 */
import {
  ADD,
  ADD1,
  ADD_ID,
  COS,
  DIV,
  LOG,
  MUL,
  SCALE,
  SIN,
  SQR,
  SQRT,
  SUB,
} from '../../dialects/ggml/ops/arithmetic.js';
import { asGgml, asTextbook, type GradientRule } from '../rule.js';
import type { Site } from '../site.js';

function add(s: Site): void {
  s.add(0, () => s.gradient);
  s.add(1, () => s.summedTo(s.gradient, s.operand(1)));
}

function subtract(s: Site): void {
  s.add(0, () => s.gradient);
  s.subtract(1, () => s.summedTo(s.gradient, s.operand(1)));
}

function multiply(s: Site): void {
  const { context: ctx, gradient } = s;
  s.add(0, () => ctx.mul(gradient, s.operand(1)));
  s.add(1, () => s.summedTo(ctx.mul(s.operand(0), gradient), s.operand(1)));
}

function divide(s: Site): void {
  const { context: ctx, gradient, node } = s;
  s.add(0, () => ctx.div(gradient, s.operand(1)));
  s.subtract(1, () => s.summedTo(ctx.mul(gradient, ctx.div(node, s.operand(1))), s.operand(1)));
}

/** ggml gives the single element the mean of each row of the gradient, which is not its gradient; the sum is. */
function addOne(s: Site): void {
  s.add(0, () => s.gradient);
  s.add(1, () => s.context.sum(s.gradient));
}

function addRows(s: Site): void {
  const { context: ctx, gradient } = s;
  s.add(0, () => gradient);
  s.add(1, () => {
    const [length, used, tokens] = gradient.ne;
    const rows = ctx.reshape(s.contiguous(gradient), [length, used * tokens]);
    const ids = ctx.reshape(s.contiguous(s.operand(2)), [used * tokens]);
    return ctx.getRowsBack(rows, ids, s.operand(1).ne[1]);
  });
}

export const ARITHMETIC_RULES: readonly GradientRule[] = [
  asGgml(ADD, add),
  asGgml(SUB, subtract),
  asGgml(MUL, multiply),
  asGgml(DIV, divide),
  asTextbook(ADD1, addOne),
  asTextbook(ADD_ID, addRows, [2]),
  asGgml(SCALE, (s) => s.add(0, () => s.scaled(s.gradient, s.number('scale')))),
  asGgml(SQR, (s) => s.add(0, () => s.scaled(s.context.mul(s.operand(0), s.gradient), 2))),
  asGgml(SQRT, (s) => s.add(0, () => s.scaled(s.context.div(s.gradient, s.node), 0.5))),
  asGgml(LOG, (s) => s.add(0, () => s.context.div(s.gradient, s.operand(0)))),
  asGgml(SIN, (s) => s.add(0, () => s.context.mul(s.gradient, s.context.cos(s.operand(0))))),
  asGgml(COS, (s) => s.subtract(0, () => s.context.mul(s.gradient, s.context.sin(s.operand(0))))),
];
