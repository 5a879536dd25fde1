/** The core plans and checks graphs of any rank: ggml's four dimensions are a matter of its dialect. */
import { describe, expect, it } from 'vitest';
import { Graph } from '../../src/graph/graph.js';
import { findHazards } from '../../src/liveness/hazards.js';
import { planGraph } from '../../src/plan/plan.js';
import { ELEMENT_TYPES } from '../../src/tensor/element-type.js';
import { byteLength, contiguousStrides, elementCount, isContiguous, sameLayout } from '../../src/tensor/layout.js';
import type { Operation } from '../../src/tensor/operation.js';
import { Origin, Tensor } from '../../src/tensor/tensor.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';

const { f32 } = ELEMENT_TYPES;

/** An operation of a dialect that is not ggml's. */
const ERF: Operation = {
  name: 'onnx.Erf',
  family: 'element-wise',
  isKnown: true,
  operands: ['x'],
  requiredCount: 1,
  isView: false,
  isPure: true,
  reusesAny: false,
  overwrites: [0],
  updates: [],
  writesPart: false,
  namesItself: [],
  cut: null,
  termsOf: null,
};

function tensorOf(origin: Origin, shape: readonly number[], operand?: Tensor): Tensor {
  return new Tensor({
    origin,
    type: f32,
    shape,
    strides: contiguousStrides(f32, shape),
    memory: 'deferred',
    ...(operand !== undefined && { operation: ERF, sources: [operand] }),
  });
}

describe('graphs of any rank', () => {
  it.each([[[]], [[7]], [[3, 5]], [[2, 3, 4, 5, 6]], [[2, 2, 2, 2, 2, 2, 2]], [[2, 0, 3, 1, 5]]])('%j', (shape) => {
    const origin = new Origin('onnx');
    const x = tensorOf(origin, shape);
    origin.markInput(x);
    const y = tensorOf(origin, shape, x);
    const z = tensorOf(origin, shape, y);
    const bytes = 4 * shape.reduce((product, length) => product * length, 1);
    expect([x.byteLength, elementCount(x), isContiguous(x)]).toEqual([bytes, bytes / 4, true]);
    const graph = Graph.forward(z);
    for (const reuse of ['off', 'full'] as const) {
      const plan = planGraph(graph, { reuse, alignment: 4 });
      expect(plan.bufferSize).toBe(reuse === 'off' ? 2 * bytes : bytes);
      expect(verifyPlan(graph, plan)).toEqual([]);
      expect(replayPlan(graph, plan)).toEqual([]);
    }
    expect(findHazards(graph)).toEqual([]);
  });

  it('tells layouts of different rank apart', () => {
    const flat = { type: f32, shape: [6], strides: [4] };
    const square = { type: f32, shape: [6, 1], strides: [4, 24] };
    expect(sameLayout(flat, square)).toBe(false);
    expect([byteLength(flat), byteLength(square)]).toEqual([24, 24]);
  });
});
