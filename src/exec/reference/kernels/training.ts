/**
 * Losses, their gradients, and optimiser steps. The weights are changed in place: the result is a view of them.
 */
import {
  CROSS_ENTROPY_LOSS,
  CROSS_ENTROPY_LOSS_BACK,
  OPT_STEP_ADAMW,
  OPT_STEP_SGD,
} from '../../../dialects/ggml/ops/training.js';
import { rowOf, scaleRow, sum } from './rows.js';
import type { Kernel, Kernels } from './kernel.js';

const rowCount = (ne: readonly number[]): number => ne[1] * ne[2] * ne[3];

const crossEntropy: Kernel = (call) => {
  const [logits, labels] = [call.source(0), call.source(1)];
  let total = 0;
  logits.forEachRow((i1, i2, i3) => {
    const [x, y] = [rowOf(logits, i1, i2, i3), rowOf(labels, i1, i2, i3)];
    const max = Math.max(...Array.from({ length: x.length }, (_, i) => x.get(i)));
    const logSum = max + Math.log(sum(x.length, (i) => Math.exp(x.get(i) - max)));
    total += sum(x.length, (i) => y.get(i) * (x.get(i) - logSum));
  });
  call.out.set(-total / rowCount(logits.ne), 0);
};

/** The soft max is written over the row; only then are the labels read. */
const crossEntropyBack: Kernel = (call) => {
  const [gradient, logits, labels] = [call.source(0), call.source(1), call.source(2)];
  const factor = gradient.get(0) / rowCount(logits.ne);
  logits.forEachRow((i1, i2, i3) => {
    const [x, y, out] = [logits, labels, call.out].map((each) => rowOf(each, i1, i2, i3));
    const max = Math.max(...Array.from({ length: x.length }, (_, i) => x.get(i)));
    let total = 0;
    for (let i = 0; i < x.length; i++) {
      const power = Math.exp(x.get(i) - max);
      out.set(power, i);
      total += power;
    }
    scaleRow(out, 1 / total);
    for (let i = 0; i < x.length; i++) out.set((out.get(i) - y.get(i)) * factor, i);
  });
};

const adamw: Kernel = (call) => {
  const [weights, gradient, first, second, settings] = [0, 1, 2, 3, 4].map((slot) => call.source(slot));
  const [alpha, beta1, beta2, eps, decay, correction1, correction2] = [0, 1, 2, 3, 4, 5, 6].map((i) =>
    settings.getFlat(i),
  );
  weights.forEach((...at) => {
    const g = gradient.get(...at);
    first.set(first.get(...at) * beta1 + g * (1 - beta1), ...at);
    second.set(second.get(...at) * beta2 + g * g * (1 - beta2), ...at);
    const step = (first.get(...at) * correction1) / (Math.sqrt(second.get(...at) * correction2) + eps);
    call.out.set(weights.get(...at) * (1 - alpha * decay) - alpha * step, ...at);
  });
};

const sgd: Kernel = (call) => {
  const [weights, gradient, settings] = [0, 1, 2].map((slot) => call.source(slot));
  const [alpha, decay] = [settings.getFlat(0), settings.getFlat(1)];
  weights.forEach((...at) => {
    call.out.set(weights.get(...at) * (1 - alpha * decay) - alpha * gradient.get(...at), ...at);
  });
};

export const TRAINING_KERNELS: Kernels = [
  [CROSS_ENTROPY_LOSS, crossEntropy],
  [CROSS_ENTROPY_LOSS_BACK, crossEntropyBack],
  [OPT_STEP_ADAMW, adamw],
  [OPT_STEP_SGD, sgd],
];
