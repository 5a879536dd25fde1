/**
 * Graphs with gradients in the arena of their plan: every gradient has the bits that it has in separate memory. Rules of reuse of
 * all operations that only gradients need are at stake.
 */
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/index.js';
import { executeGraph } from '../../src/exec/reference/execute.js';
import { Memory } from '../../src/exec/reference/memory.js';
import { Graph } from '../../src/graph/graph.js';
import { planGraph } from '../../src/plan/plan.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { GRADIENT_RECIPES, GradientMaker, SIGNED, type GradientRecipe } from '../support/gradient-recipes.js';

/** Some nodes before and behind the one of the recipe, so that operands die and results are reused. */
function surrounded(m: GradientMaker, recipe: GradientRecipe): { graph: Graph; found: Tensor[] } {
  const result = m.ctx.cont(recipe(m));
  const loss = m.ctx.sum(m.ctx.mul(m.ctx.sqr(m.ctx.sin(result)), m.constant(result.ne, SIGNED)));
  const { graph, of } = gradients(Graph.forward(m.ctx.setOutput(loss)), loss, m.wanted);
  const found = m.wanted.map((leaf) => m.ctx.setOutput(of.get(leaf)!));
  return { graph, found };
}

function valuesIn(memory: Memory, m: GradientMaker, graph: Graph, found: readonly Tensor[]): number[][] {
  for (const [leaf, values] of m.values) if (graph.has(leaf)) memory.write(leaf, values);
  executeGraph(graph, memory);
  return found.map((tensor) => memory.read(tensor));
}

describe('gradients in an arena', () => {
  it.each(Object.keys(GRADIENT_RECIPES))('of %s are those of separate memory', (name) => {
    for (let seed = 1; seed <= 4; seed++) {
      const m = new GradientMaker(seed);
      const { graph, found } = surrounded(m, GRADIENT_RECIPES[name]);
      const apart = valuesIn(Memory.separate(graph), m, graph, found);
      for (const reuse of ['full', 'ggml', 'off'] as const) {
        const plan = planGraph(graph, { reuse });
        expect(verifyPlan(graph, plan)).toEqual([]);
        expect(valuesIn(Memory.planned(graph, plan), m, graph, found)).toEqual(apart);
      }
    }
  });
});
