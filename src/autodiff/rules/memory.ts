/**
 * Operations that move elements: the gradient moves back.
 */
import {
  ACC,
  CONCAT,
  CONT,
  CPY,
  DUP,
  GET_ROWS,
  REPEAT,
  REPEAT_BACK,
  SET,
  SET_ROWS,
} from '../../dialects/ggml/ops/memory.js';
import { PAD } from '../../dialects/ggml/ops/resampling.js';
import { GET_ROWS_BACK } from '../../dialects/ggml/ops/training.js';
import { sameShape } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import { asGgml, asTextbook, type GradientRule } from '../rule.js';
import type { Site } from '../site.js';
import { oneHot } from './one-hot.js';

type Strides = readonly [number, number, number];

function copy(s: Site): void {
  s.add(0, () => s.context.reshape(s.contiguous(s.gradient), s.operand(0).ne));
}

function contiguousCopy(s: Site): void {
  s.add(0, () => {
    const gradient = s.contiguous(s.gradient);
    return sameShape(gradient, s.operand(0)) ? gradient : s.context.reshape(gradient, s.operand(0).ne);
  });
}

/** The part of the gradient that lies in the window of operand 1. */
function windowOf(s: Site, gradient: Tensor): Tensor {
  return s.context.view(gradient, s.operand(1).ne, s.numbers('nb'), s.number('offset'));
}

function accumulate(s: Site): void {
  s.add(0, () => s.gradient);
  s.add(1, () => s.context.reshape(s.context.cont(windowOf(s, s.contiguous(s.gradient))), s.operand(1).ne));
}

/** What lies in the window of operand 1 hides the elements of operand 0. */
function set(s: Site): void {
  if (!s.needs(0) && !s.needs(1)) return;
  const { context: ctx } = s;
  const gradient = s.contiguous(s.gradient);
  const part = windowOf(s, gradient);
  s.add(0, () => ctx.acc(gradient, ctx.neg(part), s.numbers('nb') as unknown as Strides, s.number('offset')));
  s.add(1, () => ctx.reshape(ctx.cont(part), s.operand(1).ne));
}

/** ggml's operation is for one table. Rows of several tables go back by a product with ones and zeros. */
function getRows(s: Site): void {
  const { context: ctx, gradient } = s;
  s.add(0, () => {
    const [table, ids] = [s.operand(0), s.operand(1)];
    if (table.ne[2] * table.ne[3] === 1) return ctx.getRowsBack(gradient, ids, table.ne[1]);
    return ctx.outProd(s.contiguous(gradient), oneHot(ctx, s.contiguous(ids), table.ne[1]));
  });
}

function concat(s: Site): void {
  const { context: ctx } = s;
  const dim = s.number('dim');
  const part = (gradient: Tensor, of: Tensor, start: number): Tensor =>
    ctx.cont(ctx.view(gradient, of.ne, gradient.nb.slice(1), start * gradient.nb[dim]));
  if (!s.needs(0) && !s.needs(1)) return;
  const gradient = s.contiguous(s.gradient);
  s.add(0, () => part(gradient, s.operand(0), 0));
  s.add(1, () => part(gradient, s.operand(1), s.operand(0).ne[dim]));
}

function pad(s: Site): void {
  const { context: ctx } = s;
  if (s.flag('circular')) s.refuse('it pads with its own elements', 'padding with zeros', 'Pad with zeros.');
  s.add(0, () => {
    const gradient = s.contiguous(s.gradient);
    const before = s.numbers('before');
    const start = gradient.nb.reduce((bytes, stride, dim) => bytes + stride * before[dim], 0);
    return ctx.cont(ctx.view(gradient, s.operand(0).ne, gradient.nb.slice(1), start));
  });
}

/** The rows that were written; what they were written over must need no gradient, for its values are lost. */
function setRows(s: Site): void {
  if (s.needs(2)) s.refuse('it overwrites a tensor that needs a gradient', 'a tensor without', 'Write into a copy.');
  const { context: ctx } = s;
  s.add(0, () => {
    const [rows, ids] = [s.operand(0), s.operand(1)];
    const [, n, p, q] = rows.ne;
    const every = sameShape(ids, { shape: [n, p, q, 1] }) ? ids : ctx.repeat(ids, [n, p, q]);
    return ctx.getRows(s.gradient, every);
  });
}

export const MEMORY_RULES: readonly GradientRule[] = [
  asGgml(DUP, (s) => s.add(0, () => s.gradient)),
  asGgml(CPY, copy, [1]),
  asGgml(CONT, contiguousCopy),
  asGgml(GET_ROWS, getRows, [1]),
  asGgml(ACC, accumulate),
  asGgml(SET, set),
  asGgml(REPEAT, (s) => s.add(0, () => s.context.repeatBack(s.gradient, s.operand(0).ne))),
  asGgml(REPEAT_BACK, (s) => s.add(0, () => s.context.repeat(s.gradient, s.operand(0).ne))),
  asTextbook(GET_ROWS_BACK, (s) => s.add(0, () => s.context.getRows(s.gradient, s.operand(1))), [1]),
  asTextbook(SET_ROWS, setRows, [1]),
  asTextbook(CONCAT, concat),
  asTextbook(PAD, pad),
];
