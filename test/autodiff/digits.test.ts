/**
 * The network that reads digits learns from gradients that were found, not written by hand: in the one arena of a plan, step
 * by step with the bits that it has in separate memory.
 */
import { describe, expect, it } from 'vitest';
import { adamwSettings, trainingGraphs, type TrainingGraphs, type TrainingOptions } from '../../src/autodiff/index.js';
import { Context } from '../../src/dialects/ggml/context.js';
import { executeGraph } from '../../src/exec/reference/execute.js';
import { randomNumbers } from '../../src/exec/reference/fill.js';
import { Memory } from '../../src/exec/reference/memory.js';
import type { Graph } from '../../src/graph/graph.js';
import { runWritesEarly } from '../../src/passes/index.js';
import { planGraph, type Plan } from '../../src/plan/plan.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import {
  BATCH,
  classes,
  classifier,
  drawBatch,
  forward,
  initialValues,
  labelsOf,
  parameters,
  PIXELS,
  testing,
  train as trainByHand,
  weightTensors,
} from '../support/digits.js';

interface Run {
  readonly training: TrainingGraphs;
  readonly pixels: Tensor;
}

function trainingOf(options: Omit<TrainingOptions, 'parameters' | 'lasting'>, batch = BATCH): Run {
  const ctx = Context.deferred();
  const lasting = Context.immediate();
  const pixels = ctx.setInput(ctx.newTensor('f32', [PIXELS, batch], 'pixels'));
  const training = trainingGraphs(forward(pixels).logits, { ...options, parameters: weightTensors, lasting });
  lasting.write(training.seed, [1]);
  return { training, pixels };
}

interface Learned {
  readonly losses: number[];
  readonly weights: number[][];
}

/** Trains on drawn batches with a step per batch; in separate memory without a plan. */
function train(
  { training, pixels }: Run,
  graph: Graph,
  plan: Plan | null,
  steps: number,
  settingsAt: (step: number) => number[],
): Learned {
  const memory = plan === null ? Memory.separate(graph) : Memory.planned(graph, plan);
  const random = randomNumbers(3);
  for (const weight of weightTensors) memory.write(weight, initialValues(weight, random));
  const losses = Array.from({ length: steps }, (_, step) => {
    const batch = drawBatch(100 + step);
    memory.write(pixels, batch.pixels);
    memory.write(training.labels!, labelsOf(batch.digits));
    memory.write(training.settings, settingsAt(step));
    executeGraph(graph, memory);
    return memory.read(training.loss)[0];
  });
  return { losses, weights: weightTensors.map((weight) => memory.read(weight)) };
}

/** How many of a batch that was never seen are told right. */
function rightAnswers(weights: readonly number[][], seed: number): number {
  const memory = Memory.separate(classifier);
  weightTensors.forEach((weight, i) => memory.write(weight, weights[i]));
  const { pixels, digits } = drawBatch(seed);
  memory.write(testing, pixels);
  executeGraph(classifier, memory);
  return memory.read(classes).filter((digit, i) => digit === digits[i]).length;
}

const adamw = (step: number): number[] => adamwSettings(step + 1, { learningRate: 0.03 });

describe('training on digits', () => {
  it('reaches in a planned arena, bit by bit, what it reaches in separate memory', () => {
    const run = trainingOf({ optimizer: 'adamw' });
    const { graph } = runWritesEarly(run.training.step);
    const plan = planGraph(graph);
    expect(verifyPlan(graph, plan)).toEqual([]);
    expect(replayPlan(graph, plan)).toEqual([]);
    const inArena = train(run, graph, plan, 45, adamw);
    expect(inArena).toEqual(train(run, run.training.step, null, 45, adamw));
    expect(inArena.losses[0]).toBeGreaterThan(2);
    expect(inArena.losses.at(-1)).toBeLessThan(0.7);
    expect([7, 8, 9].map((seed) => rightAnswers(inArena.weights, seed))).toEqual([BATCH, BATCH, BATCH]);
  });

  it('learns what it learns with gradients that were written by hand', () => {
    const run = trainingOf({ optimizer: 'sgd' });
    const { step } = run.training;
    const found = train(run, step, planGraph(step), 3, () => [0.3, 0]);
    const byHand = trainByHand(null, 3);
    found.losses.forEach((loss, i) => expect(loss).toBeCloseTo(byHand.losses[i], 5));
    found.weights.forEach((weight, i) =>
      weight.forEach((value, j) => expect(value).toBeCloseTo(byHand.weights[i][j], 5)),
    );
  });

  it('adds the gradients of two micro-steps up to that of both batches together', () => {
    const half = trainingOf({ optimizer: 'sgd', period: 2 }, BATCH / 2);
    const whole = trainingOf({ optimizer: 'sgd' });
    const { step, microSteps, settings, labels } = half.training;
    const memory = Memory.planned(step, planGraph(step));
    const random = randomNumbers(3);
    for (const weight of weightTensors) memory.write(weight, initialValues(weight, random));
    memory.write(settings, [0.3, 0]);
    const { pixels, digits } = drawBatch(100);
    microSteps.forEach((graph, index) => {
      const part = <T>(all: readonly T[]): T[] => all.slice((index * all.length) / 2, ((index + 1) * all.length) / 2);
      memory.write(half.pixels, part(pixels));
      memory.write(labels!, labelsOf(part(digits)));
      executeGraph(graph, memory); // a micro-step is the beginning of the last one
    });
    const expected = train(whole, whole.training.step, null, 1, () => [0.3, 0]).weights;
    weightTensors.forEach((weight, i) =>
      memory.read(weight).forEach((value, j) => expect(value).toBeCloseTo(expected[i][j], 6)),
    );
    const sums = half.training.states.map(({ accumulator }) => memory.read(accumulator!));
    expect(sums.every((values) => values.some((value) => value !== 0))).toBe(true);
    expect(Object.keys(parameters)).toHaveLength(sums.length);
  });
});
