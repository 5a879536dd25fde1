/** A graph file may list its tensors in any order, a result before the leaf that it is made of: that makes no plan wrong. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/json/read.js';
import { graphToJson } from '../../src/json/write.js';
import { planGraph } from '../../src/plan/plan.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { compareExecutions } from '../../src/testing/compare-executions.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { ALL_PLANS } from '../support/all-plans.js';

/** The same graph, its tensors listed by `keys`. */
function relisted(graph: Graph, keys: readonly number[]): Graph {
  const json = graphToJson(graph);
  const order = [...json.tensors.keys()].sort((a, b) => keys[a % keys.length] - keys[b % keys.length] || b - a);
  const newId = (id: number): number => (id < 0 ? id : order.indexOf(id));
  const tensors = order.map((id) => {
    const { src, view, destination, ...rest } = json.tensors[id];
    return {
      ...rest,
      ...(src !== undefined && { src: src.map(newId) }),
      ...(view !== undefined && { view: newId(view) }),
      ...(destination !== undefined && { destination: newId(destination) }),
    };
  });
  return graphFromJson({ ...json, tensors, leafs: json.leafs.map(newId), nodes: json.nodes.map(newId) });
}

it('all checks pass, however the tensors are listed', () => {
  const keys = fc.array(fc.nat(9), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(arbitraryGraph({ maxMoves: 10 }), keys, fc.constantFrom(...ALL_PLANS), (drawn, by, options) => {
      const graph = relisted(drawn, by);
      const plan = planGraph(graph, options);
      expect(verifyPlan(graph, plan)).toEqual([]);
      expect(replayPlan(graph, plan)).toEqual([]);
      expect(compareExecutions(graph, plan)).toEqual([]);
    }),
    { numRuns: 500 },
  );
});
