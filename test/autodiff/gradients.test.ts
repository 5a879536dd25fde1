/**
 * Gradients against differences of nearby values, computed in f64 by the reference kernels.
 */
import { describe, expect, it } from 'vitest';
import { GRADIENT_RULES, gradients } from '../../src/autodiff/index.js';
import { Graph } from '../../src/graph/graph.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { GRADIENT_RECIPES, GradientMaker, SIGNED, type GradientRecipe } from '../support/gradient-recipes.js';
import { slopesOf } from '../support/slopes.js';

const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1);

/** The result times random numbers, summed: so every element has a gradient of its own. */
function weighed(m: GradientMaker, result: Tensor): Tensor {
  return m.ctx.sum(m.ctx.mul(result, m.constant(result.ne, SIGNED)));
}

function expectSlopes(recipe: GradientRecipe, seed: number, tolerance = 1e-7): number {
  const m = new GradientMaker(seed);
  const loss = weighed(m, recipe(m));
  const { graph, of } = gradients(Graph.forward(loss), loss, m.wanted);
  const slopes = slopesOf(m, graph, loss, of, 12);
  for (const { what, found, expected } of slopes) {
    const limit = tolerance * (1 + Math.abs(expected));
    if (!(Math.abs(found - expected) <= limit)) expect.fail(`seed ${seed}, ${what}: ${found} instead of ${expected}`);
  }
  return slopes.filter(({ expected }) => Math.abs(expected) > 1e-9).length;
}

/** The kernel's error function has seven digits. */
const TOLERANCES: Readonly<Record<string, number>> = { GELU_ERF: 1e-5, GEGLU_ERF: 1e-5 };

describe('a rule of differentiation', () => {
  const rules = GRADIENT_RULES.filter(({ constantIn }) => !constantIn.includes(0) || constantIn.length === 0);

  it('stands in the table once', () => {
    expect(new Set(GRADIENT_RULES.map(({ operation }) => operation)).size).toBe(GRADIENT_RULES.length);
  });

  it('has a recipe', () => {
    const named = GRADIENT_RULES.map(({ operation }) => operation.name);
    const flat = ['SGN', 'STEP', 'FLOOR', 'CEIL', 'ROUND', 'TRUNC'];
    expect([...Object.keys(GRADIENT_RECIPES), ...flat].sort()).toEqual([...named].sort());
    expect(rules.length).toBeGreaterThan(50);
  });

  it.each(Object.keys(GRADIENT_RECIPES))('of %s agrees with differences', (name) => {
    const counts = SEEDS.map((seed) => expectSlopes(GRADIENT_RECIPES[name], seed, TOLERANCES[name]));
    expect(Math.max(...counts)).toBeGreaterThan(0);
  });
});
