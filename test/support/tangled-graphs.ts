/**
 * Arbitrary graphs in which it matters what takes over what: results go over parts of larger storages, rows are picked and
 * stacked, and everything that is left is stacked at the end. In one of some forty, taking over all that can be taken over
 * leaves a gap above the bound. The reference executor can run them.
 */
import fc from 'fast-check';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import type { Tensor } from '../../src/tensor/tensor.js';

type Move = readonly [kind: number, x: number, other: number, rows: number];

const ROW = 4;

/** Graphs of up to `maxMoves` moves, each of one or two nodes, and the stack at the end. */
export function tangledGraphs(maxMoves = 24): fc.Arbitrary<Graph> {
  const move = fc.tuple(fc.nat(9), fc.nat(7), fc.nat(15), fc.nat(11));
  return fc.array(move, { minLength: 3, maxLength: maxMoves, size: 'max' }).map(graphOf);
}

function graphOf(moves: readonly Move[]): Graph {
  const ctx = Context.deferred();
  const indices = Context.virtual();
  const tensors = [5, 2, 8].map((rows) => ctx.setInput(ctx.newTensor('f32', [ROW, rows])));
  const outputs: Tensor[] = [];
  const pick = (back: number): Tensor => tensors[tensors.length - 1 - (back % tensors.length)];
  /** Another tensor of so many rows; `x` itself if there is none. */
  const pickLike = (x: Tensor, choice: number): Tensor => {
    const alike = tensors.filter((each) => each !== x && each.ne[1] === x.ne[1]);
    return alike[alike.length - 1 - (choice % alike.length)] ?? x;
  };
  for (const [kind, back, other, rows] of moves) {
    const x = pick(back);
    if (kind < 4) tensors.push(ctx.add(x, pickLike(x, other)));
    else if (kind < 5) tensors.push(ctx.relu(x));
    else if (kind < 7) {
      const part = ctx.view(x, [ROW, 1 + (rows % x.ne[1])], [x.nb[1]]);
      tensors.push(kind === 5 ? ctx.relu(part) : ctx.add(part, pickLike(part, other)));
    } else if (kind < 8) tensors.push(ctx.concat(x, pick(other), 1));
    else tensors.push(ctx.getRows(x, indices.newTensor('i32', [1 + rows])));
    if (other === 15) outputs.push(ctx.setOutput(tensors[tensors.length - 1]));
  }
  const read = new Set(
    tensors.flatMap(({ sources }) => sources.map((source) => (source?.isView ? source.root : source))),
  );
  const rest = tensors.filter((tensor) => !read.has(tensor));
  return Graph.forward([...outputs, rest.reduce((stack, tensor) => ctx.concat(stack, tensor, 1))]);
}
