/** Damaged files: whatever is in them, one error that says so, in bounded time and memory. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { measureGraph, PlannerError } from '../../src/index.js';
import { graphFromOnnx, readOnnx } from '../../src/onnx/index.js';
import { graphOf, INT64, ints, valueOf, weight, writeOnnx } from '../support/onnx-writer.js';

const body = graphOf({
  node: [['Neg', 'v', 'w2']],
  input: [valueOf('i', [], INT64), valueOf('c', [], 9), valueOf('v', [2, 8])],
  outputs: 'c w2',
});

const MODELS = [
  writeOnnx({
    node: [
      ['Conv', 'x k', 'a', { pads: [1, 1, 1, 1] }],
      ['MaxPool', 'a', 'b', { kernel_shape: [2, 2], strides: [2, 2] }],
      ['Shape', 'b', 's'],
      ['Slice', 's zero one', 'n'],
      ['Concat', 'n minus', 'wanted', { axis: 0 }],
      ['Reshape', 'b wanted', 'y'],
    ],
    input: [valueOf('x', [1, 3, 8, 8])],
    initializer: [weight('k', [4, 3, 3, 3]), ints('zero', [0]), ints('one', [1]), ints('minus', [-1])],
    outputs: 'y',
  }),
  writeOnnx({
    node: [
      ['Loop', 'trips _ x', 'last', { body }],
      ['Expand', 'last shape', 'e'],
      ['Resize', 'e _ scales', 'r'],
      ['Range', 'zero trips one', 'counted'],
      ['ConstantOfShape', 'shape', 'filled'],
      ['Einsum', 'x x', 'y', { equation: 'ij,kj->ik' }],
    ],
    input: [valueOf('x', [2, 8])],
    initializer: [
      ints('trips', [3], []),
      ints('shape', [5, 2, 8]),
      ints('zero', [0], []),
      ints('one', [1], []),
      { name: 'scales', dataType: 1, dims: [3n], floatData: [1, 2, 2] },
    ],
    outputs: 'r counted filled y',
  }),
];

const damage = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    how: fc.constantFrom('set', 'remove', 'insert'),
    byte: fc.integer({ min: 0, max: 255 }),
  }),
  { minLength: 1, maxLength: 4 },
);

async function tryOut(bytes: Uint8Array): Promise<'planned' | PlannerError> {
  try {
    const model = await readOnnx(bytes);
    const { inputs } = model;
    measureGraph(graphFromOnnx(model, { dims: {}, inputs: {} }));
    expect(inputs.length).toBeGreaterThanOrEqual(0);
    return 'planned';
  } catch (error) {
    if (error instanceof PlannerError) return error;
    throw error;
  }
}

describe('damaged models', () => {
  it('are whole before they are damaged', async () => {
    for (const model of MODELS) expect(await tryOut(model)).toBe('planned');
  });

  it.each([0, 1])('%# give an error of the library, or a plan', async (index) => {
    const whole = MODELS[index];
    await fc.assert(
      fc.asyncProperty(damage, async (steps) => {
        const bytes = [...whole];
        for (const { at, how, byte } of steps) {
          const place = Math.floor(at * (bytes.length - 1));
          bytes.splice(place, how === 'insert' ? 0 : 1, ...(how === 'remove' ? [] : [byte]));
        }
        const outcome = await tryOut(new Uint8Array(bytes));
        if (outcome !== 'planned') expect(outcome.message.length).toBeLessThan(2000);
      }),
      { numRuns: 1500 },
    );
  });

  it('of random bytes are refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        expect(await tryOut(bytes)).toBeInstanceOf(PlannerError);
      }),
      { numRuns: 1000 },
    );
  });

  it('with millions of numbers keep few of them', async () => {
    const list = new Uint8Array(4_000_000).fill(1);
    const initializer = Array.from({ length: 3 }, (_, index) => ({
      name: `w${index}`,
      dataType: INT64,
      dims: [BigInt(list.length)],
      int64Data: Array.from(list, BigInt),
    }));
    const model = await readOnnx(writeOnnx({ node: [['Neg', 'w0', 'y']], initializer, outputs: 'y' }));
    expect(model.graph.initializers.map(({ data }) => data)).toEqual([null, null, null]);
  });
});
