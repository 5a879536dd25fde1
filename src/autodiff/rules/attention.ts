/**
 * Attention: rotations turn back, a soft max has its own operation, and fused attention computes its scores again.
 */
import { FLASH_ATTN_EXT, ROPE, ROPE_BACK, SOFT_MAX } from '../../dialects/ggml/ops/attention.js';
import type { RopeBackOptions } from '../../dialects/ggml/ops/attention.js';
import type { Tensor } from '../../tensor/tensor.js';
import { asGgml, asTextbook, type GradientRule } from '../rule.js';
import type { Site } from '../site.js';
import { rowByRow, summedOverHeads } from './matrix.js';

function requireConstant(s: Site, slot: number): void {
  if (!s.needs(slot)) return;
  const name = s.node.operation!.operands[slot];
  const remedy = 'Leave what it is made of out of wrt, or write the operation out in others.';
  s.refuse(`its operand ${name} needs one`, `a ${name} that needs no gradient`, remedy);
}

/** The settings of a rotation, which are those of the one that turns back. */
function rotationOf(s: Site): RopeBackOptions {
  const { dims, ...settings } = s.node.params;
  void dims; // an argument of its own
  return { ...settings, freqFactors: s.optional(2) };
}

function rotated(s: Site): void {
  requireConstant(s, 2);
  s.add(0, () => s.context.ropeBack(s.gradient, s.operand(1), s.number('dims'), rotationOf(s)));
}

function rotatedBack(s: Site): void {
  requireConstant(s, 2);
  s.add(0, () => s.context.rope(s.gradient, s.operand(1), s.number('dims'), rotationOf(s)));
}

function softMax(s: Site): void {
  requireConstant(s, 1);
  requireConstant(s, 2);
  const options = { scale: s.number('scale'), maxBias: s.number('maxBias') };
  s.add(0, () => s.context.softMaxBack(s.gradient, s.node, options));
}

/** The soft max of a fused attention, and how its gradient becomes that of the products of `q` and `k`. */
function scoresOf(s: Site, q: Tensor, k: Tensor): { shares: Tensor; back: (gradient: Tensor) => Tensor } {
  const { context: ctx } = s;
  const [scale, maxBias, limit] = [s.number('scale'), s.number('maxBias'), s.number('logitSoftcap')];
  const masking = { mask: s.optional(3), sinks: s.optional(4), maxBias };
  const products = ctx.mulMat(rowByRow(s, k), q);
  if (limit === 0) {
    const shares = ctx.softMax(products, { ...masking, scale });
    return { shares, back: (gradient) => ctx.softMaxBack(gradient, shares, { scale, maxBias: 0 }) };
  }
  const bent = ctx.tanh(ctx.scale(products, scale / limit));
  const shares = ctx.softMax(ctx.scale(bent, limit), masking);
  const slope = (): Tensor => ctx.scale(ctx.sqr(bent), -scale, { bias: scale });
  return { shares, back: (gradient) => ctx.mul(ctx.softMaxBack(gradient, shares), slope()) };
}

/** With shares `p` of the values: `dv = dy pᵀ`, `dp = vᵀ dy`, and from `dp` back to the scores and on to `q` and `k`. */
function fusedAttention(s: Site): void {
  requireConstant(s, 3);
  requireConstant(s, 4);
  const { context: ctx } = s;
  const [q, k, v] = [s.operand(0), s.operand(1), s.operand(2)];
  const gradient = rowByRow(s, ctx.permute(s.gradient, [0, 2, 1, 3]));
  const { shares, back } = scoresOf(s, q, k);
  if (s.needs(0) || s.needs(1)) {
    const ofScores = back(ctx.mulMat(rowByRow(s, v), gradient));
    s.add(0, () => ctx.outProd(rowByRow(s, k), ctx.transpose(ofScores)));
    s.add(1, () => summedOverHeads(s, ctx.outProd(rowByRow(s, q), ofScores), k));
  }
  s.add(2, () => summedOverHeads(s, ctx.outProd(gradient, shares), v));
}

export const ATTENTION_RULES: readonly GradientRule[] = [
  asGgml(ROPE, rotated, [1]),
  asTextbook(ROPE_BACK, rotatedBack, [1]),
  asGgml(SOFT_MAX, softMax),
  asTextbook(FLASH_ATTN_EXT, fusedAttention),
];
