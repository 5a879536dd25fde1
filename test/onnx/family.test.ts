/** One plan for every shape of a real model with open dimensions. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planFamily, verifyPlan, type Dims, type Graph } from '../../src/index.js';
import { graphFromOnnx, readOnnx } from '../../src/onnx/index.js';
import { describeShared, sharedPath } from '../support/shared.js';

describeShared('a family of shapes of BERT', () => {
  const box = { batch: [1, 8], sequence: [1, 128] } as const;
  const open = async (): Promise<(dims: Dims<'batch' | 'sequence'>) => Graph> => {
    const model = await readOnnx(sharedPath('models/onnx/optimum_tiny.onnx'));
    return (dims) => graphFromOnnx(model, { dims });
  };

  it('takes what its largest graph takes, and no byte more', async () => {
    const build = await open();
    const family = planFamily(build, box, { alignment: 1, reuse: 'off' });
    expect(family.bufferSize).toBe(2_383_880);
    expect(family.costs().find(({ dims }) => dims.batch === 8 && dims.sequence === 128)!.ratio).toBe(1);
  });

  it('holds 1,000 random shapes without a violation', async () => {
    const build = await open();
    const family = planFamily(build, box, { alignment: 64 });
    const dims = fc.record({ batch: fc.integer({ min: 1, max: 8 }), sequence: fc.integer({ min: 1, max: 128 }) });
    const seen = fc.sample(dims, { numRuns: 1000, seed: 7 });
    for (const each of seen) {
      const graph = build(each);
      expect(verifyPlan(graph, family.plan(graph, each))).toEqual([]);
    }
  });
});
