/**
 * Digits of 28 × 28 pixels that a small network learns to tell apart, forward, backward and optimiser step in one
 * planned graph. In the arena of every plan it classifies exactly as in separate memory, and well.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { planGraph } from '../../src/plan/plan.js';
import { executeGraph } from '../../src/exec/reference/execute.js';
import { Memory } from '../../src/exec/reference/memory.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { ALL_PLANS } from '../support/all-plans.js';
import { BATCH, classes, classifier, drawBatch, testing, train, training, weightTensors } from '../support/digits.js';

function classify(memory: Memory, pixels: number[], learned: readonly number[][]): number[] {
  weightTensors.forEach((weight, i) => memory.write(weight, learned[i]));
  memory.write(testing, pixels);
  executeGraph(classifier, memory);
  return memory.read(classes);
}

describe('a network that reads digits', () => {
  let learned: number[][];

  beforeAll(() => {
    const { losses, weights } = train(planGraph(training.graph), 70);
    expect(losses[0]).toBeGreaterThan(2);
    expect(losses.at(-1)).toBeLessThan(0.5);
    learned = weights;
  });

  it('trains bit by bit as in separate memory', () => {
    const plan = planGraph(training.graph);
    expect(verifyPlan(training.graph, plan)).toEqual([]);
    expect(replayPlan(training.graph, plan, { order: 'stated' })).toEqual([]);
    expect(train(plan, 2)).toEqual(train(null, 2));
  });

  it.each(ALL_PLANS)('classifies digits it has never seen: $allocator, in-place $reuse', ({ allocator, reuse }) => {
    const plan = planGraph(classifier, { allocator, reuse });
    const { pixels, digits } = drawBatch(7);
    const found = classify(Memory.planned(classifier, plan), pixels, learned);
    expect(found).toEqual(classify(Memory.separate(classifier), pixels, learned));
    expect(found.filter((digit, i) => digit === digits[i]).length).toBeGreaterThanOrEqual(BATCH - 1);
  });
});
