/**
 * Arbitrary families of graphs: one list of moves, and the lengths that its graphs have.
 *
 * Rows come in kinds: `n`, one, and `m`, which is one or `n`. So a sum of `n` rows and `m` rows repeats an operand in some of
 * the graphs and in others not, and which operand a node may reuse changes within the family.
 */
import fc from 'fast-check';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import type { Tensor } from '../../src/tensor/tensor.js';

/** Rows of a graph; `m` is 0 for one row, 1 for `n`. */
export interface FamilyDims {
  readonly n: number;
  readonly m: number;
}

export interface GraphFamily {
  readonly build: (dims: FamilyDims) => Graph;
  readonly box: { readonly n: readonly [number, number]; readonly m: readonly [number, number] };
}

const KINDS = ['unary', 'sum', 'product', 'input', 'attention', 'norm', 'rows', 'stack', 'copy', 'output'] as const;
const WIDTH = 4;

type Move = readonly [(typeof KINDS)[number], number, number];
type RowKind = 'n' | 'm' | 'one' | 'more';

interface Value {
  readonly tensor: Tensor;
  readonly rows: RowKind;
}

const moves: fc.Arbitrary<Move[]> = fc.array(fc.tuple(fc.constantFrom(...KINDS), fc.nat(30), fc.nat(30)), {
  minLength: 2,
  maxLength: 14,
});

/** Families whose graphs the reference executor runs. */
export const graphFamilies: fc.Arbitrary<GraphFamily> = fc
  .tuple(moves, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 9 }))
  .map(([list, least, more]) => ({
    build: (dims) => buildGraph(list, dims),
    box: { n: [least, least + more], m: [0, 1] },
  }));

function buildGraph(list: readonly Move[], { n, m }: FamilyDims): Graph {
  const ctx = Context.deferred();
  const weights = Context.virtual();
  const lengths: Readonly<Record<Exclude<RowKind, 'more'>, number>> = { n, m: m === 0 ? 1 : n, one: 1 };
  const values: Value[] = [];
  const outputs: Tensor[] = [];
  const pick = (choice: number): Value => values[values.length - 1 - (choice % values.length)];
  const input = (rows: Exclude<RowKind, 'more'>): Value => {
    return { tensor: ctx.setInput(ctx.newTensor('f32', [WIDTH, lengths[rows]])), rows };
  };
  const summand = (x: Value, choice: number): Tensor => {
    const fitting = values.filter((each) => {
      const { rows } = each;
      return each === x || rows === 'one' || (rows !== 'more' && rows === x.rows) || (x.rows === 'n' && rows === 'm');
    });
    return fitting[choice % fitting.length]?.tensor ?? x.tensor;
  };
  const play: Readonly<Record<(typeof KINDS)[number], (x: Value, choice: number) => Value>> = {
    unary: ({ tensor, rows }, choice) => ({
      tensor: choice % 2 === 0 ? ctx.tanh(tensor) : ctx.scale(tensor, 0.5),
      rows,
    }),
    sum: (x, choice) => {
      const other = summand(x, choice);
      return { tensor: choice % 3 === 0 ? ctx.mul(x.tensor, other) : ctx.add(x.tensor, other), rows: x.rows };
    },
    product: ({ tensor, rows }, choice) => {
      const weight = weights.newTensor('f32', [WIDTH, WIDTH]);
      return { tensor: ctx.scale(ctx.mulMat(weight, tensor), 1 / (1 + choice)), rows };
    },
    input: (_, choice) => input((['n', 'm', 'one'] as const)[choice % 3]),
    attention: ({ tensor, rows }, choice) => {
      const keys = pick(choice).tensor;
      const scores = ctx.softMax(ctx.mulMat(keys, tensor));
      return { tensor: ctx.mulMat(ctx.cont(ctx.transpose(keys)), scores), rows };
    },
    norm: (x, choice) => ({ tensor: ctx.mul(ctx.rmsNorm(x.tensor, 1e-5), summand(x, choice)), rows: x.rows }),
    rows: ({ tensor }, choice) => {
      const last = choice % 2 === 0 ? 0 : (tensor.shape[1] - 1) * tensor.strides[1];
      return { tensor: ctx.tanh(ctx.view(tensor, [WIDTH, 1], [tensor.strides[1]], last)), rows: 'one' };
    },
    stack: ({ tensor }, choice) => ({ tensor: ctx.concat(tensor, pick(choice).tensor, 1), rows: 'more' }),
    copy: ({ tensor, rows }) => ({ tensor: ctx.cont(tensor), rows }),
    output: (x) => {
      outputs.push(ctx.setOutput(x.tensor));
      return x;
    },
  };
  values.push(input('n'), input('m'));
  for (const [kind, a, b] of list) values.push(play[kind](pick(a), b));
  return Graph.forward([...outputs, values[values.length - 1].tensor]);
}
