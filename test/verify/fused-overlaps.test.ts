/** Results that lie over what a group of nodes still reads: plans by hand, judged by geometry, replay and fused runs. */
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/graph/context.js';
import { Graph } from '../../src/graph/graph.js';
import { graphToJson } from '../../src/graph/json.js';
import { graphFromJson } from '../../src/graph/json-reader.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import type { RuntimeName } from '../../src/runtime/runtimes.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { compareExecutions } from '../../src/testing/compare-executions.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import type { PlanLike } from '../../src/verify/plan-like.js';

const ROW_BYTES = 32;

interface Case {
  readonly graph: Graph;
  readonly plan: PlanLike;
}

/** A plan that puts the storages of these names from these rows on. */
function planned(output: Tensor, rows: Readonly<Record<string, number>>): Case {
  const graph = Graph.forward(output);
  const tensors = graph.tensors.flatMap(({ name, isView, memory }, id) => {
    return isView || memory !== 'deferred' ? [] : [{ id, chunk: 0, offset: rows[name] * ROW_BYTES }];
  });
  return { graph, plan: { alignment: 32, bufferSize: 2048, chunks: [2048], tensors } };
}

/** Kinds of violations that geometry and replay find, and whether the bits differ. */
function found({ graph, plan }: Case, runtime: RuntimeName | Runtime): [string[], string[], boolean] {
  return [
    verifyPlan(graph, plan, { runtime }).map(({ kind }) => kind),
    replayPlan(graph, plan, { runtime }).map(({ kind }) => kind),
    compareExecutions(graph, plan, 1, runtime).length > 0,
  ];
}

const RIGHT = [[], [], false];
const WRONG = [['fused-overlap'], ['fused-overlap'], true];

const ctx = Context.deferred();
const weights = Context.virtual();
const input = (name: string, rows = 4): Tensor => ctx.setInput(ctx.newTensor('f32', [8, rows], name));
const named = (name: string, tensor: Tensor): Tensor => ctx.setName(tensor, name);

/** z = relu(y = norm(x) · w), with `y` in row `y` and `x` in rows 8 to 12. */
function normAt(y: number, n = 16): Case {
  const norm = named('n', ctx.rmsNorm(input('x'), 1e-5));
  const product = named('y', ctx.mul(norm, weights.newTensor('f32', [8], 'w')));
  return planned(ctx.setOutput(named('z', ctx.relu(product))), { x: 8, n, y, z: 32 });
}

describe('the result of a norm and a product', () => {
  it.each([5, 6, 7, 9, 10, 11])('must not lie over the operand of the norm from row %i on', (row) => {
    expect(found(normAt(row), 'ggml-cpu')).toEqual(WRONG);
    expect(found(normAt(row), 'none')).toEqual(RIGHT);
  });

  it('may lie beside it, exactly on it, and where the norm does, on whose bytes nothing is written', () => {
    for (const row of [4, 8, 12, 16]) expect(found(normAt(row), 'ggml-cpu'), `row ${row}`).toEqual(RIGHT);
    expect(found(normAt(8, 8), 'ggml-cpu')).toEqual(RIGHT);
    expect(found(normAt(20, 8), 'ggml-cpu')).toEqual(RIGHT);
  });

  it('is reported with names, steps and bytes', () => {
    const { graph, plan } = normAt(6);
    const id = (name: string): number => graph.tensors.findIndex((tensor) => tensor.name === name);
    const group = `ggml-cpu may compute n (${id('n')}) and y (${id('y')}) at once`;
    expect(verifyPlan(graph, plan)).toEqual([
      {
        kind: 'fused-overlap',
        ids: [id('x'), id('y')],
        steps: [1, 2],
        bytes: [256, 320],
        message: `fused-overlap: x (${id('x')}), which n (${id('n')}) reads, and y (${id('y')}) share bytes [256, 320) of chunk 0 at step 1, but ${group}`,
      },
    ]);
    expect(replayPlan(graph, plan)).toEqual([
      {
        kind: 'fused-overlap',
        ids: [id('y'), id('x')],
        step: 1,
        bytes: [256, 320],
        message: `fused-overlap: y (${id('y')}) overwrites x (${id('x')}) while n (${id('n')}) reads it, at step 1: ${group}`,
      },
    ]);
    expect(verifyPlan(graph, plan, { maxViolations: 1 })).toHaveLength(1);
  });

  it('is no second violation where one by one is wrong, too', () => {
    const x = input('x');
    const product = named('y', ctx.mul(named('n', ctx.rmsNorm(x, 1e-5)), weights.newTensor('f32', [8], 'w')));
    const sum = ctx.setOutput(named('z', ctx.add(product, x)));
    const { graph, plan } = planned(sum, { x: 8, n: 16, y: 6, z: 32 });
    expect(verifyPlan(graph, plan).map(({ kind }) => kind)).toEqual(['overlap']);
  });

  it('counts bytes that only a device asks for', () => {
    const { graph, plan } = normAt(3);
    expect(verifyPlan(graph, plan)).toEqual([]);
    const json = graphToJson(graph);
    const tensors = json.tensors.map((tensor) => (tensor.name === 'y' ? { ...tensor, allocSize: 192 } : tensor));
    const padded = graphFromJson({ ...json, tensors });
    expect(verifyPlan(padded, plan).map(({ kind, bytes }) => ({ kind, bytes }))).toEqual([
      { kind: 'fused-overlap', bytes: [256, 288] },
    ]);
  });
});

describe('on CUDA', () => {
  /** y = x + (m = w x), of which x is in rows 8 to 16. */
  const productAt = (y: number): Case => {
    const x = input('x', 8);
    const m = named('m', ctx.mulMat(weights.newTensor('f32', [8, 8], 'w'), x));
    return planned(ctx.setOutput(named('z', ctx.relu(named('y', ctx.add(x, m))))), { x: 8, m: 16, y, z: 32 });
  };

  it('the sum of a product of matrices must not even lie exactly on what the product reads', () => {
    expect(found(productAt(8), 'ggml-cuda')).toEqual(WRONG);
    expect(found(productAt(8), 'ggml-cpu')).toEqual(RIGHT);
    expect(found(productAt(16), 'ggml-cuda')).toEqual(RIGHT);
  });

  it('a chain of sums is one kernel, up to eight', () => {
    const chain = (length: number): Case => {
      let sum = input('a');
      for (let i = 1; i <= length; i++) sum = named(`s${i}`, ctx.add(sum, input(`b${i}`)));
      const places = Object.fromEntries(
        Array.from({ length }, (_, i) => [
          [`s${i + 1}`, i === length - 1 ? 2 : 60],
          [`b${i + 1}`, 8 + 4 * i],
        ]).flat(),
      ) as Record<string, number>;
      return planned(ctx.setOutput(sum), { a: 0, ...places });
    };
    // The last sum lies over `a`, two rows down; sums before it follow each other in the same bytes.
    expect(found(chain(8), 'ggml-cuda')).toEqual(WRONG);
    expect(found(chain(9), 'ggml-cuda')).toEqual(RIGHT);
    expect(found(chain(8), 'ggml-cpu')).toEqual(RIGHT);
  });
});

describe('rules of your own', () => {
  const rule = (operands: 'element' | 'never'): Runtime => ({
    name: 'own',
    fusions: [
      [
        { op: 'NEG', operands },
        { op: 'EXP', operands: 'element' },
      ],
    ],
  });

  it('say what is a group, and whether its result may lie exactly on what it reads', () => {
    const of = (y: number): Case => {
      const y1 = named('y', ctx.exp(named('n', ctx.neg(input('x')))));
      return planned(ctx.setOutput(named('z', ctx.relu(y1))), { x: 8, n: 16, y, z: 32 });
    };
    expect(found(of(8), rule('element'))).toEqual(RIGHT);
    expect(found(of(8), rule('never')).slice(0, 2)).toEqual(WRONG.slice(0, 2));
    expect(found(of(7), rule('element'))).toEqual(WRONG);
    expect(found(of(7), 'ggml-cuda')).toEqual(RIGHT);
  });
});
