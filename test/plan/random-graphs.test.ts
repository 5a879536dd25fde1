/** Properties of every plan, on arbitrary graphs: what holds whatever the allocator, in-place mode, alignment and limit. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALLOCATORS, type AllocatorName } from '../../src/solver/allocators.js';
import { PlannerError } from '../../src/errors.js';
import type { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/json/read.js';
import { graphToJson } from '../../src/json/write.js';
import { findHazards } from '../../src/liveness/hazards.js';
import { measureGraph } from '../../src/plan/measure.js';
import { REUSE_MODES, type PlanOptions } from '../../src/plan/options.js';
import { planGraph, type Plan } from '../../src/plan/plan.js';
import { alignUp } from '../../src/units.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { arbitraryGraphs, graphOf, type Drawn } from '../support/arbitrary-graph.js';
import { findFaults } from '../support/oracle.js';

const RUNS = { numRuns: 300 };

const arbitraryOptions = fc.record({
  reuse: fc.constantFrom(...REUSE_MODES),
  alignment: fc.constantFrom(1, 4, 32, 256),
  /** Times the largest tensor: a limit under which the graph can be planned. */
  chunkFactor: fc.constantFrom(1, 2, 5, Infinity),
});

const arbitraryCase = fc.tuple(arbitraryGraphs(), arbitraryOptions);

function optionsFor(
  graph: Graph,
  { reuse, alignment, chunkFactor }: typeof arbitraryOptions extends fc.Arbitrary<infer T> ? T : never,
): Required<Pick<PlanOptions, 'reuse' | 'alignment' | 'maxChunkSize'>> {
  const sizes = graph.tensors.map((tensor) => alignUp(tensor.allocSize ?? tensor.byteLength, alignment));
  return { reuse, alignment, maxChunkSize: Math.max(1, ...sizes) * chunkFactor };
}

/** Whether some node needs what another has destroyed, so that only ggml's allocator plans the graph. */
function hasConflict(graph: Graph): boolean {
  return findHazards(graph).some(({ kind }) => kind === 'conflict');
}

function sumOfSizes(graph: Graph, alignment: number): number {
  const owners = graph.tensors.filter((tensor) => !tensor.isView && tensor.memory === 'deferred');
  return owners.reduce((sum, tensor) => sum + alignUp(tensor.allocSize ?? tensor.byteLength, alignment), 0);
}

/** Whether ggml keeps to a chunk limit: it opens no more than 16 chunks, and the last is unlimited. */
function keepsLimit(plan: Plan): boolean {
  return plan.allocator !== 'ggml' || plan.chunks.length < 16;
}

describe.each(Object.keys(ALLOCATORS) as AllocatorName[])('%s on arbitrary graphs', (allocator) => {
  it('plans every graph right, within its bounds', () => {
    fc.assert(
      fc.property(arbitraryCase, ([drawn, drawnOptions]) => {
        const graph = graphOf(drawn);
        const { alignment, ...rest } = optionsFor(graph, drawnOptions);
        const options = { allocator, alignment, ...rest };
        if (allocator !== 'ggml' && hasConflict(graph)) {
          expect(() => measureGraph(graph, options)).toThrow(expect.objectContaining({ code: 'HAZARD' }));
          return;
        }
        const plan = planGraph(graph, options);
        const limits = keepsLimit(plan) ? { maxChunkSize: rest.maxChunkSize } : {};
        expect(verifyPlan(graph, plan, limits)).toEqual([]);
        expect(findFaults(graph, plan)).toEqual([]);
        expect(plan.lowerBound).toBeLessThanOrEqual(plan.bufferSize);
        if (plan.chunks.length === 1) expect(plan.bufferSize).toBeLessThanOrEqual(sumOfSizes(graph, alignment));
        expect(plan.isOptimal).toBe(plan.lowerBound === plan.bufferSize);
        for (const { offset, size } of plan.tensors) expect([offset % alignment, size % alignment]).toEqual([0, 0]);
        expect(measureGraph(graph, options)).toMatchObject({ bufferSize: plan.bufferSize, chunks: plan.chunks });
      }),
      RUNS,
    );
  });
});

describe('arbitrary graphs', () => {
  it('are varied: in place, views, outputs in the middle, hazards, empty tensors, several chunks', () => {
    const seen = new Set<string>();
    for (const drawn of fc.sample(arbitraryGraphs(), { numRuns: 600, seed: 1 })) {
      const graph = graphOf(drawn);
      for (const { kind } of findHazards(graph)) seen.add(kind);
      const plan = planGraph(graph, { allocator: 'ggml', maxChunkSize: 64 });
      for (const { why } of plan.shares) seen.add(why);
      if (plan.chunks.length > 1) seen.add('chunks');
      for (const tensor of graph.tensors) {
        if (tensor.byteLength === 0) seen.add('empty');
        if (tensor.destination?.memory === 'deferred') seen.add('written into an intermediate');
        if (tensor.allocSize !== null) seen.add('allocSize');
        if (graph.outputs.has(tensor) && graph.nodes.some((node) => node.sources.includes(tensor)))
          seen.add('read output');
      }
    }
    expect([...seen].sort()).toEqual(
      [
        ...['conflict', 'unordered', 'view', 'dependency', 'output', 'reuse', 'chunks', 'empty', 'allocSize'],
        ...['read output', 'written into an intermediate'],
      ].sort(),
    );
  });

  it('are planned the same way each time, and after a round trip through JSON', () => {
    fc.assert(
      fc.property(
        arbitraryCase,
        fc.constantFrom(...(Object.keys(ALLOCATORS) as AllocatorName[])),
        ([drawn, drawnOptions], allocator) => {
          const graph = graphOf(drawn);
          const json = graphToJson(graph);
          const read = graphFromJson(JSON.parse(JSON.stringify(json)));
          expect(graphToJson(read)).toEqual(json);
          expect(findHazards(read).map(({ kind, missing }) => [kind, missing])).toEqual(
            findHazards(graph).map(({ kind, missing }) => [kind, missing]),
          );
          const options = { allocator, ...optionsFor(graph, drawnOptions) };
          const answers = [graph, graphOf(drawn), read].map((each) => planOrError(each, options));
          expect(answers[1]).toEqual(answers[0]);
          expect(answers[2]).toEqual(answers[0]);
        },
      ),
      RUNS,
    );
  });

  it('need no more bytes in a fuller in-place mode', () => {
    fc.assert(
      fc.property(arbitraryGraphs(), (drawn: Drawn) => {
        const graph = graphOf(drawn);
        const bound = (reuse: PlanOptions['reuse']): number =>
          measureGraph(graph, { allocator: 'ggml', reuse }).lowerBound;
        expect(bound('ggml')).toBeLessThanOrEqual(bound('off'));
        expect(bound('full')).toBeLessThanOrEqual(bound('ggml'));
      }),
      RUNS,
    );
  });
});

function planOrError(graph: Graph, options: PlanOptions): unknown {
  try {
    const plan = planGraph(graph, options);
    return { ...plan.toJSON(), shares: plan.shares };
  } catch (error) {
    if (error instanceof PlannerError) return error.message;
    throw error;
  }
}
