/**
 * What is asked of `gradients`, `trainingGraphs` and `adamwSettings`, and what they say to what they cannot do.
 */
import { describe, expect, it } from 'vitest';
import {
  adamwSettings,
  findGradientRule,
  gradients,
  trainingBuffers,
  trainingGraphs,
} from '../../src/autodiff/index.js';
import { Context, Graph, planGraph, type Tensor } from '../../src/index.js';
import { executeGraph, Memory } from '../../src/exec/index.js';
import { expectError } from '../support/expect-error.js';

const bad = (value: unknown): never => value as never;

function network(): { ctx: Context; w: Tensor; x: Tensor; y: Tensor } {
  const ctx = Context.deferred();
  const w = Context.virtual().newTensor('f32', [4, 3], 'w');
  const x = ctx.setInput(ctx.newTensor('f32', [4, 2], 'x'));
  return { ctx, w, x, y: ctx.mulMat(w, x) };
}

describe('gradients', () => {
  it('leaves the graph as it is, and names what it adds as ggml does', () => {
    const { ctx, w, y } = network();
    const loss = ctx.sum(y);
    const forward = Graph.forward(loss);
    const { graph, of } = gradients(forward, loss, [w]);
    expect(forward.nodes).toHaveLength(2);
    expect(graph.nodes.slice(0, 2)).toEqual(forward.nodes);
    expect(graph.nodes.slice(2).map(({ name, op }) => [name, op])).toEqual([
      ['grad for node_0', 'REPEAT'],
      ['grad for w', 'OUT_PROD'],
    ]);
    expect(of.get(w)?.name).toBe('grad for w');
  });

  it('adds up what comes on several ways, and finds those of nodes between', () => {
    const { ctx, w, y } = network();
    const squares = ctx.sqr(y);
    const loss = ctx.sum(ctx.add(squares, ctx.mul(y, squares)));
    const { of } = gradients(Graph.forward(loss), loss, [w, y]);
    expect(of.get(y)?.op).toBe('ADD');
    expect(of.get(squares)?.op).toBe('ADD');
    expect(of.get(w)?.op).toBe('OUT_PROD');
  });

  it('has none of a tensor that the loss does not depend on, or only in jumps', () => {
    const { ctx, w, x, y } = network();
    const other = Context.virtual().newTensor('f32', [3], 'other');
    const loss = ctx.sum(ctx.add(y, ctx.floor(ctx.sqr(other))));
    const { of } = gradients(Graph.forward(loss), loss, [w, other]);
    expect([of.has(w), of.has(other), of.has(x)]).toEqual([true, false, false]);
    for (const name of ['sgn', 'step', 'floor', 'ceil', 'round', 'trunc'] as const) {
      const jump = ctx.sum(ctx[name](other));
      expect(gradients(Graph.forward(jump), jump, [other]).of.has(other), name).toBe(false);
    }
  });

  it('adds to accumulators in place, run after run', () => {
    const { ctx, w, x, y } = network();
    const loss = ctx.sum(ctx.sqr(y));
    const sum = Context.immediate().newTensor('f32', [4, 3], 'sum');
    const { graph, of } = gradients(Graph.forward(loss), loss, [w], { accumulators: new Map([[w, sum]]) });
    expect(of.get(w)?.root).toBe(sum);
    const memory = Memory.planned(graph, planGraph(graph));
    memory.write(w, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const sums = [1, 2].map(() => {
      memory.write(x, [1, 0, 0, 0, 0, 1, 0, 0]);
      executeGraph(graph, memory);
      return memory.read(sum);
    });
    expect(sums[0]).toEqual([2, 4, 0, 0, 10, 12, 0, 0, 18, 20, 0, 0]);
    expect(sums[1]).toEqual(sums[0].map((value) => 2 * value));
  });

  it('says where a gradient ends', () => {
    const { ctx, w, x, y } = network();
    const of = (result: Tensor, ...wrt: Tensor[]): void => {
      const loss = ctx.sum(result);
      gradients(Graph.forward(loss), loss, wrt);
    };
    const solved = ctx.setName(ctx.solveTri(ctx.mulMat(w, w), ctx.cont(ctx.transpose(y))), 'solved');
    expect(findGradientRule(solved.operation!)).toBeUndefined();
    expectError('NO_GRADIENT', 'solved', () => of(solved, w));
    const inPlace = ctx.setName(ctx.relu(y, { inPlace: true }), 'over y');
    expectError('NO_GRADIENT', 'over y', () => of(inPlace, w));
    const base = Context.virtual().newTensor('q8_0', [32, 4], 'base');
    const wide = ctx.newTensor('f32', [32, 2], 'wide');
    expectError('NO_GRADIENT', 'product', () => of(ctx.setName(ctx.mulMat(base, wide), 'product'), base));
    of(ctx.mulMat(base, wide), wide); // an adapter beside a quantised weight
    const mask = ctx.newTensor('f32', [4, 2], 'mask');
    expectError('NO_GRADIENT', 'shares', () => of(ctx.setName(ctx.softMax(x, { mask }), 'shares'), mask));
    const labels = ctx.newTensor('f32', [3, 2], 'labels');
    const loss = ctx.setName(ctx.crossEntropyLoss(y, labels), 'loss');
    expectError('NO_GRADIENT', 'loss', () => gradients(Graph.forward(loss), loss, [labels]));
    const cache = ctx.newTensor('f32', [4, 2], 'cache');
    const rows = ctx.setName(ctx.setRows(cache, x, ctx.newTensor('i32', [2])), 'rows');
    expectError('NO_GRADIENT', 'rows', () => of(rows, cache));
    const turned = ctx.setName(ctx.view(ctx.transpose(w), [3, 2]), 'part');
    expectError('NO_GRADIENT', 'part', () => of(turned, w));
  });

  it('takes tensors of the graph, and shapes that agree', () => {
    const { ctx, w, x, y } = network();
    const loss = ctx.sum(y);
    const graph = Graph.forward(loss);
    expectError('DANGLING_TENSOR', 'other', () => gradients(graph, loss, [ctx.newTensor('f32', [1], 'other')]));
    expectError('DANGLING_TENSOR', 'SUM', () => gradients(graph, ctx.sum(x), [w]));
    expectError('BAD_ARGUMENT', 'wrt', () => gradients(graph, loss, []));
    expectError('BAD_ARGUMENT', 'wrt', () => gradients(graph, loss, bad(w)));
    expectError('BAD_ARGUMENT', 'context', () => gradients(graph, loss, [w], { context: bad('deferred') }));
    expectError('BAD_ARGUMENT', 'accumulators', () => gradients(graph, loss, [w], { accumulators: bad([w]) }));
    expectError('BAD_ARGUMENT', 'shape of the accumulator of w', () =>
      gradients(graph, loss, [w], { accumulators: new Map([[w, x]]) }),
    );
  });
});

describe('trainingGraphs', () => {
  it('has the losses and the optimisers of ggml', () => {
    for (const loss of ['mean', 'sum', 'mean-squared-error', 'cross-entropy'] as const) {
      for (const optimizer of ['adamw', 'sgd'] as const) {
        const { y, w } = network();
        const training = trainingGraphs(y, { parameters: [w], loss, optimizer, period: 2 });
        expect(training.loss.name).toMatch(/^loss_/);
        expect(training.labels === null).toBe(loss === 'mean' || loss === 'sum');
        expect(training.predictions === null).toBe(loss !== 'cross-entropy');
        expect(training.step.nodes.at(-1)?.name).toBe(`${optimizer} step for w`);
        expect(training.states[0].moments).toHaveLength(optimizer === 'adamw' ? 2 : 0);
        expect(training.microSteps).toEqual([training.gradient, training.step]);
        const { compute, parameters } = trainingBuffers(training);
        expect(compute).toHaveLength(2);
        expect(parameters.bufferSize).toBe(64);
      }
    }
  });

  it('keeps what outlives a run where it is told to', () => {
    const { y, w } = network();
    const lasting = Context.immediate();
    const training = trainingGraphs(y, { parameters: [w], lasting, graphs: 'dynamic' });
    expect(training.lasting.every(({ memory }) => memory === 'immediate')).toBe(true);
    expect(training.labels?.memory).toBe('deferred');
    expect(training.lasting.map(({ name }) => name)).toContain('AdamW m for w');
  });

  it('takes what it can train', () => {
    const { ctx, w, x, y } = network();
    const graphs = (options: object): unknown => trainingGraphs(y, { parameters: [w], ...options });
    expectError('BAD_ARGUMENT', 'parameters', () => graphs({ parameters: [] }));
    expectError('BAD_ARGUMENT', 'parameter x', () => graphs({ parameters: [x] }));
    const other = Context.virtual().newTensor('f32', [2], 'other');
    expectError('DANGLING_TENSOR', 'other', () => graphs({ parameters: [w, other] }));
    expectError('BAD_ARGUMENT', 'loss', () => graphs({ loss: 'hinge' }));
    expectError('BAD_ARGUMENT', 'optimizer', () => graphs({ optimizer: 'lion' }));
    expectError('BAD_ARGUMENT', 'period', () => graphs({ period: 0 }));
    expectError('BAD_ARGUMENT', 'graphs', () => graphs({ graphs: 'both' }));
    expectError('BAD_ARGUMENT', 'lasting', () => graphs({ lasting: ctx }));
    expectError('BAD_ARGUMENT', 'context', () => graphs({ context: Context.virtual() }));
  });
});

describe('adamwSettings', () => {
  it('enlarges the moments of the first steps', () => {
    expect(adamwSettings(1)).toEqual([0.001, 0.9, 0.999, 1e-8, 0, expect.closeTo(10, 9), expect.closeTo(1000, 6)]);
    expect(adamwSettings(1e6, { learningRate: 1, weightDecay: 0.1 }).slice(4)).toEqual([0.1, 1, 1]);
  });

  it('takes settings that AdamW can use', () => {
    expectError('BAD_ARGUMENT', 'iteration', () => adamwSettings(0));
    expectError('BAD_ARGUMENT', 'beta1', () => adamwSettings(1, { beta1: 1 }));
    expectError('BAD_ARGUMENT', 'beta2', () => adamwSettings(1, { beta2: -1 }));
    expectError('BAD_ARGUMENT', 'learningRate', () => adamwSettings(1, { learningRate: 0 }));
    expectError('BAD_ARGUMENT', 'epsilon', () => adamwSettings(1, { epsilon: bad('small') }));
    expectError('BAD_ARGUMENT', 'weightDecay', () => adamwSettings(1, { weightDecay: 2 }));
  });
});
