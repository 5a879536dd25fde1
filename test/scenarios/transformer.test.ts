/**
 * A tiny transformer block with a KV cache, decoding token after token: keys and values are written straight into the
 * cache, and read after a dependency. Every plan gives the logits and caches of separate memory, bit by bit; and
 * decoding gives the logits of one pass over the whole prompt.
 */
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/graph/context.js';
import { Graph } from '../../src/graph/graph.js';
import { planGraph } from '../../src/plan/plan.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { executeGraph } from '../../src/exec/reference/execute.js';
import { randomNumbers } from '../../src/exec/reference/fill.js';
import { Memory } from '../../src/exec/reference/memory.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { ALL_PLANS } from '../support/all-plans.js';

const WIDTH = 8;
const HEADS = 2;
const HEAD = WIDTH / HEADS;
const VOCABULARY = 11;
const CONTEXT = 6;
const LAYERS = 2;
const TOKENS = [3, 7, 1, 4, 9];

const weights = Context.virtual();
const caches = Context.immediate();
const ctx = Context.deferred();

/** Weights of one layer, by name. */
type Weights = Readonly<Record<'q' | 'k' | 'v' | 'o' | 'norm' | 'gate' | 'up' | 'down', Tensor>>;

/** A layer with its caches: `[width, context]`, one row a token. */
interface Layer {
  readonly weights: Weights;
  readonly keys: Tensor;
  readonly values: Tensor;
}

const embedding = weights.newTensor('f32', [WIDTH, VOCABULARY], 'embedding');
const layers: Layer[] = Array.from({ length: LAYERS }, () => ({
  weights: {
    q: weights.newTensor('f32', [WIDTH, WIDTH]),
    k: weights.newTensor('f32', [WIDTH, WIDTH]),
    v: weights.newTensor('f16', [WIDTH, WIDTH]),
    o: weights.newTensor('f32', [WIDTH, WIDTH]),
    norm: weights.newTensor('f32', [WIDTH]),
    gate: weights.newTensor('f32', [WIDTH, 2 * WIDTH]),
    up: weights.newTensor('f32', [WIDTH, 2 * WIDTH]),
    down: weights.newTensor('f32', [2 * WIDTH, WIDTH]),
  },
  keys: caches.newTensor('f32', [WIDTH, CONTEXT], 'keys'),
  values: caches.newTensor('f16', [WIDTH, CONTEXT], 'values'),
}));

interface Step {
  readonly graph: Graph;
  readonly tokens: Tensor;
  readonly positions: Tensor;
  readonly mask: Tensor;
  readonly logits: Tensor;
}

/** The graph that takes `count` tokens, the first of them at position `past`. */
function decode(past: number, count: number): Step {
  const tokens = ctx.setInput(ctx.newTensor('i32', [count], 'tokens'));
  const positions = ctx.setInput(ctx.newTensor('i32', [count], 'positions'));
  const mask = ctx.setInput(ctx.newTensor('f32', [past + count, count], 'mask'));
  let x = ctx.getRows(embedding, tokens);
  for (const layer of layers) {
    x = ctx.add(
      x,
      attention(layer, ctx.mul(ctx.rmsNorm(x, 1e-5), layer.weights.norm), { positions, mask, past, count }),
    );
    const normed = ctx.rmsNorm(x, 1e-5);
    const hidden = ctx.swiglu(ctx.mulMat(layer.weights.gate, normed), ctx.mulMat(layer.weights.up, normed));
    x = ctx.add(x, ctx.mulMat(layer.weights.down, hidden));
  }
  const logits = ctx.setOutput(ctx.mulMat(embedding, ctx.rmsNorm(x, 1e-5)));
  return { graph: Graph.forward(logits), tokens, positions, mask, logits };
}

interface Positions {
  readonly positions: Tensor;
  readonly mask: Tensor;
  readonly past: number;
  readonly count: number;
}

function attention(layer: Layer, x: Tensor, { positions, mask, past, count }: Positions): Tensor {
  const heads = (projected: Tensor): Tensor => ctx.reshape(projected, [HEAD, HEADS, count]);
  const q = ctx.rope(heads(ctx.mulMat(layer.weights.q, x)), positions, HEAD, { mode: 'neox' });
  const k = ctx.reshape(ctx.rope(heads(ctx.mulMat(layer.weights.k, x)), positions, HEAD, { mode: 'neox' }), [
    WIDTH,
    count,
  ]);
  // The sum is written straight into the cache; the values are converted on their way.
  const keyRows = ctx.view(layer.keys, [WIDTH, count], [layer.keys.nb[1]], past * layer.keys.nb[1]);
  const stored = ctx.setOutput(ctx.scale(k, 1), keyRows);
  const valueRows = ctx.view(layer.values, [WIDTH, count], [layer.values.nb[1]], past * layer.values.nb[1]);
  const copied = ctx.cpy(ctx.mulMat(layer.weights.v, x), valueRows);

  const cells = past + count;
  const split = (cache: Tensor, after: Tensor): Tensor => {
    const { type, nb } = cache;
    const headBytes = HEAD * type.blockBytes;
    return ctx.view(ctx.dependency(cache, after), [HEAD, cells, HEADS], [nb[1], headBytes]);
  };
  const keys = split(layer.keys, stored);
  const values = split(layer.values, copied);
  const scores = ctx.softMax(ctx.mulMat(keys, ctx.permute(q, [0, 2, 1, 3])), { mask, scale: 1 / Math.sqrt(HEAD) });
  const transposed = ctx.cont(ctx.transpose(values));
  const mixed = ctx.cont(ctx.permute(ctx.mulMat(transposed, scores), [0, 2, 1, 3]), [WIDTH, count]);
  return ctx.mulMat(layer.weights.o, mixed);
}

const stores = layers.flatMap(({ keys, values }) => [keys, values]);
type Caches = readonly number[][];

/** Runs one step; the caches start as `before` and are returned as they are after it. */
function run(step: Step, memory: Memory, past: number, tokens: readonly number[], before: Caches): [number[], Caches] {
  const { graph } = step;
  const random = randomNumbers(5);
  const parameters = [embedding, ...layers.flatMap((layer) => Object.values(layer.weights))];
  for (const each of parameters) {
    const count = each.ne[0] * each.ne[1];
    memory.write(
      each,
      Array.from({ length: count }, () => random() - 0.5),
    );
  }
  stores.forEach((store, i) => memory.write(store, before[i]));
  memory.write(step.tokens, tokens);
  memory.write(
    step.positions,
    tokens.map((_, i) => past + i),
  );
  const cells = past + tokens.length;
  const mask = tokens.flatMap((_, row) =>
    Array.from({ length: cells }, (_, cell) => (cell > past + row ? -Infinity : 0)),
  );
  memory.write(step.mask, mask);
  executeGraph(graph, memory);
  return [memory.read(step.logits), stores.map((store) => memory.read(store))];
}

const empty: Caches = stores.map((store) => new Array<number>(store.ne[0] * store.ne[1]).fill(0));
const steps = TOKENS.map((_, past) => decode(past, 1));

describe('a transformer with a KV cache', () => {
  it.each(ALL_PLANS)('decodes bit by bit alike: $allocator, in-place $reuse', ({ allocator, reuse }) => {
    let [expectedCaches, foundCaches] = [empty, empty];
    steps.forEach((step, past) => {
      const plan = planGraph(step.graph, { allocator, reuse });
      expect(verifyPlan(step.graph, plan)).toEqual([]);
      expect(replayPlan(step.graph, plan, { order: 'stated' })).toEqual([]);
      const token = [TOKENS[past]];
      const [expected, nextExpected] = run(step, Memory.separate(step.graph), past, token, expectedCaches);
      const [found, nextFound] = run(step, Memory.planned(step.graph, plan), past, token, foundCaches);
      expect(found).toEqual(expected);
      expect(nextFound).toEqual(nextExpected);
      [expectedCaches, foundCaches] = [nextExpected, nextFound];
    });
  });

  it('decodes to what one pass over all tokens gives', () => {
    let state = empty;
    let last: number[] = [];
    steps.forEach((step, past) => {
      [last, state] = run(step, Memory.separate(step.graph), past, [TOKENS[past]], state);
    });
    const prompt = decode(0, TOKENS.length);
    const [logits, filled] = run(prompt, Memory.separate(prompt.graph), 0, TOKENS, empty);
    expect(last.some((value) => Math.abs(value) > 1e-3)).toBe(true);
    expect(filled).toEqual(state);
    logits.slice(-VOCABULARY).forEach((value, i) => expect(value).toBeCloseTo(last[i], 5));
  });
});
