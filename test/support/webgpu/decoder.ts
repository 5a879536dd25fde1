/**
 * A decoder of two layers as Llama has them: grouped heads, rotary positions, a cache of f16. Its first layer keeps its scores,
 * the second one has fused attention; keys are written to the rows that an input names, values into a view.
 */
import { Context } from '../../../src/dialects/ggml/context.js';
import { Graph } from '../../../src/graph/graph.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import { randomNumbers } from '../../../src/exec/reference/fill.js';
import type { Memory } from '../../../src/exec/reference/memory.js';

const HEAD = 8;
const HEADS = 4;
const KEY_HEADS = 2;
const WIDTH = HEAD * HEADS;
const KEY_WIDTH = HEAD * KEY_HEADS;
const HIDDEN = 48;
const VOCABULARY = 40;
/** Cells of the caches. */
export const CONTEXT = 32;
/** A graph looks at a multiple of so many cells. */
const CELL_STEP = 8;

const weights = Context.virtual();
const matrix = (columns: number, rows: number): Tensor => weights.newTensor('f32', [columns, rows]);

/** What a layer has of its own. */
const layers = [0, 1].map((index) => ({
  attentionNorm: matrix(WIDTH, 1),
  q: matrix(WIDTH, WIDTH),
  k: matrix(WIDTH, KEY_WIDTH),
  v: weights.newTensor('f16', [WIDTH, KEY_WIDTH]),
  o: matrix(WIDTH, WIDTH),
  hiddenNorm: matrix(WIDTH, 1),
  gate: matrix(WIDTH, HIDDEN),
  up: matrix(WIDTH, HIDDEN),
  down: matrix(HIDDEN, WIDTH),
  keys: weights.newTensor('f16', [KEY_WIDTH, CONTEXT], `keys ${index}`),
  values: weights.newTensor('f16', [KEY_WIDTH, CONTEXT], `values ${index}`),
}));
const embedding = matrix(WIDTH, VOCABULARY);
const outputNorm = matrix(WIDTH, 1);
const output = matrix(WIDTH, VOCABULARY);

/** The caches of all layers. */
export const CACHES: readonly Tensor[] = layers.flatMap(({ keys, values }) => [keys, values]);

/** One graph, its inputs and its output. */
export interface Step {
  readonly graph: Graph;
  readonly tokens: Tensor;
  readonly positions: Tensor;
  readonly rows: Tensor;
  readonly mask: Tensor;
  readonly logits: Tensor;
}

/** The graph that takes so many tokens after `past` others. */
export function decode(past: number, count: number): Step {
  const ctx = Context.deferred();
  const cells = Math.ceil((past + count) / CELL_STEP) * CELL_STEP;
  const integers = (name: string): Tensor => ctx.setInput(ctx.newTensor('i32', [count], name));
  const [tokens, positions, rows] = [integers('tokens'), integers('positions'), integers('rows')];
  const mask = ctx.setInput(ctx.newTensor('f32', [cells, count], 'mask'));
  const smallMask = ctx.cast(mask, 'f16');

  let x = ctx.getRows(embedding, tokens);
  layers.forEach((layer, index) => {
    const normed = ctx.mul(ctx.rmsNorm(x, 1e-5), layer.attentionNorm);
    const heads = (projected: Tensor): Tensor => ctx.reshape(projected, [HEAD, projected.ne[0] / HEAD, count]);
    const q = ctx.rope(heads(ctx.mulMat(layer.q, normed)), positions, HEAD);
    const k = ctx.rope(heads(ctx.mulMat(layer.k, normed)), positions, HEAD);
    const keys = ctx.setRows(layer.keys, ctx.reshape(k, [KEY_WIDTH, count]), rows);
    const behind = ctx.view(layer.values, [KEY_WIDTH, count], [layer.values.nb[1]], past * layer.values.nb[1]);
    const values = ctx.dependency(layer.values, ctx.cpy(ctx.mulMat(layer.v, normed), behind));
    const split = (cache: Tensor): Tensor => ctx.view(cache, [HEAD, cells, KEY_HEADS], [cache.nb[1], 2 * HEAD]);
    const queries = ctx.permute(q, [0, 2, 1, 3]);
    const attended =
      index === 0
        ? scored(ctx, queries, split(keys), split(values), mask)
        : ctx.flashAttn(queries, split(keys), split(values), { mask: smallMask, scale: HEAD ** -0.5 });
    x = ctx.add(x, ctx.mulMat(layer.o, ctx.reshape(attended, [WIDTH, count])));
    const between = ctx.mul(ctx.rmsNorm(x, 1e-5), layer.hiddenNorm);
    const hidden = ctx.swiglu(ctx.mulMat(layer.gate, between), ctx.mulMat(layer.up, between));
    x = ctx.add(x, ctx.mulMat(layer.down, hidden));
  });
  const logits = ctx.setOutput(ctx.mulMat(output, ctx.mul(ctx.rmsNorm(x, 1e-5), outputNorm)));
  return { graph: Graph.forward(logits), tokens, positions, rows, mask, logits };
}

function scored(ctx: Context, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor): Tensor {
  const scores = ctx.softMax(ctx.mulMat(keys, queries), { mask, scale: HEAD ** -0.5 });
  return ctx.cont(ctx.permute(ctx.mulMat(ctx.cont(ctx.transpose(values)), scores), [0, 2, 1, 3]));
}

/** Writes weights, the same at each call, into the memory of a graph. */
export function fillWeights({ graph }: Step, memory: Memory): void {
  const random = randomNumbers(11);
  const all = [embedding, outputNorm, output, ...layers.flatMap((layer) => Object.values(layer))];
  for (const each of all.filter((tensor) => !CACHES.includes(tensor))) {
    const values = Array.from({ length: each.ne[0] * each.ne[1] }, () => (random() - 0.5) / 2);
    if (graph.tensors.includes(each)) memory.write(each, values);
  }
}

/** Writes tokens, where they stand, and which cells each may look at. */
export function fillInputs(step: Step, memory: Memory, past: number, tokens: readonly number[]): void {
  const places = tokens.map((_, i) => past + i);
  memory.write(step.tokens, tokens);
  memory.write(step.positions, places);
  memory.write(step.rows, places);
  const cells = Array.from({ length: step.mask.ne[0] }, (_, cell) => cell);
  memory.write(
    step.mask,
    places.flatMap((place) => cells.map((cell) => (cell > place ? -Infinity : 0))),
  );
}

/** The token with the largest logit of the last row. */
export function nextToken(logits: readonly number[]): number {
  const row = logits.slice(-VOCABULARY);
  return row.indexOf(Math.max(...row));
}
