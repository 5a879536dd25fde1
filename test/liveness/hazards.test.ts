/** Which orders a graph states, which it relies on, and which are wrong whatever happens. */
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/json/read.js';
import { graphToJson } from '../../src/json/write.js';
import { findHazards } from '../../src/liveness/hazards.js';
import { measureGraph } from '../../src/plan/measure.js';
import { planGraph } from '../../src/plan/plan.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { expectError } from '../support/expect-error.js';

const ctx = Context.deferred();

function leaf(name: string, ne: readonly number[] = [8]): Tensor {
  return ctx.newTensor('f32', ne, name);
}

function cacheOf(ne: readonly number[]): Tensor {
  return Context.immediate().newTensor('f32', ne, 'cache');
}

/** `kind writer>other` of every hazard. */
function hazardsOf(...outputs: Tensor[]): string[] {
  return findHazards(Graph.forward(outputs)).map(({ kind, writer, other }) => `${kind} ${writer.name}>${other.name}`);
}

function named(tensor: Tensor, name: string): Tensor {
  return ctx.setName(tensor, name);
}

describe('findHazards on a cache', () => {
  it('warns of a read after a write that no path orders, and names the missing dependency', () => {
    const cache = cacheOf([8]);
    const write = named(ctx.cpy(leaf('k'), cache), 'write');
    const read = named(ctx.relu(named(ctx.view(cache, [8]), 'seen')), 'read');
    const [hazard, ...others] = findHazards(Graph.forward([write, read]));
    expect(others).toEqual([]);
    expect(hazard).toMatchObject({ kind: 'unordered', writer: write, other: read, otherRunsFirst: false });
    expect(hazard.missing).toBe('dependency(seen, write) as what read reads');
  });

  it('is content once dependency() says it', () => {
    const cache = cacheOf([8]);
    const write = ctx.cpy(leaf('k'), cache);
    expect(hazardsOf(write, ctx.relu(ctx.dependency(ctx.view(cache, [8]), write)))).toEqual([]);
  });

  it('is content with a read of the written result, or of a view of it', () => {
    const write = ctx.cpy(leaf('k'), cacheOf([8]));
    expect(hazardsOf(ctx.relu(write), ctx.relu(ctx.reshape(write, [4, 2])))).toEqual([]);
  });

  it('warns of a read before a write', () => {
    const cache = cacheOf([8]);
    const read = named(ctx.relu(cache), 'read');
    const write = named(ctx.cpy(leaf('k'), cache), 'write');
    const [hazard] = findHazards(Graph.forward([read, write]));
    expect(hazard).toMatchObject({ kind: 'unordered', otherRunsFirst: true });
    expect(hazard.missing).toBe('dependency(cache, read) as what write overwrites');
    const ordered = ctx.cpy(leaf('k'), ctx.dependency(cache, read));
    expect(hazardsOf(read, ordered)).toEqual([]);
  });

  it('warns of two writes, unless one depends on the other', () => {
    const cache = cacheOf([8]);
    const first = named(ctx.cpy(leaf('a'), cache), 'first');
    const second = named(ctx.cpy(leaf('b'), cache), 'second');
    expect(hazardsOf(first, second)).toEqual(['unordered second>first']);
    expect(hazardsOf(first, ctx.cpy(leaf('b'), first))).toEqual([]);
  });

  it('warns for setOutput(t, destination) as for any other write', () => {
    const make = (isOrdered: boolean): string[] => {
      const cache = cacheOf([16]);
      const k = ctx.setOutput(named(ctx.sqr(leaf('k')), 'k²'), ctx.view(cache, [8], [], 32));
      const seen = ctx.view(cache, [16]);
      return hazardsOf(k, named(ctx.relu(isOrdered ? ctx.dependency(seen, k) : seen), 'read'));
    };
    expect(make(false)).toEqual(['unordered k²>read']);
    expect(make(true)).toEqual([]);
  });

  it('warns for set_rows', () => {
    const cache = cacheOf([8, 4]);
    const write = named(ctx.setRows(cache, leaf('k', [8, 1]), ctx.newTensor('i32', [1], 'ids')), 'write');
    expect(hazardsOf(write, named(ctx.relu(cache), 'read'))).toEqual(['unordered write>read']);
    expect(hazardsOf(write, ctx.relu(write))).toEqual([]);
  });
});

describe('findHazards on parts', () => {
  it('leaves writes to disjoint chunks alone', () => {
    const cache = cacheOf([8, 4]);
    const row = (index: number): Tensor => ctx.view(cache, [8], [], index * 32);
    const writes = [0, 1, 2, 3].map((index) => named(ctx.cpy(leaf('k'), row(index)), `write${index}`));
    expect(hazardsOf(...writes)).toEqual([]);
    expect(hazardsOf(...writes, named(ctx.relu(row(2)), 'read'))).toEqual(['unordered write2>read']);
    expect(hazardsOf(...writes, named(ctx.relu(cache), 'all'))).toHaveLength(4);
  });

  it('tells the columns of a fused projection apart', () => {
    const qkv = cacheOf([12, 5]);
    const columns = (first: number, rows = 5): Tensor => ctx.view(qkv, [4, rows], [48], first * 4);
    const q = named(ctx.cpy(leaf('a', [4, 5]), columns(0)), 'q');
    const k = named(ctx.cpy(leaf('b', [4, 5]), columns(4)), 'k');
    expect(hazardsOf(q, k, ctx.relu(columns(8)))).toEqual([]);
    expect(hazardsOf(q, k, named(ctx.relu(columns(4)), 'read k'))).toEqual(['unordered k>read k']);
    expect(hazardsOf(q, named(ctx.relu(columns(2)), 'across'))).toEqual(['unordered q>across']);
  });

  it('looks past a strided write that lies around what is read', () => {
    const qkv = cacheOf([12, 5]);
    const columns = (first: number, rows: number): Tensor => ctx.view(qkv, [4, rows], [48], first * 4);
    const k = named(ctx.cpy(leaf('b', [4, 5]), columns(4, 5)), 'k');
    const q = named(ctx.cpy(leaf('a', [4, 5]), columns(0, 5)), 'q');
    expect(hazardsOf(k, q, named(ctx.relu(columns(4, 2)), 'read k'))).toEqual(['unordered k>read k']);
  });

  it('looks no further back than a write that covers what is read', () => {
    const cache = cacheOf([8]);
    const first = named(ctx.cpy(leaf('a'), cache), 'first');
    const second = named(ctx.cpy(leaf('b'), first), 'second');
    expect(hazardsOf(second, named(ctx.relu(cache), 'read'))).toEqual(['unordered second>read']);
  });

  it('ignores empty tensors', () => {
    const cache = cacheOf([8]);
    expect(hazardsOf(ctx.cpy(leaf('k', [0]), ctx.view(cache, [0])), ctx.relu(cache))).toEqual([]);
  });
});

describe('conflicts', () => {
  /** y = x², overwritten by `relu` in place, then read for its old value. */
  function conflicting(): Tensor[] {
    const y = named(ctx.sqr(leaf('x')), 'y');
    const over = named(ctx.relu(y, { inPlace: true }), 'over');
    return [over, named(ctx.exp(y), 'late')];
  }

  it('are reads of a computed value that a node has overwritten', () => {
    expect(hazardsOf(...conflicting())).toEqual(['conflict over>late']);
    const y = named(ctx.sqr(leaf('x')), 'y');
    const early = ctx.exp(y);
    expect(hazardsOf(early, ctx.relu(ctx.dependency(y, early), { inPlace: true }))).toEqual([]);
  });

  it('make planning an error, but allocator ggml reports them and goes on', () => {
    const graph = Graph.forward(conflicting());
    const error = expectError('HAZARD', 'late', () => planGraph(graph));
    expect(error.value).toBe('run after over, which overwrites y');
    expectError('HAZARD', 'late', () => measureGraph(graph, { allocator: 'greedy-by-size' }));
    expect(planGraph(graph, { allocator: 'ggml' }).hazards.map(({ kind }) => kind)).toEqual(['conflict']);
  });

  it('are readings of the old value even by a node that comes after the writer', () => {
    const y = named(ctx.sqr(leaf('x')), 'y');
    const over = named(ctx.relu(y, { inPlace: true }), 'over');
    expect(hazardsOf(named(ctx.add(y, over), 'late'))).toEqual(['conflict over>late']);
    // Memory that the user fills is what it is when it is read: the sum says that it comes later.
    const cache = cacheOf([8]);
    expect(hazardsOf(ctx.add(cache, ctx.cpy(leaf('k'), cache)))).toEqual([]);
  });

  it('are readings of a computed value of which rows were overwritten', () => {
    const y = named(ctx.sqr(leaf('x', [8, 4])), 'y');
    const rows = named(ctx.setRows(y, leaf('k', [8, 1]), ctx.newTensor('i32', [1])), 'rows');
    expect(hazardsOf(rows, named(ctx.exp(y), 'late'))).toEqual(['conflict rows>late']);
  });

  it('are operations in place on a value that another in place has destroyed', () => {
    const y = named(ctx.sqr(leaf('x')), 'y');
    const first = named(ctx.relu(y, { inPlace: true }), 'first');
    const second = named(ctx.exp(y, { inPlace: true }), 'second');
    expect(findHazards(Graph.forward([first, second]))).toMatchObject([
      {
        kind: 'conflict',
        writer: first,
        other: second,
        otherRunsFirst: false,
        tensor: y,
        missing: 'dependency(y, first) as what second reads',
      },
    ]);
    expectError('HAZARD', 'second', () => planGraph(Graph.forward([first, second])));
    expect(hazardsOf(ctx.exp(first, { inPlace: true }))).toEqual([]);
    // Even one that comes later by another operand; and one that says that it works on what is left.
    const third = named(ctx.add(y, first, { inPlace: true }), 'third');
    expect(hazardsOf(third)).toEqual(['conflict first>third']);
    expect(hazardsOf(named(ctx.add(first, y, { inPlace: true }), 'fourth'))).toEqual(['conflict first>fourth']);
    expect(hazardsOf(ctx.exp(ctx.dependency(y, first), { inPlace: true }))).toEqual([]);
    // A copy does not read what it goes over, and memory is what it is when it is read.
    expect(hazardsOf(first, named(ctx.cpy(leaf('k'), y), 'copy'))).toEqual(['unordered copy>first']);
    const cache = cacheOf([8]);
    const twice = ['one', 'two'].map((name) => named(ctx.relu(cache, { inPlace: true }), name));
    expect(hazardsOf(...twice)).toEqual(['unordered two>one']);
  });

  it('are only likely where strides make it hard to tell', () => {
    const y = named(ctx.sqr(leaf('x', [12, 5])), 'y');
    const columns = (of: Tensor, first: number, count: number): Tensor => ctx.view(of, [count, 5], [48], first * 4);
    const over = named(ctx.relu(columns(y, 0, 4), { inPlace: true }), 'over');
    expect(hazardsOf(over, named(ctx.exp(columns(y, 3, 4)), 'late'))).toEqual(['unordered over>late']);
    expect(hazardsOf(over, ctx.exp(columns(y, 4, 4)))).toEqual([]);

    const cache = cacheOf([12, 5]);
    const own = named(ctx.neg(named(columns(cache, 3, 4), 'shifted')), 'own');
    const shifted = ctx.setOutput(own, columns(cache, 0, 4));
    expect(findHazards(Graph.forward(shifted))).toMatchObject([
      { kind: 'unordered', writer: shifted, other: shifted, otherRunsFirst: false },
    ]);
  });

  it('are nodes that write over an operand they still read', () => {
    const cache = cacheOf([8, 8]);
    const own = named(ctx.mulMat(named(ctx.view(cache, [8, 8]), 'a'), leaf('b', [8, 8])), 'product');
    const product = ctx.setOutput(own, ctx.view(cache, [8, 8]));
    const graph = Graph.forward(product);
    expect(findHazards(graph)).toMatchObject([
      { kind: 'conflict', writer: product, other: product, missing: 'cont(a) as what product reads' },
    ]);
    expect(expectError('HAZARD', 'product', () => planGraph(graph)).remedy).toContain('cont(a)');
  });

  it('are not nodes that may overwrite that operand where it is', () => {
    const cache = cacheOf([8]);
    const sum = ctx.add(ctx.view(cache, [8]), leaf('b'));
    expect(hazardsOf(ctx.setOutput(sum, ctx.view(cache, [8])))).toEqual([]);
    // The operand in the only slot that may be overwritten; the other is elsewhere.
    const turned = ctx.rope(ctx.view(cacheOf([8]), [8, 1, 1]), ctx.newTensor('i32', [1]), 8);
    expect(hazardsOf(ctx.setOutput(turned, ctx.view(turned.sources[0]!.root, [8, 1, 1])))).toEqual([]);
    const own = ctx.add(named(ctx.view(cache, [4]), 'low'), leaf('b', [4]));
    const shifted = ctx.setOutput(own, ctx.view(cache, [4], [], 8));
    expect(findHazards(Graph.forward(shifted)).map(({ kind }) => kind)).toEqual(['conflict']);
  });
});

describe('what is missing', () => {
  /** What would order a reading of `seen` before `write`. */
  function missing(write: Tensor, seen: Tensor): string {
    const read = named(ctx.sqr(seen), 'read');
    return findHazards(Graph.forward([read, write]))[0].missing;
  }

  it('names what is overwritten as the caller named it', () => {
    const cache = cacheOf([16]);
    const part = named(ctx.view(cache, [8]), 'part');
    expect(missing(named(ctx.cpy(leaf('k'), part), 'write'), cache)).toBe(
      'dependency(part, read) as what write overwrites',
    );
    const straight = ctx.setOutput(named(ctx.neg(leaf('k')), 'write'), part);
    expect(missing(straight, cache)).toBe('dependency(part, read) as what write overwrites');
    const again = named(ctx.relu(ctx.setName(ctx.view(cache, [8]), 'rest'), { inPlace: true }), 'write');
    expect(missing(again, cache)).toBe('dependency(rest, read) as what write overwrites');
    const sumOver = ctx.setOutput(named(ctx.add(leaf('a'), leaf('b')), 'write'), cacheOf([8]));
    expect(missing(sumOver, sumOver.destination!)).toBe('dependency(cache, read) as what write overwrites');
  });

  it('lists the earlier node first where one step meets several', () => {
    const cache = cacheOf([8]);
    const reads = ['first', 'second', 'third'].map((name) => named(ctx.relu(cache), name));
    const write = named(ctx.cpy(leaf('k'), cache), 'write');
    expect(hazardsOf(...reads, write)).toEqual(['first', 'second', 'third'].map((name) => `unordered write>${name}`));
  });
});

describe('operations of a graph file that the table does not know', () => {
  function withUnknown(kind: 'reads' | 'writes'): string[] {
    const cache = cacheOf([8]);
    const write = named(ctx.cpy(leaf('k'), cache), 'write');
    const read = named(ctx.sqr(cache), 'read');
    const document = graphToJson(Graph.forward([write, read]));
    for (const row of document.tensors) if (row.name === (kind === 'reads' ? 'read' : 'write')) row.op = 'FUTURE_OP';
    const hazards = findHazards(graphFromJson(document));
    return hazards.map(({ missing }) => missing);
  }

  it.each(['reads', 'writes'] as const)('are taken to do what they say: one %s a cache', (kind) => {
    expect(withUnknown(kind)).toEqual(['dependency(cache, write) as what read reads']);
  });

  it('may leave a part of what they are written over, and read again what they overwrite', () => {
    const cache = cacheOf([8]);
    const first = ctx.setOutput(named(ctx.mul(leaf('a'), leaf('b')), 'first'), cache);
    const second = named(ctx.relu(cache, { inPlace: true }), 'second');
    const document = graphToJson(Graph.forward([first, second, named(ctx.sqr(first), 'read')]));
    document.tensors.find(({ name }) => name === 'second')!.op = 'FUTURE_OP';
    const kinds = findHazards(graphFromJson(document)).map(({ kind, other }) => `${kind} ${other.name}`);
    expect(kinds).toContain('unordered read');

    const target = cacheOf([8]);
    const own = ctx.setOutput(named(ctx.neg(named(ctx.view(target, [8]), 'seen')), 'own'), ctx.view(target, [8]));
    expect(hazardsOf(own)).toEqual([]);
    const unknown = graphToJson(Graph.forward(own));
    Object.assign(
      unknown.tensors.find(({ name }) => name === 'own')!,
      { op: 'FUTURE_OP', inplace: false },
    );
    expect(findHazards(graphFromJson(unknown))).toMatchObject([
      { kind: 'conflict', missing: 'cont(seen) as what own reads' },
    ]);
  });

  it('are named by the storage where they read nothing of what they overwrite', () => {
    const y = named(ctx.sqr(leaf('x')), 'y');
    const document = graphToJson(
      Graph.forward([named(ctx.exp(y), 'read'), named(ctx.relu(y, { inPlace: true }), 'over')]),
    );
    const over = document.tensors.find(({ name }) => name === 'over')!;
    Object.assign(over, { op: 'FUTURE_OP', src: [-1, document.tensors.findIndex(({ name }) => name === 'x')] });
    const [{ missing }] = findHazards(graphFromJson(document));
    expect(missing).toBe('dependency(y, read) as what over overwrites');
  });
});

describe('a plan', () => {
  it('carries its hazards as warnings, in execution order', () => {
    const cache = cacheOf([8]);
    const write = named(ctx.cpy(leaf('k'), cache), 'write');
    const reads = ['first', 'second'].map((name) => named(ctx.relu(cache), name));
    const plan = planGraph(Graph.forward([write, ...reads]));
    expect(plan.hazards.map(({ other }) => other.name)).toEqual(['first', 'second']);
  });
});

describe('outputs', () => {
  const output = (name: string): Tensor => ctx.setOutput(named(ctx.sqr(leaf('x')), name));

  it('must not be overwritten by a later node, in place or by a destination', () => {
    const scaled = output('r');
    expect(hazardsOf(scaled, named(ctx.scale(scaled, 2, { inPlace: true }), 'w'))).toEqual(['conflict w>r']);
    const target = output('r');
    expect(hazardsOf(target, ctx.setOutput(named(ctx.mul(leaf('a'), leaf('b')), 'w'), target))).toEqual([
      'conflict w>r',
    ]);
    expectError('HAZARD', 'r', () => measureGraph(Graph.forward([scaled, scaled, ctx.clamp(scaled, 0, 1)])));
  });

  it('may be what a node writes over memory that the user fills', () => {
    const cache = ctx.setOutput(cacheOf([8]));
    expect(hazardsOf(ctx.cpy(leaf('k'), cache))).toEqual([]);
  });
});

describe('a result written into memory', () => {
  it('is lost to its readers once another is written over all of it', () => {
    const cache = cacheOf([8]);
    const first = ctx.setOutput(named(ctx.mul(leaf('a'), leaf('b')), 'first'), cache);
    const second = named(ctx.cpy(leaf('c'), cache), 'second');
    const read = named(ctx.relu(first), 'read');
    expect(hazardsOf(first, second, read)).toContain('conflict second>read');
    expectError('HAZARD', 'read', () => planGraph(Graph.forward([first, second, read])));
  });

  it('may still be there where another is written over a part', () => {
    const make = (): Tensor =>
      ctx.setOutput(named(ctx.mul(leaf('a', [8, 4]), leaf('b', [8, 4])), 'first'), cacheOf([8, 4]));
    const first = make();
    const rows = named(ctx.setRows(first.root, leaf('k', [8, 1]), ctx.newTensor('i32', [1])), 'rows');
    expect(hazardsOf(first, rows, named(ctx.relu(first), 'read'))).toEqual([
      'unordered rows>first',
      'unordered rows>read',
    ]);
    // An operation that changes a part of its operand writes all of its destination.
    const second = make();
    const changed = ctx.setOutput(
      named(ctx.set(leaf('p', [8, 4]), leaf('q', [8]), [32, 128, 128], 0), 'changed'),
      second.root,
    );
    expect(hazardsOf(second, changed, named(ctx.relu(second), 'read'))).toContain('conflict changed>read');
  });
});

describe('an optimiser step', () => {
  it('writes its moments too', () => {
    const [weights, first, second] = ['w', 'm', 'v'].map((name) => Context.immediate().newTensor('f32', [8], name));
    const step = named(ctx.optStepAdamw(weights, leaf('g'), first, second, leaf('s', [7])), 'step');
    expect(hazardsOf(step, named(ctx.sqr(first), 'read'))).toEqual(['unordered step>read']);
    expect(hazardsOf(named(ctx.sqr(ctx.dependency(first, step)), 'read'))).toEqual([]);
  });
});
