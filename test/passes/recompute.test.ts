/**
 * Values computed again under a budget: that the graph computes the same, that it needs what it says, that bounds hold and a
 * larger budget never costs more.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { executeGraph, fillLeafs, Memory } from '../../src/exec/index.js';
import {
  findHazards,
  type Graph,
  graphFromJson,
  graphToJson,
  planGraph,
  replayPlan,
  verifyPlan,
  type Tensor,
} from '../../src/index.js';
import { recomputeGraph, verifyEquivalent } from '../../src/passes/index.js';
import { arbitraryGraph } from '../../src/testing/index.js';
import { cacheTraffic } from '../support/cache-traffic.js';
import { randomDag } from '../support/plain-graphs.js';
import { allSequences } from '../support/recompute-oracle.js';
import { tangledGraphs } from '../support/tangled-graphs.js';

/** What can be read when a graph has run, by the tensors of the old graph. */
function resultsOf({ nodes, tensors, outputs }: Graph): Tensor[] {
  const read = new Set(nodes.flatMap((node) => node.sources.filter((source) => source !== node)));
  const isResult = (tensor: Tensor): boolean => outputs.has(tensor) || (!read.has(tensor) && tensor.operation !== null);
  return tensors.filter((tensor) => !tensor.isView && (isResult(tensor) || tensor.memory !== 'deferred'));
}

function runs(graph: Graph): Memory {
  const memory = Memory.separate(graph);
  fillLeafs(graph, memory);
  executeGraph(graph, memory);
  return memory;
}

describe.each([
  ['caches read and written by luck', cacheTraffic, 60, 0],
  ['parts and stacks of rows', tangledGraphs(), 60, 4],
  ['graphs like real ones', arbitraryGraph({ maxMoves: 40 }), 150, 4],
])('recomputeGraph on %s', (_, graphs, numRuns, leastChanged) => {
  it('yields a graph that computes the same within what it says', () => {
    let changed = 0;
    fc.assert(
      fc.property(graphs, fc.double({ min: 0.3, max: 1, noNaN: true }), (graph, share) => {
        if (findHazards(graph).some(({ kind }) => kind === 'conflict')) return;
        const budgetBytes = Math.floor(share * planGraph(graph).lowerBound);
        const found = recomputeGraph(graph, { budgetBytes, maxEffort: 3000 });
        const { graph: result, peak, peakBefore, fits } = found;
        expect(verifyEquivalent(graph, found)).toEqual([]);
        expect(fits).toBe(peak <= budgetBytes);
        expect(peak).toBeLessThanOrEqual(peakBefore);
        expect(peak).toBeGreaterThanOrEqual(found.bound);
        if (fits) expect(found.extraOps).toBeGreaterThanOrEqual(found.extraOpsBound * (1 - 1e-9));
        if (result === graph) return;
        changed++;
        const plan = planGraph(result);
        expect(plan.lowerBound).toBe(peak);
        expect(verifyPlan(result, plan)).toEqual([]);
        expect(replayPlan(result, plan)).toEqual([]);
        expect(graphToJson(graphFromJson(graphToJson(result)))).toEqual(graphToJson(result));
        const [before, after] = [runs(graph), runs(result)];
        const standIns = new Map([...found.origin].map((oldId, id) => [graph.tensors[oldId], result.tensors[id]]));
        for (const tensor of resultsOf(graph))
          expect(after.storage(standIns.get(tensor)!)).toEqual(before.storage(tensor));
      }),
      { numRuns },
    );
    expect(changed).toBeGreaterThanOrEqual(leastChanged);
  });
});

const ALONE = { runtime: 'none' } as const;

describe('recomputeGraph on small graphs', () => {
  it('costs the least of all sequences of runs, for every budget', () => {
    const costOf = ({ byteLength, serial }: Tensor): number => 1 + (byteLength % 7) + (serial % 3);
    let dropped = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const graph = randomDag(seed, 6);
      const sequences = allSequences(graph, 3, costOf);
      const total = graph.nodes.reduce((sum, node) => sum + costOf(node), 0);
      const peaks = [...new Set(sequences.map(({ peak }) => peak))];
      for (const budgetBytes of peaks) {
        const fitting = sequences.filter(({ peak }) => peak <= budgetBytes);
        const least = Math.min(...fitting.map(({ cost }) => cost)) / total;
        const found = recomputeGraph(graph, { ...ALONE, budgetBytes, costOf });
        expect([seed, found.fits, found.isOptimal, found.extraOps]).toEqual([seed, true, true, least]);
        if (least > 0) dropped++;
      }
      const tooSmall = Math.min(...peaks) - 1;
      const { fits, isOptimal, bound, extraOpsBound } = recomputeGraph(graph, {
        ...ALONE,
        budgetBytes: tooSmall,
        costOf,
      });
      expect([seed, fits, isOptimal, extraOpsBound]).toEqual([seed, false, true, Infinity]);
      expect(bound).toBe(tooSmall + 1);
    }
    expect(dropped).toBeGreaterThan(10);
  });
});

describe('a larger budget', () => {
  it.each([12, 40, 120])('never costs more, on graphs of %i nodes', (count) => {
    for (let seed = 1; seed <= 6; seed++) {
      const graph = randomDag(seed, count);
      const { peakBefore } = recomputeGraph(graph, { ...ALONE, budgetBytes: Number.MAX_SAFE_INTEGER });
      let last = 0;
      for (let share = 100; share >= 30; share -= 7) {
        const budgetBytes = Math.floor((share * peakBefore) / 100);
        const { fits, extraOps } = recomputeGraph(graph, { ...ALONE, budgetBytes, maxEffort: 4000 });
        if (!fits) last = Infinity;
        else expect(extraOps).toBeGreaterThanOrEqual(last);
        if (fits) last = extraOps;
      }
    }
  });
});
