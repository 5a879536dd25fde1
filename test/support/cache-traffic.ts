/**
 * Arbitrary graphs that read and write parts of a cache and of a result, some of them in an order that only the program
 * states. The reference executor can run them.
 */
import fc from 'fast-check';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import type { Tensor } from '../../src/tensor/tensor.js';

type Move = readonly [kind: number, part: number, after: number];

export const cacheTraffic: fc.Arbitrary<Graph> = fc
  .array(fc.tuple(fc.nat(7), fc.nat(23), fc.nat(12)), { minLength: 1, maxLength: 16, size: 'max' })
  .map(graphOf);

function graphOf(moves: readonly Move[]): Graph {
  const ctx = Context.deferred();
  const cache = Context.immediate().newTensor('f32', [4, 8], 'cache');
  const made: Tensor[] = [ctx.relu(ctx.setInput(ctx.newTensor('f32', [4, 8], 'x')))];
  for (const [kind, part, after] of moves) {
    const before = made[made.length - 1 - (after % made.length)];
    const whole = after > 8 ? ctx.dependency(cache, before) : cache;
    const row = part % 6;
    const rows = part % 2 === 0 ? whole : ctx.view(whole, [4, 3], [16], 16 * row);
    const like = (x: Tensor): Tensor => ctx.repeat(ctx.view(x, [4, 1]), [4, rows.ne[1]]);
    if (kind < 3) made.push(ctx.relu(ctx.cont(rows)));
    else if (kind < 5) made.push(ctx.cpy(like(before), rows));
    else if (kind < 6) made.push(ctx.add(like(before), ctx.cont(rows)));
    else made.push(ctx.repeat(ctx.view(before, [4, 1]), [4, 8 * (1 + (part % 4))]));
  }
  return Graph.forward(made);
}
