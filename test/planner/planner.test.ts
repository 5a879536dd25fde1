import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context, Graph, Planner, planGraph, verifyPlan, type Tensor } from '../../src/index.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { assertPlanCorrect } from '../../src/testing/assert-plan-correct.js';
import { expectError } from '../support/expect-error.js';
import { graphFamilies } from '../support/graph-families.js';
import { runsOf } from '../support/runs.js';

function rowsGraph(rows: number): Graph {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [64, rows], 'x'));
  return Graph.forward(ctx.setOutput(ctx.add(ctx.relu(x), ctx.tanh(x))));
}

/** A graph of one input and one output, with nodes between. */
function stage(
  rows: number,
  between: (ctx: Context, x: Tensor) => Tensor,
): { graph: Graph; input: Tensor; output: Tensor } {
  const ctx = Context.deferred();
  const input = ctx.setInput(ctx.newTensor('f32', [64, rows], 'in'));
  const output = ctx.setOutput(between(ctx, input));
  return { graph: Graph.forward(output), input, output };
}

describe('Planner', () => {
  it('plans smaller graphs by the offsets of the largest, without placing them', () => {
    const planner = new Planner().reserve(rowsGraph(512));
    const size = planner.bufferSize;
    expect(size).toBe(planGraph(rowsGraph(512)).bufferSize);
    for (const rows of [512, 100, 1]) {
      const graph = rowsGraph(rows);
      const plan = planner.plan(graph);
      expect(plan.bufferSize).toBe(size);
      expect(verifyPlan(graph, plan)).toEqual([]);
    }
    expect([planner.replanCount, planner.lastReplan]).toEqual([0, null]);
  });

  it('returns the same plan for the same graph, until the graph grows or anything is placed anew', () => {
    const planner = new Planner().reserve(rowsGraph(512));
    const graph = rowsGraph(3);
    const plan = planner.plan(graph);
    expect(planner.plan(graph)).toBe(plan);
    planner.plan(rowsGraph(513));
    expect(planner.plan(graph)).not.toBe(plan);
    expect(planner.plan(graph).bufferSize).toBe(planner.bufferSize);
  });

  it('counts what it had to place, and says why', () => {
    const planner = new Planner();
    planner.plan(rowsGraph(8));
    expect([planner.replanCount, planner.lastReplan]).toEqual([1, 'Nothing is reserved.']);
    planner.plan(rowsGraph(9));
    expect([planner.replanCount, planner.lastReplan]).toEqual([2, '`x` takes 2304 bytes, but 2048 are reserved.']);
    planner.plan(rowsGraph(8));
    expect(planner.replanCount).toBe(2);
    planner.plan(stage(8, (ctx, x) => ctx.relu(x)).graph);
    expect(planner.lastReplan).toBe('The graph has 1 nodes and 1 leafs, but 3 nodes and 1 leafs are reserved.');
    planner.plan(stage(8, (ctx, x) => ctx.add(ctx.relu(x), ctx.relu(ctx.tanh(x)))).graph);
    expect(planner.replanCount).toBe(4);
  });

  it('tells structures apart that have equally many nodes', () => {
    const planner = new Planner().reserve(rowsGraph(8));
    planner.plan(stage(8, (ctx, x) => ctx.relu(ctx.tanh(ctx.neg(x)))).graph);
    expect(planner.lastReplan).toMatch(/has other operands than/);
    const ctx = Context.deferred();
    const x = ctx.newTensor('f32', [64, 8], 'x');
    planner.plan(Graph.forward(ctx.setOutput(ctx.add(ctx.relu(x), ctx.tanh(x)))));
    expect(planner.lastReplan).toBe('`x` is in other memory, or marked in another way.');
  });

  it('places anew where smaller shapes let the runtime compute more at once', () => {
    // A norm of one row and its product: one kernel only if the product has one row, too.
    const build = (rows: number): Graph => {
      const ctx = Context.deferred();
      const [x, y] = [rows, 1].map((count) => ctx.setInput(ctx.newTensor('f32', [64, count])));
      return Graph.forward(ctx.setOutput(ctx.mul(ctx.tanh(x), ctx.rmsNorm(ctx.tanh(y), 1e-5))));
    };
    const planner = new Planner().reserve(build(2));
    const graph = build(1);
    assertPlanCorrect(graph, planner.plan(graph));
    expect(planner.lastReplan).toMatch(/^The runtime computes `node_\d` at once with what comes before/);
    planner.plan(build(2));
    planner.plan(build(1));
    expect(planner.replanCount).toBe(1);
  });

  it('holds graphs of several structures, each at its largest sizes, in one arena', () => {
    const graphs = [rowsGraph(16), stage(40, (ctx, x) => ctx.relu(x)).graph, rowsGraph(3)];
    const planner = new Planner().reserve(graphs);
    expect(planner.bufferSize).toBe(Math.max(...graphs.map((graph) => planGraph(graph).bufferSize)));
    for (const graph of graphs) assertPlanCorrect(graph, planner.plan(graph));
    expect(planner.replanCount).toBe(0);
  });

  it('runs graphs one after another in the memory of the first', () => {
    const planner = new Planner().reserve(rowsGraph(16));
    const arena = planner.plan(rowsGraph(16)).allocate();
    const graph = rowsGraph(2);
    const other = planner.plan(graph).allocate(arena.memory);
    other.data(graph.leafs[0], 'f32').fill(7);
    expect(other.chunk(0).buffer).toBe(arena.chunk(0).buffer);
  });

  it('says nothing of tensors that are not in the graph', () => {
    const plan = new Planner().plan(rowsGraph(4));
    const stranger = Context.deferred().newTensor('f32', [1], 'stranger');
    expect(plan.find(stranger)).toBeUndefined();
    expectError('NOT_READABLE', /./, () => plan.locate(stranger));
    expect(new Planner().plan(plan.graph).find(plan.graph.leafs[0])).toMatchObject({ id: 0, start: 0, end: 2 });
  });

  it('is as it was after a graph that cannot be planned', () => {
    const planner = new Planner({ maxChunkSize: 4096 }).reserve(rowsGraph(4));
    const before = planner.plan(rowsGraph(4));
    expectError('OVERSIZE', /./, () => planner.plan(rowsGraph(100)));
    expectError('OVERSIZE', /./, () => planner.reserve([rowsGraph(5), rowsGraph(100)]));
    expect([planner.replanCount, planner.chunks]).toEqual([0, before.chunks]);
  });

  it('refuses unknown options, pools, and what is no graph', () => {
    expect(expectError('BAD_ARGUMENT', /./, () => new Planner({ aligment: 64 } as object)).message).toMatch(
      /`alignment`/,
    );
    expectError('BAD_ARGUMENT', /./, () => new Planner({ pools: null } as object));
    expectError('BAD_ARGUMENT', /./, () => new Planner().reserve([]));
    expectError('BAD_ARGUMENT', /./, () => new Planner().plan({} as Graph));
    expectError('BAD_ARGUMENT', /./, () => new Planner().reserve(rowsGraph(1), { givn: [] } as object));
  });

  it('plans arbitrary graphs right, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(arbitraryGraph({ maxMoves: 8 }), { minLength: 1, maxLength: 4 }), (graphs) => {
        const planner = new Planner();
        for (const graph of [...graphs, ...graphs]) assertPlanCorrect(graph, planner.plan(graph));
        expect(planner.replanCount).toBeLessThanOrEqual(graphs.length);
      }),
      { numRuns: runsOf(200) },
    );
  });

  it('plans arbitrary families right, from small to large and back', () => {
    fc.assert(
      fc.property(graphFamilies, ({ build, box }) => {
        const planner = new Planner();
        const lengths = [box.n[0], box.n[1], box.n[0]];
        for (const n of lengths)
          for (const m of [0, 1]) assertPlanCorrect(build({ n, m }), planner.plan(build({ n, m })));
      }),
      { numRuns: runsOf(200) },
    );
  });
});

describe('values that stay between graphs', () => {
  const encoder = stage(16, (ctx, x) => ctx.tanh(ctx.relu(x)));
  const decoder = stage(16, (ctx, x) => ctx.add(ctx.tanh(x), ctx.relu(ctx.neg(x))));

  it('have one place, from the graph that computes them to the one that reads them', () => {
    const planner = new Planner().reserve([encoder.graph, decoder.graph], { given: [[encoder.output, decoder.input]] });
    const [first, second] = [planner.plan(encoder.graph), planner.plan(decoder.graph)];
    expect(second.locate(decoder.input)).toEqual(first.locate(encoder.output));
    assertPlanCorrect(encoder.graph, first);
    assertPlanCorrect(decoder.graph, second);
    expect(planner.replanCount).toBe(0);
  });

  it('have places of their own in each of several graphs of one structure', () => {
    const steps = [1, 2, 3].map(() => stage(16, (ctx, x) => ctx.tanh(ctx.add(ctx.relu(x), ctx.sqr(x)))));
    const given = [0, 1].map((at) => [steps[at].output, steps[at + 1].input] as const);
    const planner = new Planner().reserve(
      steps.map(({ graph }) => graph),
      { given },
    );
    for (const [output, input] of given) {
      const [from, to] = [output, input].map((tensor) => steps.find(({ graph }) => graph.has(tensor))!.graph);
      expect(planner.plan(to).locate(input)).toEqual(planner.plan(from).locate(output));
    }
    for (const { graph } of steps) assertPlanCorrect(graph, planner.plan(graph));
  });

  it('survive a graph that runs in between, and do not without being given', () => {
    const between = stage(64, (ctx, x) => ctx.add(ctx.relu(x), ctx.tanh(x)));
    const meets = (planner: Planner): boolean => {
      const kept = planner.plan(encoder.graph).find(encoder.output)!;
      const others = planner.plan(between.graph).tensors;
      return others.some(({ offset, size }) => offset < kept.offset + kept.size && kept.offset < offset + size);
    };
    const graphs = [encoder.graph, between.graph, decoder.graph];
    expect(meets(new Planner().reserve(graphs, { given: [[encoder.output, decoder.input]] }))).toBe(false);
    expect(meets(new Planner().reserve(graphs))).toBe(true);
  });

  it('stay where they are planned when all sizes shrink, and move together when they grow', () => {
    const planner = new Planner().reserve([encoder.graph, decoder.graph], { given: [[encoder.output, decoder.input]] });
    const small = [
      stage(4, (ctx, x) => ctx.tanh(ctx.relu(x))),
      stage(4, (ctx, x) => ctx.add(ctx.tanh(x), ctx.relu(ctx.neg(x)))),
    ];
    expect(planner.plan(small[1].graph).locate(small[1].input)).toEqual(
      planner.plan(small[0].graph).locate(small[0].output),
    );
    const large = [
      stage(99, (ctx, x) => ctx.tanh(ctx.relu(x))),
      stage(99, (ctx, x) => ctx.add(ctx.tanh(x), ctx.relu(ctx.neg(x)))),
    ];
    for (const { graph } of large) planner.plan(graph);
    const [from, to] = large.map(({ graph }) => planner.plan(graph));
    expect(to.locate(large[1].input)).toEqual(from.locate(large[0].output));
  });

  it('are refused where a later graph would find them overwritten', () => {
    const third = stage(16, (ctx, x) => ctx.relu(x));
    const graphs = [encoder.graph, decoder.graph, third.graph];
    const given = [[encoder.output, decoder.input] as const, [encoder.output, third.input] as const];
    expect(expectError('BAD_OPERAND', /./, () => new Planner().reserve(graphs, { given })).message).toBe(
      '`in` is given from one graph to another, so it must be an output of its graph, as a later graph reads it, too. Mark it with setOutput.',
    );
  });

  it('are refused where the pair does not fit', () => {
    const graphs = [encoder.graph, decoder.graph];
    const reserve = (given: unknown): unknown => new Planner().reserve(graphs, { given } as object);
    expectError('BAD_OPERAND', /./, () => reserve([[encoder.input, decoder.input]]));
    expectError('BAD_OPERAND', /./, () => reserve([[encoder.output, decoder.output]]));
    expectError('BAD_OPERAND', /./, () => reserve([[decoder.output, encoder.input]]));
    const wide = stage(17, (ctx, x) => ctx.relu(x));
    expectError('BAD_OPERAND', /./, () =>
      new Planner().reserve([encoder.graph, wide.graph], { given: [[encoder.output, wide.input]] }),
    );
    expectError('BAD_ARGUMENT', /./, () => reserve([[encoder.output]]));
    expectError('BAD_ARGUMENT', /./, () => reserve('pair'));
  });
});
