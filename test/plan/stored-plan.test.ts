/** Plans from files: an arena as of the plan that was written, and none for another graph. */
import { describe, expect, it } from 'vitest';
import { Context, Graph, planFromJson, planGraph, type PlanJson, type Tensor } from '../../src/index.js';
import { expectError } from '../support/expect-error.js';

function network(rows = 4): { graph: Graph; x: Tensor; hidden: Tensor; y: Tensor } {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [8, rows], 'x'));
  const hidden = ctx.setName(ctx.mulMat(x, x), 'hidden');
  const y = ctx.setOutput(ctx.setName(ctx.sumRows(ctx.mulMat(hidden, hidden)), 'y'));
  return { graph: Graph.forward(y), x, hidden, y };
}

const { graph, x, hidden, y } = network();
const plan = planGraph(graph, { reuse: 'off' });
const written = JSON.parse(JSON.stringify(plan)) as PlanJson;
const bad = (value: unknown): never => value as never;

describe('a plan from a file', () => {
  const read = planFromJson(graph, written);

  it('has the places and the memory of the plan that was written', () => {
    for (const tensor of graph.tensors) expect(read.locate(tensor)).toEqual(plan.locate(tensor));
    expect([read.chunks, read.alignment, read.bufferSize]).toEqual([plan.chunks, plan.alignment, plan.bufferSize]);
    expect(read.tensors).toEqual(plan.tensors);
    const arena = read.allocate();
    arena.data(x, 'f32').fill(3);
    expect(new Float32Array(arena.chunk(0).buffer, read.locate(x).offset, 32)).toEqual(new Float32Array(32).fill(3));
    expect(arena.result(y, 'f32')).toHaveLength(4);
    expectError('NOT_READABLE', 'hidden', () => arena.result(hidden));
  });

  it('is refused for another graph, and where two tensors would share bytes', () => {
    expectError('BAD_ARGUMENT', 'plan', () => planFromJson(network(9).graph, written));
    const tensors = written.tensors.map((entry) => ({ ...entry, offset: 0 }));
    const error = expectError('BAD_ARGUMENT', 'plan', () => planFromJson(graph, { ...written, tensors }));
    expect(error.message).toContain('The plan is not right for this graph: ');
  });

  it('is refused without what an arena needs', () => {
    const tensors = written.tensors.map(({ id, chunk, offset }) => ({ id, chunk, offset }));
    expectError('BAD_ARGUMENT', 'plan.tensors[0]', () => planFromJson(graph, bad({ ...written, tensors })));
    for (const value of [null, {}, 'x', []]) expectError('BAD_ARGUMENT', /plan/, () => planFromJson(graph, bad(value)));
  });
});
