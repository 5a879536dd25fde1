/**
 * Arbitrary graphs that are mostly groups of nodes which runtimes compute at once: of whole tensors and of their first or
 * last rows, of sources that die there and of sources that others read, with rows picked and stacked in between. Sizes
 * differ, so that a placement has reason to put one thing over another. The reference executor can run them.
 */
import fc from 'fast-check';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { applyGroup } from '../../src/testing/graph-groups.js';

type Move = readonly [kind: number, x: number, other: number, rows: number, group: number];

const ROW = 8;

/** Graphs of up to `maxMoves` moves; `kinds` are the groups, by their numbers in `applyGroup`. Default: all. */
export function fusedGraphs(kinds: readonly number[] = [...Array(13).keys()], maxMoves = 10): fc.Arbitrary<Graph> {
  const move = fc.tuple(fc.nat(9), fc.nat(5), fc.nat(15), fc.nat(11), fc.constantFrom(...kinds));
  return fc.array(move, { minLength: 2, maxLength: maxMoves, size: 'max' }).map(graphOf);
}

function graphOf(moves: readonly Move[]): Graph {
  const ctx = Context.deferred();
  const weights = Context.virtual();
  const tensors = [5, 2, 8].map((rows) => ctx.setInput(ctx.newTensor('f32', [ROW, rows])));
  const outputs: Tensor[] = [];
  const pick = (back: number): Tensor => tensors[tensors.length - 1 - (back % tensors.length)];
  const pickLike = (x: Tensor, choice: number): Tensor => {
    const alike = tensors.filter((each) => each.ne[1] === x.ne[1]);
    return alike[alike.length - 1 - (choice % alike.length)] ?? x;
  };
  const leaf = (ne: readonly number[]): Tensor => weights.newTensor('f32', ne);
  for (const [kind, back, other, rows, group] of moves) {
    const x = pick(back);
    if (kind < 7) {
      const count = 1 + (rows % x.ne[1]);
      const first = kind < 5 ? 0 : x.ne[1] - count;
      const part = kind < 2 ? x : ctx.view(x, [ROW, count], [x.nb[1]], first * x.nb[1]);
      tensors.push(applyGroup(ctx, part, group, { other: pickLike(part, other), leaf }));
    } else if (kind < 9) tensors.push(ctx.getRows(x, weights.newTensor('i32', [1 + rows])));
    else tensors.push(ctx.concat(x, pick(other), 1));
    if (other === 15) outputs.push(ctx.setOutput(tensors[tensors.length - 1]));
  }
  const read = new Set(tensors.flatMap(({ sources }) => sources.map((source) => source?.root)));
  const rest = tensors.filter((tensor) => !read.has(tensor));
  return Graph.forward([...outputs, rest.reduce((stack, tensor) => ctx.concat(stack, tensor, 1))]);
}
