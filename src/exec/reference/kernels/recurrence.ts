/**
 * Recurrent layers: a state is carried from token to token; outputs come first in the result, then the new states.
 */
import {
  GATED_DELTA_NET,
  GATED_LINEAR_ATTN,
  RWKV_WKV6,
  RWKV_WKV7,
  SSM_CONV,
  SSM_SCAN,
} from '../../../dialects/ggml/ops/recurrence.js';
import type { Elements } from '../elements.js';
import { clear } from './memory.js';
import { sum } from './rows.js';
import type { Call, Kernel, Kernels } from './kernel.js';

const ssmConv: Kernel = (call) => {
  const [x, kernel] = [call.source(0), call.source(1)];
  call.out.forEach((channel, token, sequence) => {
    const value = sum(kernel.ne[0], (i) => x.get(token + i, channel, sequence) * kernel.get(i, channel));
    call.out.set(value, channel, token, sequence);
  });
};

const softplus = (x: number): number => (x > 20 ? x : Math.log1p(Math.exp(x)));

const ssmScan: Kernel = (call) => {
  const [state, x, dt, a, b, c] = [0, 1, 2, 3, 4, 5].map((slot) => call.source(slot));
  const ids = call.source(6);
  const [head, heads, tokens, sequences] = x.ne;
  const size = state.ne[0];
  const snapshots = call.number('snapshots');
  for (let sequence = 0; sequence < sequences; sequence++) {
    const from = ids.get(sequence);
    const before = (n: number, i: number, h: number): number => state.get(n, i, h, from);
    const slots = new Float64Array(size * head * heads);
    for (let token = 0; token < tokens; token++) {
      for (let h = 0; h < heads; h++) {
        const step = softplus(dt.get(h, token, sequence));
        const group = Math.floor(h / (heads / b.ne[1]));
        for (let i = 0; i < head; i++) {
          const input = x.get(i, h, token, sequence) * step;
          let y = 0;
          for (let n = 0; n < size; n++) {
            const at = n + size * (i + head * h);
            const previous = token === 0 ? before(n, i, h) : slots[at];
            const decay = Math.exp(step * a.get(a.ne[0] === 1 ? 0 : n, h));
            slots[at] = Math.fround(previous * decay + b.get(n, group, token, sequence) * input);
            y += slots[at] * c.get(n, group, token, sequence);
          }
          call.out.setFlat(y, i + head * (h + heads * (token + tokens * sequence)));
        }
      }
      const slot = tokens - 1 - token;
      if (slot >= snapshots) continue;
      const start = x.count + slots.length * (slot * sequences + sequence);
      slots.forEach((value, at) => call.out.setFlat(value, start + at));
    }
    if (tokens === 0) slots.forEach((_, at) => call.out.setFlat(0, x.count + slots.length * sequence + at));
  }
};

/**
 * One token of linear attention, common to its three kinds: each sequence and head has a square state, which every
 * token reads and changes within the result.
 */
interface Token {
  /** Position of the token's first element of this head, in the order of a contiguous `[size, heads, tokens]`. */
  readonly at: number;
  /** Position of the head's first element in a tensor of one value per channel. */
  readonly head: number;
  readonly size: number;
  readonly getState: (i: number, j: number) => number;
  readonly setState: (value: number, i: number, j: number) => void;
}

function forEachToken({ out }: Call, k: Elements, state: Elements, visit: (token: Token) => void): void {
  const [size, heads, tokens] = k.ne;
  const sequences = state.ne[1];
  const outputs = size * heads * tokens;
  clear(out);
  for (let t = 0; t < tokens; t++) {
    const sequence = Math.floor(t / (tokens / sequences));
    const isFirst = t % (tokens / sequences) === 0;
    for (let h = 0; h < heads; h++) {
      const base = size * size * (heads * sequence + h);
      visit({
        at: size * (heads * t + h),
        head: size * h,
        size,
        getState: (i, j) => (isFirst ? state.getFlat(base + i * size + j) : out.getFlat(outputs + base + i * size + j)),
        setState: (value, i, j) => out.setFlat(value, outputs + base + i * size + j),
      });
    }
  }
}

/** Adds to an output and remembers a new state; reads the old state first. */
const wkv6: Kernel = (call) => {
  const [k, v, r, bonus, decay, state] = [0, 1, 2, 3, 4, 5].map((slot) => call.source(slot));
  forEachToken(call, k, state, ({ at, head, size, getState, setState }) => {
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const kv = k.getFlat(at + i) * v.getFlat(at + j);
        const before = getState(i, j);
        const y = (kv * bonus.getFlat(head + i) + before) * r.getFlat(at + i);
        call.out.setFlat(call.out.getFlat(at + j) + y, at + j);
        setState(before * decay.getFlat(at + i) + kv, i, j);
      }
    }
  });
};

const gatedLinear: Kernel = (call) => {
  const [k, v, q, gate, state] = [0, 1, 2, 3, 4].map((slot) => call.source(slot));
  forEachToken(call, k, state, ({ at, size, getState, setState }) => {
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const next = getState(i, j) * gate.getFlat(at + i) + k.getFlat(at + i) * v.getFlat(at + j);
        const y = next * q.getFlat(at + i) * call.number('scale');
        call.out.setFlat(call.out.getFlat(at + j) + y, at + j);
        setState(next, i, j);
      }
    }
  });
};

const wkv7: Kernel = (call) => {
  const [r, w, k, v, a, b, state] = [0, 1, 2, 3, 4, 5, 6].map((slot) => call.source(slot));
  forEachToken(call, k, state, ({ at, size, getState, setState }) => {
    for (let i = 0; i < size; i++) {
      const removed = sum(size, (j) => a.getFlat(at + j) * getState(i, j));
      let y = 0;
      for (let j = 0; j < size; j++) {
        const kv = v.getFlat(at + i) * k.getFlat(at + j);
        const next = Math.fround(getState(i, j) * w.getFlat(at + j) + kv + removed * b.getFlat(at + j));
        setState(next, i, j);
        y += next * r.getFlat(at + j);
      }
      call.out.setFlat(y, at + i);
    }
  });
};

const gatedDelta: Kernel = (call) => {
  const [q, k, v, gate, beta, state] = [0, 1, 2, 3, 4, 5].map((slot) => call.source(slot));
  const [size, heads, tokens, sequences] = v.ne;
  const snapshots = call.number('snapshots');
  const square = size * size;
  clear(call.out);
  for (let sequence = 0; sequence < sequences; sequence++) {
    const [q3, k3] = [q, k].map((each) => Math.floor(sequence / (sequences / each.ne[3])));
    for (let h = 0; h < heads; h++) {
      const m = Float64Array.from({ length: square }, (_, at) =>
        state.get(at % size, Math.floor(at / size), h, sequence),
      );
      for (let t = 0; t < tokens; t++) {
        const key = (i: number): number => k.get(i, h % k.ne[1], t, k3);
        const decay = (i: number): number => Math.exp(gate.get(gate.ne[0] === 1 ? 0 : i, h, t, sequence));
        for (let at = 0; at < square; at++) m[at] *= decay(at % size);
        for (let j = 0; j < size; j++) {
          const rest =
            (v.get(j, h, t, sequence) - sum(size, (i) => m[j * size + i] * key(i))) * beta.get(0, h, t, sequence);
          for (let i = 0; i < size; i++) m[j * size + i] += rest * key(i);
          const y = sum(size, (i) => m[j * size + i] * q.get(i, h % q.ne[1], t, q3)) / Math.sqrt(size);
          call.out.setFlat(y, j + size * (h + heads * (t + tokens * sequence)));
        }
        const slot = tokens - 1 - t;
        if (slot >= snapshots) continue;
        const start = v.count + square * (h + heads * (sequence + sequences * slot));
        m.forEach((value, at) => call.out.setFlat(value, start + at));
      }
    }
  }
};

export const RECURRENCE_KERNELS: Kernels = [
  [SSM_CONV, ssmConv],
  [SSM_SCAN, ssmScan],
  [RWKV_WKV6, wkv6],
  [RWKV_WKV7, wkv7],
  [GATED_LINEAR_ATTN, gatedLinear],
  [GATED_DELTA_NET, gatedDelta],
];
