/**
 * `import` and `require` load two copies of the library, as does a package manager that installs it twice: a tensor of the
 * other copy is called that, wherever it is handed in.
 */
import { describe, expect, it, vi } from 'vitest';
import { Context, Graph, planGraph, type PlannerError } from '../src/index.js';
import { expectError } from './support/expect-error.js';

vi.resetModules();
const other = await import('../src/index.js');

const ctx = Context.deferred();
const x = ctx.setInput(ctx.newTensor('f32', [4, 4], 'x'));
const foreign = other.Context.deferred().newTensor('f32', [4, 4], 'foreign');
const graph = Graph.forward(ctx.setOutput(ctx.sqr(x)));
const plan = planGraph(graph);

function expectForeign({ message, remedy }: PlannerError): void {
  expect(message).toContain('a tensor of another copy of the library');
  expect(remedy).toMatch(/^Load the library by import alone, or by require alone/);
}

describe('a tensor of another copy of the library', () => {
  it('is another class', () => {
    expect(other.Context).not.toBe(Context);
  });

  it.each<readonly [culprit: string, call: () => unknown]>([
    ['ADD: a', () => ctx.add(foreign, x)],
    ['ADD: b', () => ctx.add(x, foreign)],
    ['MUL_MAT: b', () => ctx.mulMat(x, foreign)],
    ['RELU: a', () => ctx.relu(foreign)],
    ['RESHAPE: a', () => ctx.reshape(foreign, [16])],
    ['SOFT_MAX: mask', () => ctx.softMax(x, { mask: foreign })],
    ['CUSTOM: operand 0', () => ctx.custom([foreign], { type: 'f32', ne: [4] })],
    ['setInput: tensor', () => ctx.setInput(foreign)],
    ['setOutput: tensor', () => ctx.setOutput(foreign)],
    ['setOutput: tensor', () => ctx.setOutput(ctx.sqr(x), foreign)],
    ['write: tensor', () => ctx.write(foreign, [1])],
  ])('is no operand: %s', (culprit, call) => {
    expectForeign(expectError('BAD_OPERAND', culprit, call));
  });

  it.each<readonly [where: string, call: () => unknown]>([
    ['Graph.forward', () => Graph.forward(foreign)],
    ['graph.has', () => graph.has(foreign)],
    ['plan.find', () => plan.find(foreign)],
    ['plan.locate', () => plan.locate(foreign)],
    ['arena.data', () => plan.allocate().data(foreign)],
    ['ctx.data', () => ctx.data(foreign)],
  ])('is not taken by %s', (_, call) => {
    expectForeign(expectError('BAD_ARGUMENT', 'tensor', call));
  });
});
