/**
 * Graphs as lists of moves: what real graphs are made of, one move at a time.
 *
 * A move that its operands do not allow becomes a simpler one, so every list is a graph, and a shorter list with smaller
 * numbers is a simpler graph: that is what lets failures shrink.
 *
 * Invariant: whoever overwrites a storage is ordered, by sources and dependencies alone, after everyone who read it
 * before and before everyone who reads it later; and the reference executor can run the graph.
 */
import { Graph } from '../graph/graph.js';
import { elementCount, sameShape, isContiguous } from '../tensor/layout.js';
import { hasEvenRows } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { applyGroup } from './graph-groups.js';
import { applyNorm, applyUnary, applyView } from './graph-operations.js';
import { Recorder } from './recorder.js';

/** What kinds of moves there are, the simplest first. */
export const MOVES = [
  'unary',
  'output',
  'binary',
  'input',
  'product',
  'view',
  'norm',
  'copy',
  'run',
  'skip',
  'fan',
  'attention',
  'join',
  'part',
  'stack',
  'rows',
  'split',
  'writeCache',
  'readCache',
  'overwrite',
  'dependency',
  'group',
] as const;

export type MoveKind = (typeof MOVES)[number];

/** A kind and three numbers to choose with. */
export type Move = readonly [kind: MoveKind, a: number, b: number, c: number];

/** Stacks grow no higher. */
const MOST_ROWS = 16;

const SHAPES = [[4, 4], [4, 8], [4], [8, 4], [4, 2, 2], [4, 1, 3], [1]] as const;

/** The graph that a list of moves makes; `lastCount` of its tensors are results besides the outputs. */
export function graphOfMoves(moves: readonly Move[], lastCount: number): Graph {
  return recordedGraph(moves, lastCount).graph;
}

/** The same, with the code that makes the graph. */
export function recordedGraph(moves: readonly Move[], lastCount: number): { graph: Graph; code: () => string } {
  const builder = new GraphBuilder();
  for (const move of moves) builder.play(move);
  const outputs = builder.outputs(lastCount);
  return { graph: Graph.forward(outputs), code: () => builder.recorder.codeOf(outputs) };
}

type Numbers = readonly [number, number, number];

class GraphBuilder {
  readonly recorder = new Recorder();
  readonly #ctx = this.recorder.context('ctx');
  readonly #weights = this.recorder.context('weights');
  readonly #tensors: Tensor[] = [];
  readonly #results: Tensor[] = [];
  /** The cache, to be read or overwritten only after everything that was done to it before. */
  #cache: Tensor;

  constructor() {
    const caches = this.recorder.context('caches');
    const cache = caches.newTensor('f32', [4, 8], 'cache');
    this.#cache = caches.write(
      cache,
      Array.from({ length: 32 }, (_, i) => i / 32),
    );
    this.#add(this.#ctx.setInput(this.#ctx.newTensor('f32', SHAPES[0])));
  }

  outputs(lastCount: number): Tensor[] {
    return [...this.#results, ...this.#tensors.slice(-lastCount)];
  }

  play([kind, ...numbers]: Move): void {
    this.#moves[kind](this.#pick(numbers[0]), numbers);
  }

  readonly #moves: Readonly<Record<MoveKind, (x: Tensor, numbers: Numbers) => void>> = {
    unary: (x, [, b]) => this.#add(this.#unary(x, b)),
    output: (x) => this.#results.push(this.#ctx.setOutput(x)),
    binary: (x, [, b, c]) => this.#add(this.#binary(x, this.#pickLike(x, b), c)),
    input: (_, [, b, c]) => this.#add(this.#leaf(SHAPES[b % SHAPES.length], c)),
    product: (x, [, b, c]) => this.#add(this.#product(x, 1 + (b % 8), c)),
    view: (x, [, b, c]) => this.#add(applyView(this.#ctx, x, b, c)),
    norm: (x, [, b]) => this.#add(applyNorm(this.#ctx, this.#dense(x), b)),
    copy: (x, [, b]) => this.#add(this.#copy(x, b)),
    run: (x, [, b, c]) => this.#add(this.#run(x, 2 + (b % 4), c)),
    skip: (x, [, b]) => this.#add(this.#ctx.add(x, this.#oldestLike(x, b))),
    fan: (x, [, b, c]) => this.#add(this.#fan(x, 2 + (b % 4), c)),
    attention: (x, [, b]) => this.#add(this.#attention(x, this.#pickLike(x, b))),
    join: (x, [, b, c]) => this.#add(this.#ctx.concat(x, this.#pickLike(x, b), c % 2)),
    part: (x, [, b, c]) => this.#add(this.#unary(this.#part(x, b), c)),
    stack: (x, [, b]) => this.#add(this.#stack(x, b)),
    rows: (x, [, b]) => this.#add(this.#rows(x, 1 + (b % 3))),
    split: (x, [, b]) => this.#add(this.#split(x, this.#pickLike(x, b))),
    writeCache: (x, [, b, c]) => this.#writeCache(x, b, c),
    readCache: (_, [, b, c]) => this.#readCache(b, c),
    overwrite: (x, [, b, c]) => this.#add(this.#binaryInPlace(this.#unary(x, b), this.#pickLike(x, b), c)),
    dependency: (x, [, b]) => this.#add(this.#ctx.dependency(x, this.#pick(b))),
    group: (x, [, b, c]) => this.#add(this.#group(x, b, c)),
  };

  #add(tensor: Tensor): void {
    this.#tensors.push(tensor);
  }

  /** Recent tensors more often than old ones: chains. */
  #pick(choice: number): Tensor {
    const back = choice % 3 === 2 ? choice : choice % 2;
    return this.#tensors[this.#tensors.length - 1 - (back % this.#tensors.length)];
  }

  #like(x: Tensor): Tensor[] {
    return this.#tensors.filter((other) => other.type === x.type && sameShape(other, x));
  }

  #pickLike(x: Tensor, choice: number): Tensor {
    const alike = this.#like(x);
    return alike[alike.length - 1 - (choice % alike.length)] ?? x;
  }

  #oldestLike(x: Tensor, choice: number): Tensor {
    return this.#like(x)[choice % 2] ?? x;
  }

  /** Rows one after another, which most operations ask for. */
  #dense(x: Tensor): Tensor {
    return isContiguous(x) && hasEvenRows(x) ? x : this.#ctx.cont(x);
  }

  #leaf(ne: readonly number[], choice: number): Tensor {
    if (choice % 4 === 3) return this.#weights.newTensor('f32', ne);
    const leaf = this.#ctx.newTensor('f32', ne);
    return choice % 4 === 2 ? leaf : this.#ctx.setInput(leaf);
  }

  #unary(x: Tensor, choice: number): Tensor {
    return applyUnary(this.#ctx, this.#dense(x), choice);
  }

  #binary(x: Tensor, y: Tensor, choice: number): Tensor {
    const ctx = this.#ctx;
    switch (choice % 5) {
      case 0:
        return ctx.add(x, y);
      case 1:
        return ctx.mul(x, y);
      case 2:
        return ctx.sub(x, y);
      case 3:
        return ctx.swiglu(this.#dense(x), this.#dense(y));
      default:
        return ctx.mul(x, this.#leaf([x.ne[0]], choice));
    }
  }

  #binaryInPlace(x: Tensor, y: Tensor, choice: number): Tensor {
    const ctx = this.#ctx;
    const other = y.type === x.type && sameShape(x, y) ? y : x;
    return choice % 2 === 0 ? ctx.add(x, other, { inPlace: true }) : ctx.rmsNorm(x, 1e-5, { inPlace: true });
  }

  #product(x: Tensor, outputs: number, choice: number): Tensor {
    const weight = this.#leaf([x.ne[0], outputs], choice % 3 === 0 ? 3 : 1);
    return this.#ctx.scale(this.#ctx.mulMat(weight, x), 1 / x.ne[0]);
  }

  /** Copies come back as f32, so that everything else can use them. */
  #copy(x: Tensor, choice: number): Tensor {
    const ctx = this.#ctx;
    if (choice % 3 === 0) return ctx.cont(x);
    return choice % 3 === 1 ? ctx.dup(x) : ctx.cast(ctx.cast(x, 'f16'), 'f32');
  }

  /** Operations one after another, each the only reader of the one before. */
  #run(x: Tensor, length: number, choice: number): Tensor {
    let last = x;
    for (let i = 0; i < length; i++) last = this.#unary(last, choice + i);
    return last;
  }

  /** Many readers of one tensor, all alive at once, added up at the end. */
  #fan(x: Tensor, width: number, choice: number): Tensor {
    const branches = Array.from({ length: width }, (_, i) => this.#unary(x, choice + i));
    return branches.reduceRight((sum, branch) => this.#ctx.add(sum, branch));
  }

  /**
   * Nodes that a runtime computes at once, of a tensor or of the last rows of one that dies there. A result that takes
   * the bytes of the latter lies over rows that are read later: wrong, unless the planner knows what is computed at once.
   */
  #group(x: Tensor, choice: number, place: number): Tensor {
    const of = place % 4 >= 2 ? this.#lastRows(x, choice) : this.#dense(x);
    const leaf = (ne: readonly number[]): Tensor => this.#leaf(ne, 3 - (place % 2));
    return applyGroup(this.#ctx, of, choice, { other: this.#pickLike(of, place), leaf });
  }

  /** All rows but the first of a new tensor, which nothing else reads: at least two. */
  #lastRows(x: Tensor, choice: number): Tensor {
    const rows = this.#asRows(this.#dense(x));
    const [ne0, ne1] = rows.ne;
    const whole = ne1 < 3 ? this.#ctx.repeat(rows, [ne0, 3 * ne1]) : this.#unary(rows, choice);
    return this.#ctx.view(whole, [ne0, whole.ne[1] - 1], [whole.nb[1]], whole.nb[1]);
  }

  #attention(x: Tensor, y: Tensor): Tensor {
    const ctx = this.#ctx;
    const [a, b] = [this.#dense(x), this.#dense(y)];
    const scores = ctx.softMax(ctx.mulMat(a, b), { scale: 0.5 });
    return ctx.mulMat(ctx.cont(ctx.transpose(a)), scores);
  }

  /** All rows one after another, whatever the outer dimensions. */
  #asRows(x: Tensor): Tensor {
    const [ne0, ne1, ne2, ne3] = x.ne;
    return ne2 * ne3 === 1 ? x : this.#ctx.reshape(this.#dense(x), [ne0, ne1 * ne2 * ne3]);
  }

  #rows(x: Tensor, count: number): Tensor {
    return this.#ctx.getRows(this.#asRows(x), this.#ctx.setInput(this.#ctx.newTensor('i32', [count])));
  }

  /** The first rows: what is computed of them may go over a larger storage, of which the rest is then free. */
  #part(x: Tensor, choice: number): Tensor {
    const rows = this.#asRows(this.#dense(x));
    return this.#ctx.view(rows, [rows.ne[0], 1 + (choice % rows.ne[1])]);
  }

  /** The rows of two tensors whose rows are equally long. */
  #stack(x: Tensor, choice: number): Tensor {
    const alike = this.#tensors.filter(({ ne, type }) => ne[0] === x.ne[0] && type === x.type);
    const [a, b] = [x, alike[alike.length - 1 - (choice % alike.length)] ?? x].map((each) => this.#asRows(each));
    return a.ne[1] + b.ne[1] <= MOST_ROWS ? this.#ctx.concat(a, b, 1) : this.#unary(a, choice);
  }

  /** Two results written straight into the halves of one storage, which is then read as a whole. */
  #split(x: Tensor, y: Tensor): Tensor {
    const ctx = this.#ctx;
    const halves = [ctx.tanh(this.#dense(x)), ctx.neg(this.#dense(y))];
    const count = elementCount(x);
    const whole = ctx.newTensor('f32', [count * 2]);
    const written = halves.map((half, i) =>
      ctx.setOutput(half, ctx.view(whole, half.ne, half.nb.slice(1), i * count * whole.type.blockBytes)),
    );
    return ctx.relu(written.reduce((before, half) => ctx.dependency(before, half), whole));
  }

  #writeCache(x: Tensor, place: number, choice: number): void {
    const ctx = this.#ctx;
    const rowBytes = this.#cache.nb[1];
    const row = ctx.view(this.#cache, [4, 1], [rowBytes], (place % 8) * rowBytes);
    const value = elementCount(x) >= 4 ? ctx.view(this.#dense(x), [4, 1]) : ctx.repeat(ctx.view(x, [1]), [4, 1]);
    let written: Tensor;
    if (choice % 3 === 0) {
      written = ctx.cpy(value, row);
    } else if (choice % 3 === 1) {
      written = ctx.setRows(this.#cache, ctx.cont(value), ctx.setInput(ctx.newTensor('i32', [1])));
    } else {
      written = ctx.setOutput(ctx.neg(value), row);
    }
    this.#results.push(written);
    this.#cache = ctx.dependency(this.#cache, written);
  }

  /** What is read is copied at once, so that a later write need only wait for the copy. */
  #readCache(first: number, choice: number): void {
    const ctx = this.#ctx;
    const rowBytes = this.#cache.nb[1];
    const part = ctx.view(this.#cache, [4, 4], [rowBytes], (first % 5) * rowBytes);
    const read = choice % 2 === 0 ? ctx.cont(part) : ctx.add(ctx.cont(ctx.transpose(part)), part);
    this.#add(read);
    this.#cache = ctx.dependency(this.#cache, read);
  }
}
