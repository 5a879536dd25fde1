/**
 * Graphs that are computed in parts: the same bits, fewer bytes, and within what they may cost.
 */
import { describe, expect, it } from 'vitest';
import { Context, Graph, measureGraph, planGraph, replayPlan, verifyPlan } from '../../src/index.js';
import { orderGraph, splitGraph, verifyEquivalent, type SplitGraph } from '../../src/passes/index.js';
import { compareExecutions } from '../../src/testing/index.js';
import { blockGraph } from '../support/blocks.js';
import { expectError } from '../support/expect-error.js';
import { differingOutputs } from '../support/run-rewritten.js';

/** The messages of all that is wrong with a split graph. */
function faultsOf(graph: Graph, split: SplitGraph): string[] {
  const plan = planGraph(split.graph);
  return [
    ...verifyEquivalent(graph, split).map(({ message }) => message),
    ...verifyPlan(split.graph, plan).map(({ message }) => message),
    ...replayPlan(split.graph, plan).map(({ message }) => message),
    ...differingOutputs(graph, split),
    ...compareExecutions(split.graph, plan).map(({ message }) => message),
  ];
}

describe('splitGraph', () => {
  it.each(Array.from({ length: 20 }, (_, batch) => batch))('keeps to what a graph computes, batch %d', (batch) => {
    for (let index = 1; index <= 10; index++) check(10 * batch + index);
  });
});

function check(seed: number): void {
  const graph = blockGraph(seed);
  const options = [{}, { maxExtraOps: 1 }, { streamOutputs: true }, { maxExtraOps: 0, reuse: 'off' } as const][
    seed % 4
  ];
  const split = splitGraph(graph, options);
  expect(split.peak).toBeLessThanOrEqual(split.peakBefore);
  expect(split.extraOps).toBeLessThanOrEqual((options as { maxExtraOps?: number }).maxExtraOps ?? 0.1);
  expect(faultsOf(graph, split), `graph ${seed}`).toEqual([]);
  // What was split may be ordered, too.
  const ordered = orderGraph(split.graph, { maxEffort: 200 });
  expect(verifyEquivalent(split.graph, ordered)).toEqual([]);
}
