/** Replay by itself: what it must find, and what it must not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/json/read.js';
import { graphToJson, type TensorJson } from '../../src/json/write.js';
import { planGraph, type Plan } from '../../src/plan/plan.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { IntervalMap, UNWRITTEN } from '../../src/verify/interval-map.js';
import { replayPlan } from '../../src/verify/replay.js';
import type { ReplayViolation } from '../../src/verify/replay-violation.js';
import { countSpans, firstCommonBytes, forEachSpan } from '../../src/verify/spans.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import type { PlanLike } from '../../src/verify/plan-like.js';
import { expectError } from '../support/expect-error.js';
import { withinUnits } from '../support/effort.js';

const ctx = Context.deferred();
const input = (name: string, ne: number[] = [8]): Tensor => ctx.setInput(ctx.newTensor('f32', ne, name));

/** The plan with some tensors moved to other offsets. */
function moved(plan: Plan, offsets: ReadonlyMap<Tensor, number>, chunks = plan.chunks): PlanLike {
  const { tensors } = plan.graph;
  const entries = plan.tensors.map((entry) => ({ ...entry, offset: offsets.get(tensors[entry.id]) ?? entry.offset }));
  return { ...plan.toJSON(), chunks, tensors: entries };
}

function kinds(violations: readonly ReplayViolation[]): string[] {
  return violations.map(({ kind }) => kind);
}

describe('IntervalMap', () => {
  it('agrees with an array of tags', () => {
    const range = fc.tuple(fc.nat(20), fc.nat(20), fc.nat(2));
    const operation = fc.array(range, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
        const map = new IntervalMap();
        const tags = new Array<number>(21).fill(UNWRITTEN);
        for (const operation of operations) {
          const ranges = operation.map(([a, b, tag]) => [Math.min(a, b), Math.max(a, b), tag] as const);
          ranges.sort((a, b) => a[0] - b[0]);
          const [from, to] = ranges[0];
          map.write(ranges.flat());
          for (const [first, end, tag] of ranges.reverse()) tags.fill(tag, first, end);
          const found: number[] = [];
          let runs = 0;
          expect([map.onlyTag(21, 30), map.onlyTag(30, Infinity)]).toEqual([UNWRITTEN, UNWRITTEN]);
          map.read(from, from, () => expect.fail('there is nothing between a byte and itself'));
          map.read(0, 21, (start, end, runTag) => {
            runs++;
            for (let byte = start; byte < end; byte++) found[byte] = runTag;
          });
          expect(found).toEqual(tags);
          expect(runs).toBe(tags.filter((each, i) => each !== tags[i - 1]).length);
          const isOne = from < to && tags.slice(from, to).every((each) => each === tags[from]);
          if (from < to) expect(map.onlyTag(from, to)).toBe(isOne ? tags[from] : null);
        }
      }),
    );
  });

  it('takes many ranges at once in time that grows with their number', async () => {
    const map = new IntervalMap();
    const rows = Array.from({ length: 400_000 }, (_, row) => row);
    // One after the other they take more than 50,000 units.
    await withinUnits(5000, () => {
      map.write(rows.flatMap((row) => [row * 16, row * 16 + 4, 1]));
      map.write(rows.flatMap((row) => [row * 16 + 8, row * 16 + 12, 2]));
    });
    const runs: number[] = [];
    map.read(0, 24, (_from, _to, tag) => runs.push(tag));
    expect(runs).toEqual([1, UNWRITTEN, 2, UNWRITTEN, 1, UNWRITTEN]);
  });
});

describe('forEachSpan', () => {
  it('covers the bytes of all elements and no others', () => {
    const dims = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(2));
    const strides = fc.tuple(fc.nat(5), fc.nat(20), fc.nat(40), fc.nat(60));
    fc.assert(
      fc.property(dims, strides, fc.nat(9), (ne, nb, offset) => {
        const type = ctx.newTensor('f16', [1]).type;
        const tensor = { type, shape: ne, strides: nb, viewOffset: offset } as unknown as Tensor;
        const expected = new Set<number>();
        for (let i3 = 0; i3 < ne[3]; i3++) {
          for (let i2 = 0; i2 < ne[2]; i2++) {
            for (let i1 = 0; i1 < ne[1]; i1++) {
              for (let i0 = 0; i0 < ne[0]; i0++) {
                const at = offset + i0 * nb[0] + i1 * nb[1] + i2 * nb[2] + i3 * nb[3];
                expected.add(at).add(at + 1);
              }
            }
          }
        }
        const found = new Set<number>();
        let last = -1;
        let spans = 0;
        forEachSpan(tensor, (from, to) => {
          spans++;
          expect(from).toBeGreaterThanOrEqual(last);
          last = from;
          for (let byte = from; byte < to; byte++) found.add(byte);
        });
        expect(countSpans(tensor)).toBe(spans);
        expect([...found].sort((a, b) => a - b)).toEqual([...expected].sort((a, b) => a - b));
      }),
    );
  });

  it('counts blocks where a type is quantised', () => {
    const spansOf = (tensor: Tensor): number[][] => {
      const spans: number[][] = [];
      forEachSpan(tensor, (from, to) => spans.push([from, to]));
      return spans;
    };
    const table = ctx.newTensor('q8_0', [96, 3]); // three blocks of 34 bytes a row
    expect(spansOf(ctx.view(table, [64, 2], [102], 34))).toEqual([
      [34, 102],
      [136, 204],
    ]);
    expect(spansOf(ctx.view(table, [32, 3], [102]))).toEqual([
      [0, 34],
      [102, 136],
      [204, 238],
    ]);
  });

  it('takes one span for a dense tensor, permuted or not, and for quantised rows', () => {
    const count = (tensor: Tensor): number => {
      let spans = 0;
      forEachSpan(tensor, () => spans++);
      return spans;
    };
    const dense = ctx.newTensor('f32', [100, 200, 300]);
    expect(count(dense)).toBe(1);
    expect(count(ctx.permute(dense, [2, 0, 1, 3]))).toBe(1);
    expect(count(ctx.newTensor('q4_0', [64, 7]))).toBe(1);
    expect(count(ctx.view(dense, [10, 200], [400]))).toBe(200);
  });
});

describe('firstCommonBytes', () => {
  it('counts from where the storages begin', () => {
    const matrix = ctx.newTensor('f32', [4, 4]);
    const columns = ctx.view(matrix, [2, 4], [16], 8);
    const row = ctx.view(matrix, [4], [], 16);
    expect(firstCommonBytes(columns, 0, row, 0)).toEqual([24, 32]);
    expect(firstCommonBytes(columns, 100, row, 96)).toEqual([112, 116]);
    expect(firstCommonBytes(row, 96, columns, 100)).toEqual([112, 116]);
    expect(firstCommonBytes(columns, 100, ctx.view(matrix, [2], [], 16), 100)).toBeNull(); // between two rows
    expect(firstCommonBytes(columns, 0, row, 48)).toBeNull(); // just behind
    expect(firstCommonBytes(row, 48, columns, 0)).toBeNull();
  });
});

describe('replayPlan', () => {
  const x = input('x');
  const a = ctx.setName(ctx.relu(x), 'a');
  const b = ctx.setName(ctx.neg(x), 'b');
  const y = ctx.setOutput(ctx.setName(ctx.mul(a, b), 'y'));
  const z = ctx.setOutput(ctx.setName(ctx.sum(y), 'z'));
  const graph = Graph.forward(z);
  const plan = planGraph(graph, { reuse: 'off' });

  it('finds nothing wrong with a right plan', () => {
    expect(replayPlan(graph, plan, { order: 'stated' })).toEqual([]);
  });

  it('names both tensors, the step and the bytes of a stale read', () => {
    const { offset } = plan.locate(a);
    const [violation] = replayPlan(graph, moved(plan, new Map([[b, offset + 16]])));
    const ids = [b, a].map((tensor) => graph.tensors.indexOf(tensor));
    expect(violation).toMatchObject({ kind: 'stale-read', ids, step: 2, bytes: [offset + 16, offset + 32] });
    expect(violation.message).toMatch(/part of a \(\d+\), are b \(\d+\) when y \(\d+\) reads them at step 2/);
  });

  it('finds an output that is gone at the end, and a storage without a place', () => {
    const { offset } = plan.locate(y);
    expect(kinds(replayPlan(graph, moved(plan, new Map([[z, offset]]))))).toEqual([
      'overwritten-operand',
      'lost-result',
    ]);
    const tensors = plan.tensors.filter(({ name }) => name !== 'a');
    expect(kinds(replayPlan(graph, { ...plan.toJSON(), tensors }))).toContain('missing');
  });

  it('lets a result lie over an operand only where the operation has read it', () => {
    const w = input('w', [4, 4]);
    const v = input('v', [4, 4]);
    const product = ctx.setOutput(ctx.mulMat(w, v));
    const products = Graph.forward(product);
    const right = planGraph(products);
    expect(replayPlan(products, right)).toEqual([]);
    const wrong = moved(right, new Map([[product, right.locate(v).offset]]));
    expect(kinds(replayPlan(products, wrong))).toEqual(['overwritten-operand']);

    const s = input('s');
    const total = ctx.setOutput(ctx.add(s, s));
    const sums = Graph.forward(total);
    const reuse = planGraph(sums, { reuse: 'full' });
    expect(reuse.locate(total)).toEqual(reuse.locate(s));
    expect(replayPlan(sums, reuse)).toEqual([]);
    const shifted = replayPlan(sums, moved(reuse, new Map([[total, 4]]), [64]));
    expect(kinds(shifted)).toEqual(['overwritten-operand', 'overwritten-operand']); // one per slot
  });

  it('finds a result that goes over another operand than the one that it is written into', () => {
    const source = ctx.setName(ctx.sqr(input('q')), 'source');
    const target = ctx.newTensor('f32', [16], 'target');
    const written = ctx.setOutput(ctx.setName(ctx.tanh(source), 'written'), ctx.view(target, [8], [], 32));
    const graph = Graph.forward(written);
    const right = planGraph(graph, { reuse: 'off' });
    expect(replayPlan(graph, right)).toEqual([]);
    const overlapping = moved(
      right,
      new Map([
        [source, 16],
        [target, 0],
      ]),
      [256],
    );
    expect(replayPlan(graph, overlapping)).toMatchObject([
      { kind: 'overwritten-operand', bytes: [32, 48], step: graph.nodes.indexOf(written) },
    ]);
  });

  it('takes bytes that a device wants behind the elements as written', () => {
    const owner = ctx.setName(ctx.sqr(input('q')), 'owner');
    const later = ctx.setName(ctx.exp(input('r')), 'later');
    const json = graphToJson(Graph.forward([owner, later].map((tensor) => ctx.setOutput(tensor))));
    json.tensors.find(({ name }) => name === 'later')!.allocSize = 64;
    const graph = graphFromJson(json);
    const right = planGraph(graph, { reuse: 'off' });
    expect(replayPlan(graph, right)).toEqual([]);
    const [first, second] = ['owner', 'later'].map((name) => graph.tensors.find((tensor) => tensor.name === name)!);
    const behind = moved(
      right,
      new Map([
        [first, 544],
        [second, 512],
      ]),
      [1024],
    );
    expect(replayPlan(graph, behind)).toMatchObject([{ kind: 'lost-result', bytes: [544, 576] }]);
    // The whole of it must be in the arena.
    expect(kinds(replayPlan(graph, moved(right, new Map([[second, 960]]), [1000])))).toContain('missing');
  });

  describe('with an operation that the table does not know', () => {
    /** Kinds of violations where the result lies over x, in geometry and in replay. */
    function over(change: Partial<TensorJson>): [string[], string[]] {
      const document = graphToJson(Graph.forward(ctx.setOutput(ctx.add(input('q'), input('r')))));
      Object.assign(document.tensors[2], { op: 'FUTURE_OP', inplace: false }, change);
      const graph = graphFromJson(document);
      const tensors = [0, 1, 2].map((id) => ({ id, chunk: 0, offset: id === 1 ? 32 : 0 }));
      const place = { alignment: 32, bufferSize: 64, chunks: [64], tensors };
      return [verifyPlan(graph, place).map(({ kind }) => kind), kinds(replayPlan(graph, place))];
    }

    it('lets it overwrite what the file says, and nothing else', () => {
      expect(over({ overwrites: [0] })).toEqual([[], []]);
      expect(over({ overwrites: [1] })).toEqual([['in-place-not-allowed'], ['overwritten-operand']]);
      expect(over({})).toEqual([['in-place-not-allowed'], ['overwritten-operand']]);
    });

    it('lets it overwrite any operand that it reads once, as ggml does, if the file says no more than that', () => {
      expect(over({ inplace: true })).toEqual([[], []]);
      expect(over({ inplace: true, src: [0, -1] })).toEqual([[], []]);
      expect(over({ inplace: true, src: [0, 0] })).toEqual([
        ['in-place-not-allowed'],
        ['overwritten-operand', 'overwritten-operand'],
      ]);
      expect(over({ inplace: true, overwrites: [1] })).toEqual([['in-place-not-allowed'], ['overwritten-operand']]);
    });

    it('takes its own word for known ones', () => {
      expect(over({ op: 'ROLL', inplace: true, src: [0] })).toEqual([
        ['in-place-not-allowed'],
        ['overwritten-operand'],
      ]);
    });

    it('orders what it reads and writes as anything else', () => {
      const cache = Context.immediate().newTensor('f32', [8], 'cache');
      const document = graphToJson(Graph.forward([ctx.cpy(input('k'), cache), ctx.setOutput(ctx.sqr(cache))]));
      for (const row of document.tensors) if (row.op === 'SQR') row.op = 'FUTURE_OP';
      const graph = graphFromJson(document);
      expect(kinds(replayPlan(graph, planGraph(graph), { order: 'stated' }))).toEqual(['unordered']);
    });
  });

  it('looks at deferred storages alone, and at chunks by their numbers', () => {
    const cache = Context.immediate().newTensor('f32', [8], 'cache');
    const graph = Graph.forward(ctx.setOutput(ctx.add(input('q'), cache)));
    const right = planGraph(graph, { reuse: 'off' }).toJSON();
    const id = graph.tensors.indexOf(cache);
    const strange = [...right.tensors, { ...right.tensors[0], id }, { ...right.tensors[0], id: 99 }];
    expect(replayPlan(graph, { ...right, tensors: strange })).toEqual([]);
    const chunk = '0' as unknown as number;
    const named = right.tensors.map((entry) => ({ ...entry, chunk }));
    expect(kinds(replayPlan(graph, { ...right, tensors: named }))).toEqual(['missing', 'missing']);
  });

  it('compares part by part where a tensor has been written by several', () => {
    const whole = ctx.newTensor('f32', [16], 'whole');
    const halves = [0, 32].map((at) => ctx.setOutput(ctx.tanh(input('part')), ctx.view(whole, [8], [], at)));
    const other = ctx.setName(ctx.sqr(input('r')), 'other');
    const seen = ctx.dependency(ctx.dependency(whole, halves[0]), halves[1]);
    const result = ctx.setOutput(ctx.relu(ctx.dependency(seen, other)));
    const graph = Graph.forward([...halves, other, result]);
    const right = planGraph(graph, { reuse: 'off' });
    expect(replayPlan(graph, right)).toEqual([]);
    const { offset } = right.locate(whole);
    const step = graph.nodes.indexOf(result);
    const wrong = replayPlan(graph, moved(right, new Map([[other, offset + 32]])));
    expect(wrong.filter((violation) => violation.step === step)).toMatchObject([
      { kind: 'stale-read', bytes: [offset + 32, offset + 64] },
    ]);
  });

  it('lets a result go over the very bytes of a view, or of an operand of the storage that it is written into', () => {
    const y = ctx.setName(ctx.sqr(input('q', [16])), 'y');
    const upper = ctx.setName(ctx.relu(ctx.view(y, [8], [], 32)), 'upper');
    const graph = Graph.forward(ctx.setOutput(upper));
    const right = planGraph(graph, { reuse: 'off' });
    const { offset } = right.locate(y);
    const at = (shift: number): PlanLike => moved(right, new Map([[upper, offset + shift]]), [4096]);
    const verdict = (plan: PlanLike): number[] => [
      replayPlan(graph, plan).length,
      verifyPlan(graph, { ...plan, bufferSize: 4096, lowerBound: 0, optimal: false }).length,
    ];
    expect(verdict(at(32))).toEqual([0, 0]);
    expect(verdict(at(0))).toEqual([0, 1]); // bytes that nobody reads any more, but of a storage that is read
    expect(verdict(at(64))[0]).toBe(0); // behind it
    expect(verdict(at(16))).toEqual([1, 2].map(() => expect.any(Number) as number));
    expect(verdict(at(16)).every((count) => count > 0)).toBe(true);

    const target = ctx.newTensor('f32', [16], 'target');
    const source = ctx.setName(ctx.sqr(input('r')), 'source');
    const written = ctx.setOutput(ctx.neg(source), ctx.view(target, [8], [], 32));
    const into = Graph.forward(written);
    const apart = planGraph(into, { reuse: 'off' });
    const together = (shift: number): PlanLike =>
      moved(
        apart,
        new Map([
          [target, 1024],
          [source, 1024 + shift],
        ]),
        [4096],
      );
    expect(replayPlan(into, together(32))).toEqual([]);
    expect(kinds(replayPlan(into, together(48)))).toEqual(['overwritten-operand']);
    const chunks = together(48).tensors.map((entry) => ({
      ...entry,
      chunk: entry.id === into.tensors.indexOf(source) ? 1 : 0,
    }));
    expect(replayPlan(into, { ...together(48), chunks: [4096, 4096], tensors: chunks })).toEqual([]);
  });

  it('leaves it to the graph what is overwritten within a storage', () => {
    const y = ctx.setName(ctx.sqr(input('q', [16])), 'y');
    const lower = ctx.view(y, [12]);
    const shifted = ctx.setOutput(ctx.neg(lower), ctx.view(y, [12], [], 16));
    const graph = Graph.forward(shifted);
    expect(replayPlan(graph, planGraph(graph, { allocator: 'ggml' }))).toEqual([]);
  });

  it('knows what is there before the first step: leafs, and inputs that a node computes', () => {
    const [p, q] = ['p', 'q'].map((name) => ctx.newTensor('f32', [8], name));
    const early = ctx.setInput(ctx.setName(ctx.exp(p), 'early'));
    const graph = Graph.forward(ctx.setOutput(ctx.add(early, q)));
    const right = planGraph(graph, { reuse: 'off' });
    const at = (tensor: Tensor, over: Tensor): PlanLike => moved(right, new Map([[tensor, right.locate(over).offset]]));
    expect(kinds(replayPlan(graph, at(q, p)))).toEqual(['stale-read']);
    expect(kinds(replayPlan(graph, at(early, p)))).toEqual(['stale-read']);
    expect(kinds(replayPlan(graph, at(early, q)))).toEqual(['stale-read']);
  });

  it('takes a leaf for one, whatever a graph file calls its operation', () => {
    const [a, b] = ['a', 'b'].map((name) => ctx.newTensor('f32', [8], name));
    const document = graphToJson(Graph.forward(ctx.setOutput(ctx.mulMat(a, b))));
    for (const id of document.leafs) document.tensors[id].op = 'FROM_ELSEWHERE';
    const graph = graphFromJson(document);
    const right = planGraph(graph);
    const [p, q] = graph.leafs;
    expect(replayPlan(graph, right)).toEqual([]);
    const wrong = moved(right, new Map([[q, right.locate(p).offset]]));
    expect(kinds(replayPlan(graph, wrong))).toEqual(['stale-read']);
  });

  it('keeps a cast that nobody but itself reads', () => {
    const half = ctx.setName(ctx.cast(input('q'), 'f16'), 'half');
    const later = ctx.setName(ctx.exp(input('r')), 'later');
    const graph = Graph.forward([half, later]);
    const right = planGraph(graph, { reuse: 'off' });
    const wrong = moved(right, new Map([[later, right.locate(half).offset]]));
    expect(kinds(replayPlan(graph, wrong))).toEqual(['lost-result']);
    expect(verifyPlan(graph, wrong).map(({ kind }) => kind)).toEqual(['output-overwritten']);
  });

  it('lets no result lie over an operand whose elements are elsewhere', () => {
    const square = ctx.setName(ctx.sqr(input('q', [4, 4])), 'square');
    const turned = ctx.setOutput(ctx.sqr(ctx.transpose(square)));
    const graph = Graph.forward(turned);
    const right = planGraph(graph, { reuse: 'off' });
    const wrong = moved(right, new Map([[turned, right.locate(square).offset]]));
    expect(kinds(replayPlan(graph, wrong))).toEqual(['overwritten-operand']);
    expect(verifyPlan(graph, wrong).map(({ kind }) => kind)).toEqual(['in-place-not-allowed']);
  });

  it('refuses to follow more separate runs of bytes than it can', () => {
    const apart = (rows: number): Tensor => ctx.view(input('wide', [2, rows]), [1, rows], [8]);
    const replay = (...results: Tensor[]): unknown => {
      const graph = Graph.forward(results.map((result) => ctx.setOutput(result)));
      return replayPlan(graph, planGraph(graph));
    };
    const written = expectError('TOO_MANY_SPANS', 'copy', () => {
      const rows = 2 ** 22 + 1;
      return replay(ctx.setName(ctx.cpy(input('rows', [1, rows]), apart(rows)), 'copy'));
    });
    expect(written.value).toBeGreaterThan(2 ** 22);
    const rows = apart(2 ** 20);
    const readers = Array.from({ length: 130 }, () => ctx.sqr(rows));
    expect(expectError('TOO_MANY_SPANS', 'node_128', () => replay(...readers)).value).toBeGreaterThan(2 ** 27);
    expect(replay(...readers.slice(0, 2))).toEqual([]);
  });

  it('asks for no place of what is empty', () => {
    const empty = ctx.setName(ctx.sqr(ctx.newTensor('f32', [0, 4])), 'empty');
    const graph = Graph.forward([ctx.setOutput(empty), ctx.setOutput(ctx.relu(input('q')))]);
    const right = planGraph(graph).toJSON();
    const tensors = right.tensors.filter(({ size }) => size > 0);
    expect(tensors.length).toBe(right.tensors.length - 2);
    expect([replayPlan(graph, { ...right, tensors }), verifyPlan(graph, { ...right, tensors })]).toEqual([[], []]);
  });

  it('finds a source that runs later', () => {
    const nodes = [graph.nodes[2], graph.nodes[0], graph.nodes[1], graph.nodes[3]];
    const reordered = new Graph({ leafs: graph.leafs, nodes, tensors: graph.tensors });
    expect(kinds(replayPlan(reordered, plan))).toContain('not-computed');
  });

  it('looks at the very elements of views', () => {
    // left and right interleave in one storage; a result over the columns that nobody reads any more is right.
    const both = ctx.setName(ctx.relu(input('both', [4, 8])), 'both');
    const left = ctx.view(both, [2, 8], [16]);
    const first = ctx.setName(ctx.cont(left), 'first');
    const second = ctx.setName(ctx.cont(ctx.view(both, [2, 8], [16], 8)), 'second');
    const interleaved = Graph.forward([ctx.setOutput(first), ctx.setOutput(second)]);
    const apart = planGraph(interleaved, { reuse: 'off' });
    const { offset } = apart.locate(both);
    expect(replayPlan(interleaved, apart)).toEqual([]);
    const [violation] = replayPlan(interleaved, moved(apart, new Map([[first, offset + 64]])));
    expect(violation).toMatchObject({ kind: 'overwritten-operand', bytes: [offset + 64, offset + 72] });
  });

  describe('with caches', () => {
    const caches = Context.immediate();

    function cached(ordered: boolean): Graph {
      const cache = caches.newTensor('f32', [4, 4], 'cache');
      const slot = ctx.view(cache, [4], [], 16);
      const stored = ctx.setOutput(ctx.neg(input('k', [4])), slot);
      const whole = ordered ? ctx.dependency(cache, stored) : cache;
      const result = ctx.setOutput(ctx.relu(whole));
      return Graph.forward(ordered ? [result] : [stored, result]);
    }

    it('accepts what a dependency orders', () => {
      const ordered = cached(true);
      expect(replayPlan(ordered, planGraph(ordered), { order: 'stated' })).toEqual([]);
    });

    it('finds what only the order of the program orders, if asked', () => {
      const unordered = cached(false);
      const right = planGraph(unordered);
      expect(replayPlan(unordered, right)).toEqual([]);
      const [violation] = replayPlan(unordered, right, { order: 'stated' });
      expect(violation).toMatchObject({ kind: 'unordered', bytes: [16, 32] });
    });

    it('finds a write that comes after a reading by luck', () => {
      const cache = caches.newTensor('f32', [4], 'cache');
      const read = ctx.setOutput(ctx.relu(cache));
      const graph = Graph.forward([read, ctx.cpy(input('k', [4]), cache)]);
      expect(kinds(replayPlan(graph, planGraph(graph), { order: 'stated' }))).toEqual(['unordered']);
      const sorted = Graph.forward([ctx.cpy(input('k', [4]), ctx.dependency(cache, read))]);
      expect(replayPlan(sorted, planGraph(sorted), { order: 'stated' })).toEqual([]);
    });

    it('knows what an optimiser step writes besides its result', () => {
      const [weights, first, second] = ['w', 'm', 'v'].map((name) => caches.newTensor('f32', [8], name));
      const step = ctx.optStepAdamw(weights, input('g'), first, second, input('s', [7]));
      const unordered = Graph.forward([step, ctx.setOutput(ctx.sqr(first))]);
      const [violation, ...others] = replayPlan(unordered, planGraph(unordered), { order: 'stated' });
      expect([violation.kind, others]).toEqual(['unordered', []]);
      const ordered = Graph.forward(ctx.setOutput(ctx.sqr(ctx.dependency(first, step))));
      expect(replayPlan(ordered, planGraph(ordered), { order: 'stated' })).toEqual([]);
    });

    it('compares with the last writer and with all who have read since', () => {
      const cache = caches.newTensor('f32', [4, 4], 'cache');
      const row = (of: Tensor, index: number): Tensor => ctx.view(of, [4], [], 16 * index);
      const write = ctx.cpy(input('k', [4]), row(cache, 1));
      const seen = ctx.dependency(cache, write);
      const reads = [ctx.sqr(seen), ctx.exp(seen)];
      const waits = (...ids: number[]): Tensor => ids.reduce((before, id) => ctx.dependency(before, reads[id]), cache);
      const unorderedAfter = (...ids: number[]): number => {
        const graph = Graph.forward([...reads, ctx.cpy(input('l', [4]), row(waits(...ids), 1))]);
        return replayPlan(graph, planGraph(graph), { order: 'stated' }).length;
      };
      expect([unorderedAfter(0, 1), unorderedAfter(0), unorderedAfter(1)]).toEqual([0, 1, 1]);
      expect(unorderedAfter()).toBe(3); // both readings, and the write before them
    });

    it('names the first bytes that two nodes both touch', () => {
      const cache = caches.newTensor('f32', [16], 'cache');
      const write = ctx.setName(ctx.cpy(input('k', [16]), cache), 'write');
      const read = ctx.sqr(ctx.view(ctx.dependency(cache, write), [8]));
      const again = ctx.cpy(input('l', [16]), cache);
      const graph = Graph.forward([read, again]);
      const found = replayPlan(graph, planGraph(graph), { order: 'stated' });
      const ids = [write, read].map((tensor) => graph.tensors.indexOf(tensor));
      expect(found.map((violation) => [violation.ids[0], violation.bytes])).toEqual(ids.map((id) => [id, [0, 32]]));
    });

    it('does not mind writes to other bytes', () => {
      const cache = caches.newTensor('f32', [4, 4], 'cache');
      const rows = [0, 1, 2].map((row) => ctx.cpy(input('k', [4]), ctx.view(cache, [4], [], 16 * row)));
      const columns = ctx.setOutput(ctx.cont(ctx.view(cache, [4, 1], [16], 48)));
      const graph = Graph.forward([...rows, columns]);
      expect(replayPlan(graph, planGraph(graph), { order: 'stated' })).toEqual([]);
    });
  });
});
