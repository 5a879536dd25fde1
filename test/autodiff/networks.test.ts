/**
 * Gradients of whole networks, which pass through many rules one after another and add up where a value is read twice, against
 * differences of nearby losses.
 */
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/index.js';
import { Graph } from '../../src/graph/graph.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { GradientMaker } from '../support/gradient-recipes.js';
import { slopesOf } from '../support/slopes.js';

const [EMBD, HEADS, TOKENS, VOCABULARY] = [8, 2, 3, 5];
const HEAD = EMBD / HEADS;

/** Layer norm with its own scale and shift. */
function layerNorm(m: GradientMaker, x: Tensor): Tensor {
  return m.ctx.add(m.ctx.mul(m.ctx.norm(x, 1e-5), m.dense([EMBD])), m.dense([EMBD]));
}

/** Heads of one third of the joined queries, keys and values. */
function third(m: GradientMaker, joined: Tensor, index: number): Tensor {
  const { ctx } = m;
  const part = ctx.view(joined, [EMBD, TOKENS], [joined.nb[1]], index * EMBD * 4);
  return ctx.permute(ctx.cont(part, [HEAD, HEADS, TOKENS]), [0, 2, 1, 3]);
}

function attention(m: GradientMaker, x: Tensor, isFused: boolean): Tensor {
  const { ctx } = m;
  const joined = ctx.add(ctx.mulMat(m.dense([EMBD, 3 * EMBD]), x), m.dense([3 * EMBD]));
  const [q, k, v] = [0, 1, 2].map((index) => third(m, joined, index));
  const scale = 1 / Math.sqrt(HEAD);
  if (isFused) return ctx.reshape(ctx.flashAttn(q, k, v, { mask: m.mask([TOKENS, TOKENS]), scale }), [EMBD, TOKENS]);
  const shares = ctx.softMax(ctx.diagMaskInf(ctx.scale(ctx.mulMat(k, q), scale), 0));
  const mixed = ctx.mulMat(ctx.cont(ctx.transpose(v)), shares);
  return ctx.cont(ctx.permute(mixed, [0, 2, 1, 3]), [EMBD, TOKENS]);
}

/** GPT-2: learned positions, layer norms, GELU, and a table of tokens that is read twice. */
function gpt(m: GradientMaker, isFused: boolean): Tensor {
  const { ctx } = m;
  const table = m.dense([EMBD, VOCABULARY]);
  let x = ctx.add(ctx.getRows(table, m.ids([TOKENS], VOCABULARY)), m.dense([EMBD, TOKENS]));
  x = ctx.add(x, ctx.mulMat(m.dense([EMBD, EMBD]), attention(m, layerNorm(m, x), isFused)));
  const up = ctx.gelu(ctx.add(ctx.mulMat(m.dense([EMBD, 12]), layerNorm(m, x)), m.dense([12])));
  x = ctx.add(x, ctx.mulMat(m.dense([12, EMBD]), up));
  return loss(m, ctx.mulMat(table, layerNorm(m, x)));
}

/** Mixtral: tokens go to the two experts of four that a router prefers, weighted by shares that are normalised again. */
function mixture(m: GradientMaker): Tensor {
  const { ctx } = m;
  const [experts, used, inner] = [4, 2, 6];
  const x = m.dense([EMBD, TOKENS]);
  const shares = ctx.softMax(ctx.mulMat(m.dense([EMBD, experts]), x));
  const chosen = ctx.argsortTopK(shares, used);
  let weights = ctx.getRows(ctx.reshape(shares, [1, experts, TOKENS]), chosen);
  weights = ctx.reshape(weights, [used, TOKENS]);
  weights = ctx.reshape(ctx.div(weights, ctx.sumRows(weights)), [1, used, TOKENS]);
  const each = ctx.reshape(x, [EMBD, 1, TOKENS]);
  const gate = ctx.mulMatId(m.dense([EMBD, inner, experts]), each, chosen);
  const up = ctx.addId(ctx.mulMatId(m.dense([EMBD, inner, experts]), each, chosen), m.dense([inner, experts]), chosen);
  const down = ctx.mulMatId(m.dense([inner, EMBD, experts]), ctx.swiglu(gate, up), chosen);
  const weighed = ctx.mul(down, weights);
  const first = ctx.view(weighed, [EMBD, TOKENS], [weighed.nb[2]]);
  const second = ctx.view(weighed, [EMBD, TOKENS], [weighed.nb[2]], weighed.nb[1]);
  return loss(m, ctx.mulMat(m.dense([EMBD, VOCABULARY]), ctx.add(first, second)));
}

/** Patches, a convolution by a product, group norm, pooling, and both halves of a gated unit. */
function images(m: GradientMaker): Tensor {
  const { ctx } = m;
  const kernel = m.dense([2, 2, 2, 4]);
  const patches = ctx.im2col(kernel, m.dense([5, 4, 2]), 2, 'f32', { padding: 1 });
  const [patch, width, height] = patches.ne;
  const rows = ctx.reshape(patches, [patch, width * height]);
  const convolved = ctx.reshape(ctx.mulMat(rows, ctx.reshape(kernel, [8, 4])), [width, height, 4]);
  const normed = ctx.silu(ctx.add(ctx.groupNorm(convolved, 2, 1e-5), m.dense([1, 1, 4])));
  const pooled = ctx.pool2d(normed, 'avg', 2);
  const flat = ctx.reshape(pooled, [pooled.ne[0] * pooled.ne[1] * 4]);
  return loss(m, ctx.mulMat(m.dense([flat.ne[0] / 2, VOCABULARY]), ctx.geglu(flat)));
}

function loss(m: GradientMaker, logits: Tensor): Tensor {
  const labels = m.constant(logits.ne, () => 1 / logits.ne[0]);
  return m.ctx.crossEntropyLoss(logits, labels);
}

describe('gradients of', () => {
  it.each<[string, (m: GradientMaker) => Tensor]>([
    ['a transformer', (m) => gpt(m, false)],
    ['a transformer with fused attention', (m) => gpt(m, true)],
    ['a mixture of experts', mixture],
    ['an image network', images],
  ])('%s agree with differences', (_, build) => {
    const m = new GradientMaker(7);
    const result = build(m);
    const { graph, of } = gradients(Graph.forward(result), result, m.wanted);
    const slopes = slopesOf(m, graph, result, of, 6);
    expect(slopes.length).toBeGreaterThan(20);
    for (const { what, found, expected } of slopes) {
      expect(Math.abs(found - expected), what).toBeLessThan(1e-7 * (1 + Math.abs(expected)));
    }
    expect(slopes.filter(({ expected }) => Math.abs(expected) > 1e-6).length).toBeGreaterThan(slopes.length / 3);
  });
});
