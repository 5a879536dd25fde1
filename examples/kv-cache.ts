/**
 * Attention with a key and value cache that is written without a copy: `setOutput` lets a product be computed straight
 * into its row of the cache, and `dependency` makes the reader wait for that.
 *
 *     npx tsx examples/kv-cache.ts
 */
import { Context, Graph, planGraph, verifyPlan, type Tensor } from 'tensor-arena';
import { run } from './interpreter.js';

const WIDTH = 4;
const TOKENS = 3;
const ROW_BYTES = WIDTH * 4;

const memory = Context.immediate(); // weights and caches outlive every graph
const random = (step: number): number => Math.sin(step * 12.9898) / 2;
const matrix = (name: string, seed: number): Tensor =>
  memory.write(
    memory.newTensor('f32', [WIDTH, WIDTH], name),
    Array.from({ length: WIDTH * WIDTH }, (_, i) => random(seed + i)),
  );
const [wq, wk, wv] = ['wq', 'wk', 'wv'].map((name, index) => matrix(name, 100 * index));
const keys = memory.newTensor('f32', [WIDTH, TOKENS], 'keys');
const values = memory.newTensor('f32', [WIDTH, TOKENS], 'values');

/** The graph for the token at `position`: it writes one row of each cache and reads all rows up to it. */
function attention(position: number): { graph: Graph; token: Tensor; result: Tensor } {
  const ctx = Context.deferred();
  const token = ctx.setInput(ctx.newTensor('f32', [WIDTH], 'token'));
  const append = (cache: Tensor, weight: Tensor): Tensor => {
    const row = ctx.view(cache, [WIDTH], [], position * ROW_BYTES);
    const written = ctx.setOutput(ctx.mulMat(weight, token), row);
    return ctx.dependency(ctx.view(cache, [WIDTH, position + 1]), written);
  };
  const weights = ctx.softMax(ctx.mulMat(append(keys, wk), ctx.mulMat(wq, token)));
  const result = ctx.setOutput(ctx.outProd(append(values, wv), ctx.reshape(weights, [1, position + 1])));
  return { graph: Graph.forward(result), token, result };
}

for (let position = 0; position < TOKENS; position++) {
  const { graph, token, result } = attention(position);
  const plan = planGraph(graph);
  if (verifyPlan(graph, plan).length > 0) throw new Error('the plan is wrong');
  const copies = graph.nodes.filter(({ op }) => op === 'CPY' || op === 'CONT').length;
  const arena = plan.allocate();
  arena.data(token, 'f32').set(Array.from({ length: WIDTH }, (_, i) => random(7 * position + i)));
  run(graph, arena);
  const attended = [...arena.result(result, 'f32')].map((value) => value.toFixed(4)).join(' ');
  console.log(`token ${position}: ${attended} (${plan.bufferSize} bytes, ${copies} copies)`);
}
