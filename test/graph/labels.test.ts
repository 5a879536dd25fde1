/** Messages name tensors that have no name. */
import { expect, it } from 'vitest';
import { Context, findHazards, Graph, planGraph, replayPlan } from '../../src/index.js';
import { expectError } from '../support/expect-error.js';

const ctx = Context.deferred();

it('a view without a name of its own is called after what it looks into', () => {
  const x = ctx.newTensor('f32', [8, 8]);
  const part = ctx.view(x, [8], [], 128);
  const deeper = ctx.reshape(ctx.view(part, [4], [], 16), [2, 2]);
  expect([x.label, part.label, deeper.label]).toEqual([
    'unnamed leaf',
    'view of unnamed leaf at byte 128',
    'view of unnamed leaf at byte 144',
  ]);
  ctx.setName(x, 'x');
  expect([part.label, deeper.label]).toEqual(['view of x at byte 128', 'view of x at byte 144']);
  expect(ctx.view(x, [8], [], 128).label).toBe('x (view)');
  expect(ctx.cont(part).label).toBe('CONT');
});

it('errors, hazards and violations say so', () => {
  const x = ctx.setInput(ctx.newTensor('f32', [8, 8]));
  const part = ctx.view(x, [8], [], 128);
  expectError('BAD_VIEW', 'VIEW of view of unnamed leaf at byte 128', () => ctx.view(part, [64]));
  const written = ctx.cpy(ctx.newTensor('f32', [8], 'source'), part);
  const graph = Graph.forward([ctx.setOutput(ctx.relu(x)), ctx.setOutput(ctx.sqr(part)), written]);
  const [hazard] = findHazards(graph);
  expect(hazard.missing).toContain('view of leaf_0 at byte 128');
  const late = Graph.forward(ctx.setOutput(ctx.add(ctx.sqr(part), ctx.relu(part))));
  const plan = planGraph(late, { reuse: 'off' });
  const tensors = plan.tensors.map((entry) => ({ ...entry, name: undefined, offset: entry.id === 0 ? 0 : 128 }));
  const messages = replayPlan(late, { ...plan.toJSON(), tensors }).map(({ message }) => message);
  expect(messages.join('\n')).toContain('view of leaf_0 at byte 128');
  expect(messages.join('\n')).not.toMatch(/: {2}\(/);
  const arena = plan.allocate();
  expectError('NOT_READABLE', 'view of leaf_0 at byte 128', () => arena.result(part));
});
