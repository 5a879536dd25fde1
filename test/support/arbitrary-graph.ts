/**
 * Arbitrary small compute graphs, built through `Context` as a user would.
 *
 * A graph is drawn as a list of moves, each four small numbers; a move that its operands do not allow falls back to a
 * simpler one, so every list is a graph, and shorter lists with smaller numbers are simpler graphs.
 */
import fc from 'fast-check';
import { PlannerError } from '../../src/errors.js';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/json/read.js';
import { graphToJson } from '../../src/json/write.js';
import { elementCount, sameShape, isContiguous } from '../../src/tensor/layout.js';
import type { Tensor } from '../../src/tensor/tensor.js';

/** Which move, and three numbers that it may use. */
type Move = readonly [move: number, a: number, b: number, c: number];

const SHAPES = [[4], [8], [4, 2], [4, 4], [2, 4], [4, 2, 2], [8, 3], [16], [0, 2], [1]];

/** Tensors so far, and the moves that add to them. */
class Builder {
  readonly #ctx = Context.deferred();
  readonly #cache = Context.immediate().newTensor('f32', [4, 16], 'cache');
  readonly #weight = Context.virtual().newTensor('f32', [4, 4], 'weight');
  readonly #tensors: Tensor[] = [];
  readonly #results: Tensor[] = [];

  constructor(moves: readonly Move[]) {
    this.#tensors.push(this.#leaf(3, 0));
    for (const [move, ...numbers] of moves) {
      const tensor = this.#playIfAllowed(move, numbers);
      if (!this.#tensors.includes(tensor)) this.#tensors.push(tensor);
    }
  }

  /** Everything that was marked, and the last tensors: the rest is there only if they need it. */
  graph(lastCount: number): Graph {
    return Graph.forward([...this.#results, ...this.#tensors.slice(-lastCount)]);
  }

  #playIfAllowed(move: number, numbers: readonly [number, number, number]): Tensor {
    try {
      return this.#play(move, numbers);
    } catch (error) {
      const isRule = error instanceof PlannerError && ['BAD_OPERAND', 'BAD_SHAPE'].includes(error.code);
      if (!isRule) throw error;
      return this.#ctx.sqr(this.#pick(numbers[0]));
    }
  }

  #play(move: number, [a, b, c]: readonly [number, number, number]): Tensor {
    const ctx = this.#ctx;
    const x = this.#pick(a);
    switch (move % 26) {
      case 0:
        return this.#leaf(b, c);
      case 1:
        return ctx.relu(x);
      case 2:
        return ctx.scale(this.#dense(x), 2);
      case 3:
      case 4:
        return ctx.add(x, this.#pickLike(x, b));
      case 5:
        return ctx.mul(x, x);
      case 6:
        return ctx.mulMat(this.#dense(x), ctx.cont(this.#dense(x)));
      case 7:
        return ctx.softMax(this.#dense(x));
      case 8:
        return ctx.reshape(this.#dense(x), [x.ne[0] * x.ne[1] * x.ne[2] * x.ne[3]]);
      case 9:
        return ctx.transpose(x);
      case 10:
        return ctx.permute(x, [0, 2, 1, 3]);
      case 11:
        return this.#part(x, b);
      case 12:
        return ctx.cont(x);
      case 13:
        return ctx.cast(x, b % 2 === 0 ? 'f16' : 'f32');
      case 14:
        return this.#intoCache(x, b);
      case 15:
        return this.#rowsIntoCache(b);
      case 16:
        return this.#part(this.#cache, b);
      case 17:
        return ctx.dependency(x, this.#pick(b));
      case 18:
        return this.#output(x);
      case 19:
        return this.#outputInto(x, b, c);
      case 20:
        return ctx.relu(x, { inPlace: true });
      case 21:
        return ctx.custom([x, this.#pick(b)], {
          type: 'f32',
          ne: x.ne,
          overwrites: c % 2 === 0 ? [] : [c % 4 === 1 ? 0 : 1],
        });
      case 22:
        return ctx.concat(x, x, b % 4);
      case 23:
        return ctx.mulMat(this.#weight, ctx.newTensor('f32', [4, 1 + (b % 5)]));
      case 24:
        return ctx.setInput(x);
      default:
        return ctx.dup(this.#pickLike(x, b));
    }
  }

  #leaf(shape: number, mark: number): Tensor {
    const leaf = this.#ctx.newTensor('f32', SHAPES[shape % SHAPES.length]);
    if (mark % 3 === 1) this.#ctx.setInput(leaf);
    if (mark % 5 === 4) this.#output(leaf);
    return leaf;
  }

  /** Recent tensors more often than old ones: chains with skips. */
  #pick(index: number): Tensor {
    const fromEnd = index % 3 === 0 ? Math.floor(index / 3) : index % 4;
    return this.#tensors[this.#tensors.length - 1 - (fromEnd % this.#tensors.length)];
  }

  #pickLike(x: Tensor, index: number): Tensor {
    const alike = this.#tensors.filter((other) => other.type === x.type && sameShape(other, x));
    return alike[index % alike.length] ?? x;
  }

  #dense(x: Tensor): Tensor {
    return isContiguous(x) ? x : this.#ctx.cont(x);
  }

  /** Some rows of a tensor, or some columns of each row. */
  #part(x: Tensor, choice: number): Tensor {
    const [ne0, ne1] = x.ne;
    const [, nb1, nb2, nb3] = x.nb;
    const rowIsDense = x.nb[0] === x.type.blockBytes;
    if (elementCount(x) === 0) return this.#ctx.sqr(x);
    if (!rowIsDense || ne0 < 2) return this.#ctx.view(x, [rowIsDense ? ne0 : Math.min(1, ne0)]);
    if (choice % 2 === 0 && ne1 > 1) return this.#ctx.view(x, [ne0, 1], [nb1, nb2, nb3], (choice % ne1) * nb1);
    return this.#ctx.view(x, [ne0 / 2, ne1], [nb1, nb2, nb3], choice % 3 === 0 ? 0 : (ne0 / 2) * x.type.blockBytes);
  }

  #intoCache(x: Tensor, choice: number): Tensor {
    const ctx = this.#ctx;
    const count = x.ne[0] * x.ne[1] * x.ne[2] * x.ne[3];
    if (count === 0 || count > 16) return ctx.sqr(x);
    const copied = ctx.cpy(x, ctx.view(this.#cache, [count], [], (choice % 3) * 64));
    this.#results.push(copied);
    return copied;
  }

  #rowsIntoCache(rowCount: number): Tensor {
    const ctx = this.#ctx;
    const rows = ctx.relu(ctx.newTensor('f32', [4, 1 + (rowCount % 3)]));
    const written = ctx.setRows(this.#cache, rows, ctx.newTensor('i32', [1 + (rowCount % 3)]));
    this.#results.push(written);
    return written;
  }

  #output(x: Tensor): Tensor {
    this.#results.push(x);
    return this.#ctx.setOutput(x);
  }

  /** Straight into the cache, or into a part of an intermediate's storage. */
  #outputInto(x: Tensor, place: number, choice: number): Tensor {
    const ctx = this.#ctx;
    const result = ctx.exp(x);
    const bytes = result.byteLength;
    const target = choice % 4 === 0 ? ctx.fill(ctx.newTensor('f32', [32]), 0) : this.#cache;
    if (result.type.name !== 'f32' || bytes === 0 || bytes > 64) return result;
    const written = ctx.setOutput(result, ctx.view(target, result.ne, result.nb.slice(1), (place % 2) * 64));
    this.#results.push(written);
    return written;
  }
}

/** A graph, and which tensors the device wants more bytes for. */
export interface Drawn {
  readonly moves: readonly Move[];
  readonly lastCount: number;
  /** Extra bytes for the owner whose id is the remainder of the first number. */
  readonly extras: readonly (readonly [owner: number, bytes: number])[];
}

/** The graph of a drawing; the same one at each call. */
export function graphOf({ moves, lastCount, extras }: Drawn): Graph {
  const graph = new Builder(moves).graph(lastCount);
  if (extras.length === 0) return graph;
  const json = graphToJson(graph);
  for (const [index, bytes] of extras) {
    const row = json.tensors[index % json.tensors.length];
    if (row.byteLength > 0) row.allocSize = row.byteLength + bytes;
  }
  return graphFromJson(json);
}

/** Drawings of graphs of up to `maxLength` moves. */
export function arbitraryGraphs(maxLength = 30): fc.Arbitrary<Drawn> {
  const number = fc.nat({ max: 40 });
  return fc.record({
    moves: fc.array(fc.tuple(fc.nat({ max: 25 }), number, number, number), { maxLength }),
    lastCount: fc.integer({ min: 1, max: 3 }),
    extras: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      fc.array(fc.tuple(number, fc.constantFrom(1, 32, 256)), { maxLength: 6 }),
    ),
  });
}
