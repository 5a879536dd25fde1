/**
 * Moving elements: copies, rows in and out, joining, repeating, padding, shifting, windows.
 */
import { DIAG } from '../../../dialects/ggml/ops/matrix.js';
import {
  ACC,
  CONCAT,
  CONT,
  CPY,
  DUP,
  GET_ROWS,
  REPEAT,
  REPEAT_BACK,
  SET,
  SET_ROWS,
} from '../../../dialects/ggml/ops/memory.js';
import { GET_REL_POS, WIN_PART, WIN_UNPART } from '../../../dialects/ggml/ops/positions.js';
import { PAD, PAD_REFLECT_1D, ROLL } from '../../../dialects/ggml/ops/resampling.js';
import { GET_ROWS_BACK } from '../../../dialects/ggml/ops/training.js';
import { EMPTY } from '../../../dialects/ggml/ops/views.js';
import type { Elements } from '../elements.js';
import type { Kernel, Kernels } from './kernel.js';

/** Element by element in the order of a contiguous tensor; the shapes may differ. */
const copy: Kernel = (call) => {
  const a = call.source(0);
  for (let position = 0; position < a.count; position++) call.out.setFlat(a.getFlat(position), position);
};

const getRows: Kernel = (call) => {
  const [a, ids] = [call.source(0), call.source(1)];
  call.out.forEach((i0, i1, i2, i3) => call.out.set(a.get(i0, ids.get(i1, i2, i3), i2, i3), i0, i1, i2, i3));
};

const setRows: Kernel = (call) => {
  const [rows, ids] = [call.source(0), call.source(1)];
  rows.forEach((i0, i1, i2, i3) => {
    call.out.set(rows.get(i0, i1, i2, i3), i0, ids.getRepeated(i1, i2, i3, 0), i2, i3);
  });
};

/** The gradient of reading rows: each gradient is added to the row that was read. */
const getRowsBack: Kernel = (call) => {
  const [gradient, ids] = [call.source(0), call.source(1)];
  clear(call.out);
  gradient.forEach((i0, i1) => {
    const row = ids.get(i1);
    call.out.set(call.out.get(i0, row) + gradient.get(i0, i1), i0, row);
  });
};

/** A copy of operand 0. Then operand 1 is written over a window of the copy, or added to the window. */
const window =
  (combine: (before: number, part: number) => number): Kernel =>
  (call) => {
    const { out, node } = call;
    const b = call.source(1);
    copy(call);
    const [nb1, nb2, nb3] = call.numbers('nb');
    const elementBytes = node.type.blockBytes;
    b.forEach((i0, i1, i2, i3) => {
      const byte = call.number('offset') + i0 * elementBytes + i1 * nb1 + i2 * nb2 + i3 * nb3;
      const position = byte / elementBytes;
      out.setFlat(combine(out.getFlat(position), b.get(i0, i1, i2, i3)), position);
    });
  };

const concat: Kernel = (call) => {
  const [a, b] = [call.source(0), call.source(1)];
  const dim = call.number('dim');
  call.out.forEach((...at) => {
    const isFirst = at[dim] < a.ne[dim];
    const source = isFirst ? a : b;
    const from = at.map((i, d) => (d === dim && !isFirst ? i - a.ne[dim] : i)) as typeof at;
    call.out.set(source.get(...from), ...at);
  });
};

const repeat: Kernel = (call) => {
  const a = call.source(0);
  call.out.forEach((...at) => call.out.set(a.getRepeated(...at), ...at));
};

const repeatBack: Kernel = (call) => {
  const a = call.source(0);
  clear(call.out);
  a.forEach((i0, i1, i2, i3) => {
    const [n0, n1, n2, n3] = call.out.ne;
    const at = [i0 % n0, i1 % n1, i2 % n2, i3 % n3] as const;
    call.out.set(call.out.get(...at) + a.get(i0, i1, i2, i3), ...at);
  });
};

/** Every element becomes zero. */
export function clear(out: Elements): void {
  out.forEach((...at) => out.set(0, ...at));
}

const pad: Kernel = (call) => {
  const a = call.source(0);
  const before = call.numbers('before');
  const isCircular = call.flag('circular');
  call.out.forEach((...at) => {
    const from = at.map((i, dim) => i - before[dim]) as typeof at;
    const wrapped = from.map((i, dim) => wrap(i, a.ne[dim])) as typeof at;
    const isInside = from.every((i, dim) => i >= 0 && i < a.ne[dim]);
    call.out.set(isInside || isCircular ? a.get(...wrapped) : 0, ...at);
  });
};

/** `i` moved into `[0, length)` by multiples of `length`. */
function wrap(i: number, length: number): number {
  return ((i % length) + length) % length;
}

const padReflect: Kernel = (call) => {
  const a = call.source(0);
  const last = a.ne[0] - 1;
  call.out.forEach((i0, i1, i2, i3) => {
    const from = Math.abs(i0 - call.number('before'));
    call.out.set(a.get(from > last ? 2 * last - from : from, i1, i2, i3), i0, i1, i2, i3);
  });
};

const roll: Kernel = (call) => {
  const a = call.source(0);
  const shifts = call.numbers('shifts');
  call.out.forEach((...at) => {
    const from = at.map((i, dim) => wrap(i - shifts[dim], a.ne[dim])) as typeof at;
    call.out.set(a.get(...from), ...at);
  });
};

const windowPart: Kernel = (call) => {
  const a = call.source(0);
  const size = call.number('window');
  const across = Math.ceil(a.ne[1] / size);
  call.out.forEach((i0, i1, i2, i3) => {
    const x = (i3 % across) * size + i1;
    const y = Math.floor(i3 / across) * size + i2;
    call.out.set(x < a.ne[1] && y < a.ne[2] ? a.get(i0, x, y) : 0, i0, i1, i2, i3);
  });
};

const windowUnpart: Kernel = (call) => {
  const a = call.source(0);
  const size = call.number('window');
  const across = Math.ceil(call.out.ne[1] / size);
  call.out.forEach((i0, x, y) => {
    const part = Math.floor(y / size) * across + Math.floor(x / size);
    call.out.set(a.get(i0, x % size, y % size, part), i0, x, y);
  });
};

const relativePositions: Kernel = (call) => {
  const a = call.source(0);
  const size = call.out.ne[1];
  call.out.forEach((i0, i1, i2) => call.out.set(a.get(i0, size - i1 - 1 + i2), i0, i1, i2));
};

const diagonal: Kernel = (call) => {
  const a = call.source(0);
  call.out.forEach((i0, i1, i2, i3) => call.out.set(i0 === i1 ? a.get(i0, 0, i2, i3) : 0, i0, i1, i2, i3));
};

/** Whoever writes there will. */
const nothing: Kernel = () => undefined;

export const MEMORY_KERNELS: Kernels = [
  [EMPTY, nothing],
  [DUP, copy],
  [CPY, copy],
  [CONT, copy],
  [GET_ROWS, getRows],
  [GET_ROWS_BACK, getRowsBack],
  [SET_ROWS, setRows],
  [SET, window((_, part) => part)],
  [ACC, window((before, part) => before + part)],
  [CONCAT, concat],
  [REPEAT, repeat],
  [REPEAT_BACK, repeatBack],
  [PAD, pad],
  [PAD_REFLECT_1D, padReflect],
  [ROLL, roll],
  [WIN_PART, windowPart],
  [WIN_UNPART, windowUnpart],
  [GET_REL_POS, relativePositions],
  [DIAG, diagonal],
];
