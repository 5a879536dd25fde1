/**
 * Random placement problems of any size, the same for the same seed.
 */
import type { BufferSpec } from '../../src/problem/problem.js';

/** One way to draw a problem of `count` buffers. */
export type Generator = (count: number, seed: number) => BufferSpec[];

/**
 * Both ends of a life anywhere in time, every pair of ends as likely as any other: at the middle half of all buffers
 * are live. Sizes from 1 byte to 1 MiB.
 */
export const uniform: Generator = (count, seed) => {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const [a, b] = [random(2 * count), random(2 * count)];
    return { size: 1 + random(2 ** 20), start: Math.min(a, b), end: Math.max(a, b) + 1 };
  });
};

/** Lives as brackets that close in reverse order, as on a call stack: two lives are disjoint or one holds the other. */
export const nested: Generator = (count, seed) => {
  const random = createRandom(seed);
  const open: number[] = [];
  const buffers: BufferSpec[] = [];
  for (let step = 0, opened = 0; step < 2 * count; step++) {
    const mustOpen = open.length === 0;
    if (opened < count && (mustOpen || random(2) === 0)) {
      open.push(step);
      opened++;
    } else {
      buffers.push({ size: 1 + random(2 ** 20), start: open.pop()!, end: step });
    }
  }
  return buffers;
};

/**
 * Layers of a network in training. A layer's eight tensors live briefly, but for one activation, which waits for the
 * backward pass of its layer. Sizes come in a few shapes, and there is a new shape every hundred layers.
 */
export const network: Generator = (count, seed) => {
  const random = createRandom(seed);
  const perLayer = 8;
  const layerCount = Math.ceil(count / (2 * perLayer));
  const lastStep = 2 * layerCount * perLayer;
  let shapes: number[] = [];
  return Array.from({ length: count }, (_, step) => {
    const layer = Math.floor(step / perLayer);
    if (step % (100 * perLayer) === 0) shapes = Array.from({ length: 6 }, () => 256 * (1 + random(4096)));
    const size = shapes[random(shapes.length)];
    const isKept = step % perLayer === 0 && layer < layerCount;
    const end = isKept ? lastStep - step : Math.min(lastStep, step + 1 + random(12));
    return { size, start: step, end: Math.max(step + 1, end) };
  });
};

/** The least peak of every problem of {@link cutUp}, bytes. */
export const CUT_UP_PEAK = 1000;

/** A full rectangle of 60 steps, cut in two again and again: no step has a byte to spare, and the minimum is known. */
export const cutUp: Generator = (count, seed) => {
  const random = createRandom(seed);
  const pieces = [{ step: 0, offset: 0, steps: 60, size: CUT_UP_PEAK }];
  while (pieces.length < count) {
    // The largest of a few, so that no piece stays much larger than the others.
    const tickets = Array.from({ length: 4 }, () => random(pieces.length));
    const area = (index: number): number => pieces[index].steps * pieces[index].size;
    const index = tickets.reduce((a, b) => (area(b) > area(a) ? b : a));
    const piece = pieces[index];
    if (random(2) === 0 && piece.steps > 1) {
      const steps = 1 + random(piece.steps - 1);
      pieces.push({ ...piece, step: piece.step + steps, steps: piece.steps - steps });
      pieces[index] = { ...piece, steps };
    } else if (piece.size > 1) {
      const size = 1 + random(piece.size - 1);
      pieces.push({ ...piece, offset: piece.offset + size, size: piece.size - size });
      pieces[index] = { ...piece, size };
    }
  }
  return pieces.map(({ step, steps, size }) => ({ size, start: step, end: step + steps }));
};

/** Short lives and sizes with alignments, gaps, fixed offsets and copies of one buffer; some seeds' offsets collide. */
export const mixed: Generator = (count, seed) => {
  const random = createRandom(seed);
  const buffers: BufferSpec[] = [];
  while (buffers.length < count) {
    const start = random(12);
    const end = start + 1 + random(6);
    const plain = { size: 1 + random(9), start, end, alignment: 2 ** random(3) };
    const gaps = random(4) === 0 && end - start > 2 ? [{ start: start + 1, end: end - 1 }] : [];
    const isFixed = random(8) === 0;
    const buffer = isFixed ? { ...plain, gaps, fixedOffset: plain.alignment * random(6) } : { ...plain, gaps };
    buffers.push(buffer);
    while (!isFixed && buffers.length < count && random(3) === 0) buffers.push(buffer);
  }
  return buffers;
};

/**
 * Buffers whose alignments make the minimum exceed the live load, so that only a search of some 6,000 steps can prove
 * it; found by trying seeds.
 */
export const OPEN_PEAK = 31;
export const OPEN: readonly BufferSpec[] = (() => {
  let state = 498;
  const next = (below: number): number => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  return Array.from({ length: 16 }, () => {
    const start = next(12);
    return { size: 1 + next(9), alignment: 2 ** next(3), start, end: start + 1 + next(6) };
  });
})();

/** Integers from 0 to `below` (exclusive), from a multiply-with-xorshift generator of 32 bits. */
function createRandom(seed: number): (below: number) => number {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Eight buffers whose minimum is 10 bytes, one more than their live load, without any alignment. */
export const TIGHT: readonly BufferSpec[] = [
  { size: 5, start: 1, end: 3 },
  { size: 3, start: 2, end: 4 },
  { size: 1, start: 1, end: 5 },
  { size: 4, start: 4, end: 7 },
  { size: 2, start: 3, end: 5 },
  { size: 4, start: 5, end: 7 },
  { size: 1, start: 3, end: 6 },
  { size: 2, start: 3, end: 4 },
];
