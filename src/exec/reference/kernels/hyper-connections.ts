/**
 * Hyper-connections.
 */
import { DSV4_HC_COMB, DSV4_HC_POST, DSV4_HC_PRE } from '../../../dialects/ggml/ops/hyper-connections.js';
import type { Kernel, Kernels } from './kernel.js';
import { sum } from './rows.js';

/** Divides the numbers of a group by their sum and `epsilon`. */
function normalise(
  matrix: Float64Array,
  lanes: number,
  epsilon: number,
  at: (group: number, i: number) => number,
): void {
  for (let group = 0; group < lanes; group++) {
    const total = epsilon + sum(lanes, (i) => matrix[at(group, i)]);
    for (let i = 0; i < lanes; i++) matrix[at(group, i)] /= total;
  }
}

const comb: Kernel = (call) => {
  const [mixes, scale, base] = [0, 1, 2].map((slot) => call.source(slot));
  const [lanes, , tokens] = call.out.ne;
  const [epsilon, iterations] = [call.number('epsilon'), call.number('iterations')];
  const columns = (to: number, from: number): number => to + lanes * from;
  const rows = (from: number, to: number): number => to + lanes * from;
  for (let t = 0; t < tokens; t++) {
    const matrix = Float64Array.from({ length: lanes * lanes }, (_, at) => {
      const slot = 2 * lanes + at;
      return Math.exp(mixes.get(slot, t) * scale.get(2) + base.get(slot));
    });
    normalise(matrix, lanes, 0, rows);
    matrix.forEach((value, at) => (matrix[at] = value + epsilon));
    normalise(matrix, lanes, epsilon, columns);
    for (let i = 1; i < iterations; i++) {
      normalise(matrix, lanes, epsilon, rows);
      normalise(matrix, lanes, epsilon, columns);
    }
    matrix.forEach((value, at) => call.out.set(value, at % lanes, Math.floor(at / lanes), t));
  }
};

const pre: Kernel = (call) => {
  const [x, weights] = [call.source(0), call.source(1)];
  call.out.forEach((i, t) => {
    call.out.set(
      sum(x.ne[1], (lane) => x.get(i, lane, t) * weights.get(lane, t)),
      i,
      t,
    );
  });
};

const post: Kernel = (call) => {
  const [x, residual, into, mixed] = [0, 1, 2, 3].map((slot) => call.source(slot));
  call.out.forEach((i, to, t) => {
    const kept = sum(residual.ne[1], (from) => residual.get(i, from, t) * mixed.get(to, from, t));
    call.out.set(x.get(i, t) * into.get(to, t) + kept, i, to, t);
  });
};

export const HYPER_CONNECTION_KERNELS: Kernels = [
  [DSV4_HC_COMB, comb],
  [DSV4_HC_PRE, pre],
  [DSV4_HC_POST, post],
];
