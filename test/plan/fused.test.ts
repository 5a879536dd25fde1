/**
 * Plans for runtimes that compute several nodes at once, against geometry, replay and fused runs; and the same checks
 * against plans that do without, which must be found wrong.
 */
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ALLOCATORS, type AllocatorName } from '../../src/solver/allocators.js';
import type { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/json/read.js';
import { groupsOf, type FusedGroups } from '../../src/liveness/groups.js';
import { analyzeLiveness, NO_BUFFER } from '../../src/liveness/liveness.js';
import { measureGraph } from '../../src/plan/measure.js';
import { REUSE_MODES } from '../../src/plan/options.js';
import { planGraph } from '../../src/plan/plan.js';
import { RUNTIMES, type RuntimeName } from '../../src/runtime/runtimes.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { assertPlanCorrect } from '../../src/testing/assert-plan-correct.js';
import { compareExecutions } from '../../src/testing/compare-executions.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import type { PlanLike } from '../../src/verify/plan-like.js';
import { ALL_PLANS } from '../support/all-plans.js';
import { fusedGraphs } from '../support/fused-graphs.js';
import { describeShared, listRecordings, readRecording, sharedPath } from '../support/shared.js';
import { runsOf } from '../support/runs.js';

const FUSING = ['ggml-cpu', 'ggml-cuda', 'ggml-metal'] as const satisfies readonly RuntimeName[];

/** Which of the three checks find something. */
function findings(graph: Graph, plan: PlanLike, runtime: RuntimeName): [boolean, boolean, boolean] {
  return [
    verifyPlan(graph, plan, { runtime }).length > 0,
    replayPlan(graph, plan, { runtime }).length > 0,
    compareExecutions(graph, plan, 1, runtime).length > 0,
  ];
}

/** Where the tensors of a graph were, by id and offset, when plans knew of no groups. */
const WRONG_PLANS = [
  ['fusion-full', 576, { 0: 96, 2: 224, 4: 0, 6: 512, 8: 0, 9: 288, 10: 0 }],
  ['fusion-full-10', 576, { 0: 416, 3: 0, 4: 256, 5: 416, 7: 256, 8: 480, 10: 0, 11: 192 }],
  ['fusion-off', 416, { 0: 160, 3: 0, 4: 256, 5: 0 }],
] as const;

describeShared('plans that gave wrong logits', () => {
  it.each(WRONG_PLANS)(
    '%s is planned right in every mode, and what was not is found out',
    (file, bufferSize, places) => {
      const graph = graphFromJson(JSON.parse(readFileSync(sharedPath('faults', `${file}.json`), 'utf8')));
      for (const options of ALL_PLANS) assertPlanCorrect(graph, planGraph(graph, options));
      const tensors = Object.entries(places).map(([id, offset]) => ({ id: Number(id), chunk: 0, offset }));
      const old = { alignment: 32, bufferSize, chunks: [bufferSize], tensors, runtime: 'none' };
      expect(findings(graph, old, 'ggml-cpu')).toEqual([true, true, true]);
      expect(verifyPlan(graph, old, { runtime: 'ggml-cpu' }).map(({ kind }) => kind)).toEqual(['fused-overlap']);
      expect(replayPlan(graph, old, { runtime: 'ggml-cpu' }).map(({ kind }) => kind)).toEqual(['fused-overlap']);
      expect(verifyPlan(graph, old)).toEqual([]);
    },
  );
});

describe('graphs that are mostly groups', () => {
  it.each(FUSING)('are planned right for %s, by every allocator in every mode', (runtime) => {
    fc.assert(
      fc.property(fusedGraphs(undefined, 8), fc.constantFrom(...ALL_PLANS), (graph, options) => {
        assertPlanCorrect(graph, planGraph(graph, { ...options, runtime }));
      }),
      { numRuns: runsOf(150) },
    );
  });

  it('are planned right where any runtime is mixed with anything else', () => {
    const runtimes = fc.constantFrom(...FUSING);
    fc.assert(
      fc.property(arbitraryGraph(), fc.constantFrom(...ALL_PLANS), runtimes, (graph, options, runtime) => {
        assertPlanCorrect(graph, planGraph(graph, { ...options, runtime }));
      }),
      { numRuns: runsOf(150) },
    );
  });

  it('are found wrong, by all that can find it, where the plan leaves the runtime out', () => {
    const count = { geometry: 0, replay: 0, execution: 0 };
    for (const graph of fc.sample(fusedGraphs(undefined, 8), { numRuns: 300, seed: 1 })) {
      for (const reuse of REUSE_MODES) {
        const plan = planGraph(graph, { allocator: 'greedy-by-size', reuse, runtime: 'none' });
        const [geometry, replay, execution] = findings(graph, plan, 'ggml-cuda');
        // Each check is stricter than the next.
        expect([geometry || !replay, replay || !execution]).toEqual([true, true]);
        if (geometry) count.geometry++;
        if (replay) count.replay++;
        if (execution) count.execution++;
      }
    }
    expect(count.geometry).toBeGreaterThan(30);
    expect(count.replay).toBeGreaterThan(0.9 * count.geometry);
    expect(count.execution).toBeGreaterThan(0.8 * count.replay);
  });
});

/** A plan of what liveness makes of some refused hand-overs, by an allocator that leaves no gap unused. */
function planOfChoice(graph: Graph, groups: FusedGroups | null, refused: Uint8Array): PlanLike {
  const { problem, bufferOf } = analyzeLiveness(graph.table, 'full', 32, groups, refused);
  const options = { maxChunkSize: Infinity, allowOversize: false };
  const { chunks, offsets } = ALLOCATORS.ggml.place(problem, options);
  const tensors = graph.tensors.flatMap((tensor, id) => {
    if (tensor.isView || tensor.memory !== 'deferred') return [];
    return [{ id, chunk: 0, offset: bufferOf[id] === NO_BUFFER ? 0 : offsets[bufferOf[id]] }];
  });
  return { alignment: 32, bufferSize: chunks.reduce((a, b) => a + b, 0), chunks, tensors };
}

/** A graph, and which of its sources may not be handed over. */
const refusals = fc.tuple(fusedGraphs(undefined, 8), fc.infiniteStream(fc.boolean())).map(([graph, stream]) => ({
  graph,
  refused: Uint8Array.from(graph.table.sources, () => Number(stream.next().value)),
}));

describe('whatever is refused to be handed over', () => {
  it.each(FUSING)('the plan is right for %s', (runtime) => {
    fc.assert(
      fc.property(refusals, ({ graph, refused }) => {
        const groups = groupsOf(graph, RUNTIMES[runtime]);
        const both = refused.map((value, entry) => value || (groups?.refused?.[entry] ?? 0));
        const plan = planOfChoice(graph, groups, both);
        expect(verifyPlan(graph, plan, { runtime })).toEqual([]);
        expect(replayPlan(graph, plan, { runtime })).toEqual([]);
        expect(compareExecutions(graph, plan, 1, runtime)).toEqual([]);
      }),
      { numRuns: runsOf(200) },
    );
  });

  it.each(FUSING)('some plan that knows of no groups is wrong for %s', (runtime) => {
    const samples = fc.sample(refusals, { numRuns: 400, seed: 1 });
    const wrong = samples.filter(({ graph, refused }) => {
      return verifyPlan(graph, planOfChoice(graph, null, refused), { runtime }).length > 0;
    });
    expect(wrong).not.toEqual([]);
  });
});

describeShared('every architecture of llama.cpp, small', () => {
  it('is planned right for its CPU backend, in each mode', () => {
    const wrong = new Set<string>();
    const prompts = listRecordings('archs').filter(({ options, phase }) => options === 'c512-b64' && phase === 'pp');
    for (const recording of prompts) {
      const { name } = recording;
      const graph = graphFromJson(readRecording(recording));
      for (const reuse of REUSE_MODES) {
        const allocator: AllocatorName = 'ggml';
        const plan = planGraph(graph, { allocator, reuse });
        expect(verifyPlan(graph, plan), `${name}, ${reuse}`).toEqual([]);
        const alone = planGraph(graph, { allocator, reuse, runtime: 'none' });
        if (verifyPlan(graph, alone, { runtime: 'ggml-cpu' }).length > 0) wrong.add(reuse);
        // Where results take over what dies, nothing has to live longer.
        if (reuse !== 'off') expect(plan.bufferSize, name).toBe(alone.bufferSize);
      }
      const { bufferSize } = measureGraph(graph, { allocator: 'ggml', runtime: 'ggml-cuda' });
      expect(bufferSize, name).toBe(measureGraph(graph, { allocator: 'ggml', runtime: 'none' }).bufferSize);
    }
    expect([...wrong]).toEqual(['off']);
  });
});
