/** Random graphs of real operations: each result repeats the sum of two earlier ones, so that its size is free. */
import { Context, Graph, type Tensor } from '../../src/index.js';
import { createRandom } from '../../src/solver/random.js';

export function repeatedSums(seed: number, count: number): Graph {
  const random = createRandom(seed);
  const ctx = Context.deferred();
  const made: Tensor[] = [ctx.setInput(ctx.newTensor('f32', [64]))];
  const isRead = new Set<Tensor>();
  for (let n = 0; n < count; n++) {
    const [a, b] = [0, 1].map(() => made[Math.max(0, made.length - 1 - Math.floor(8 * random()))]);
    isRead.add(a).add(b);
    made.push(ctx.repeat(ctx.add(ctx.sum(a), ctx.sum(b)), [8 * (1 + Math.floor(40 * random()))]));
  }
  return Graph.forward(made.filter((tensor) => !isRead.has(tensor)).map((tensor) => ctx.setOutput(tensor)));
}
