/**
 * Digits of 28 × 28 pixels that a small network learns to tell apart: forward, backward and optimiser step in one graph.
 */
import { executeGraph } from '../../src/exec/reference/execute.js';
import { randomNumbers } from '../../src/exec/reference/fill.js';
import { Memory } from '../../src/exec/reference/memory.js';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import type { Plan } from '../../src/plan/plan.js';
import type { Tensor } from '../../src/tensor/tensor.js';

const SIDE = 28;
export const PIXELS = SIDE * SIDE;
const HIDDEN = 16;
/** Digits that are looked at together. */
export const BATCH = 20;

/** Which of the seven bars of a display are lit: top, upper left and right, middle, lower left and right, bottom. */
const BARS = [
  '1110111',
  '0010010',
  '1011101',
  '1011011',
  '0111010',
  '1101011',
  '1101111',
  '1010010',
  '1111111',
  '1111011',
];

/** First and last row and column of each bar, on a field of 14 by 20. */
const BAR_PLACES = [
  [0, 2, 0, 13],
  [0, 10, 0, 2],
  [0, 10, 11, 13],
  [9, 11, 0, 13],
  [9, 19, 0, 2],
  [9, 19, 11, 13],
  [17, 19, 0, 13],
];

/** A digit somewhere in the middle, with noise. */
function drawDigit(digit: number, random: () => number): number[] {
  const pixels = Array.from({ length: PIXELS }, () => 0.3 * random());
  const [left, top] = [6 + Math.floor(random() * 3), 3 + Math.floor(random() * 3)];
  BAR_PLACES.forEach(([firstRow, lastRow, firstColumn, lastColumn], bar) => {
    if (BARS[digit][bar] === '0') return;
    for (let row = firstRow; row <= lastRow; row++) {
      for (let column = firstColumn; column <= lastColumn; column++) {
        pixels[(top + row) * SIDE + left + column] = 0.7 + 0.3 * random();
      }
    }
  });
  return pixels;
}

/** Digits in order, drawn by chance. */
export function drawBatch(seed: number): { pixels: number[]; digits: number[] } {
  const random = randomNumbers(seed);
  const digits = Array.from({ length: BATCH }, (_, i) => i % 10);
  return { digits, pixels: digits.flatMap((digit) => drawDigit(digit, random)) };
}

const trained = Context.immediate();
const ctx = Context.deferred();
/** What is learned, by name. */
export const parameters = {
  w1: trained.newTensor('f32', [PIXELS, HIDDEN], 'w1'),
  b1: trained.newTensor('f32', [HIDDEN], 'b1'),
  w2: trained.newTensor('f32', [HIDDEN, 10], 'w2'),
  b2: trained.newTensor('f32', [10], 'b2'),
};
const settings = trained.write(trained.newTensor('f32', [2], 'settings'), [0.3, 0]);

/** The network: 784 pixels, 16 hidden units, 10 logits. */
export function forward(x: Tensor): { hidden: Tensor; logits: Tensor } {
  const hidden = ctx.tanh(ctx.add(ctx.mulMat(parameters.w1, x), parameters.b1));
  return { hidden, logits: ctx.add(ctx.mulMat(parameters.w2, hidden), parameters.b2) };
}

/** One step of gradient descent: the gradients written out by hand, as a user would build them. */
function trainingGraph(): { graph: Graph; x: Tensor; labels: Tensor; loss: Tensor } {
  const x = ctx.setInput(ctx.newTensor('f32', [PIXELS, BATCH], 'pixels'));
  const labels = ctx.setInput(ctx.newTensor('f32', [10, BATCH], 'labels'));
  const one = trained.write(trained.newTensor('f32', [1], 'one'), [1]);
  const { hidden, logits } = forward(x);
  const loss = ctx.setOutput(ctx.crossEntropyLoss(logits, labels));
  const dLogits = ctx.crossEntropyLossBack(one, logits, labels);
  const dHidden = ctx.outProd(parameters.w2, ctx.transpose(dLogits));
  const dSum = ctx.mul(dHidden, ctx.scale(ctx.sqr(hidden), -1, { bias: 1 }));
  const gradients: [Tensor, Tensor][] = [
    [parameters.w2, ctx.outProd(hidden, dLogits)],
    [parameters.b2, ctx.repeatBack(dLogits, [10])],
    [parameters.w1, ctx.outProd(x, dSum)],
    [parameters.b1, ctx.repeatBack(dSum, [HIDDEN])],
  ];
  // Weights change only when every gradient is there.
  const ready = gradients.reduce((before, [, gradient]) => ctx.dependency(before, gradient), settings);
  const steps = gradients.map(([weight, gradient]) => ctx.optStepSgd(ctx.dependency(weight, ready), gradient, ready));
  return { graph: Graph.forward([loss, ...steps]), x, labels, loss };
}

/** The input of the classifier. */
export const testing = ctx.setInput(ctx.newTensor('f32', [PIXELS, BATCH], 'pixels'));
/** What the classifier takes each digit for. */
export const classes = ctx.setOutput(ctx.argmax(forward(testing).logits));
export const classifier = Graph.forward(classes);
export const training = trainingGraph();
/** What is learned. */
export const weightTensors = Object.values(parameters);

/** What a weight begins with. */
export function initialValues(weight: Tensor, random: () => number): number[] {
  const count = weight.ne[0] * weight.ne[1];
  return Array.from({ length: count }, () => (random() - 0.5) * (weight === parameters.w1 ? 0.1 : 0.5));
}

/** A 1 at the place of each digit, among zeros. */
export function labelsOf(digits: readonly number[]): number[] {
  return digits.flatMap((digit) => Array.from({ length: 10 }, (_, i) => (i === digit ? 1 : 0)));
}

/** Trains on a few drawn batches in the arena of `plan`, or in separate memory. */
export function train(plan: Plan | null, rounds: number): { losses: number[]; weights: number[][] } {
  const { graph, x, labels, loss } = training;
  const memory = plan === null ? Memory.separate(graph) : Memory.planned(graph, plan);
  const random = randomNumbers(3);
  for (const weight of weightTensors) memory.write(weight, initialValues(weight, random));
  const losses = Array.from({ length: rounds }, (_, round) => {
    const { pixels, digits } = drawBatch(100 + round);
    memory.write(x, pixels);
    memory.write(labels, labelsOf(digits));
    executeGraph(graph, memory);
    return memory.read(loss)[0];
  });
  return { losses, weights: weightTensors.map((weight) => memory.read(weight)) };
}
