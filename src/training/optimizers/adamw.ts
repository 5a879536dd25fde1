/**
 * AdamW of PyTorch, and of bitsandbytes in 8 bits or in memory that pages to the host.
 */
import { ELEMENT_TYPES } from '../../tensor/element-type.js';
import { PLAIN_TYPES } from '../../tensor/plain-types.js';
import type { Tape } from '../eager/tape.js';
import { elements, type Value } from '../eager/value.js';
import { like, stepCounter, type Optimizer, type State, type Updated } from './optimizer.js';

const { f32 } = ELEMENT_TYPES;

/** One mean of gradients, one of their squares. */
export const ADAMW: Optimizer = {
  states: (parameter, run) => [
    stepCounter(run),
    { name: 'exp_avg', ...like(parameter) },
    { name: 'exp_avg_sq', ...like(parameter) },
  ],
  make: 'aten.zeros_like.default',
  step: (t, parameters, { implementation }) => {
    if (implementation === 'for-loop') oneByOne(t, parameters);
    if (implementation === 'foreach') t.release(rootsOf(t, parameters));
  },
};

/** The denominator of one parameter is held until the next one has its own. */
function oneByOne(t: Tape, parameters: readonly Updated[]): void {
  let denominator: Value | null = null;
  for (const { states } of parameters) {
    const squares = states.at(-1)!;
    const [root] = t.emit('aten.sqrt.default', [squares], [like(squares)]);
    const [next] = t.emit('aten.div.Tensor', [root], [like(root)]);
    t.release([denominator]);
    denominator = next;
  }
  t.release([denominator]);
}

/** The denominators of all parameters together. */
function rootsOf(t: Tape, parameters: readonly Updated[]): Value[] {
  const squares = parameters.map(({ states }) => states.at(-1)!);
  return squares.length === 0 ? [] : t.emit('aten._foreach_sqrt.default', squares, squares.map(like));
}

/** Elements of one block of 8-bit states, which have one scale. */
const BLOCK = 256;
/** Parameters of fewer elements keep their states in 32 bits. */
const LEAST_OF_8_BIT = 4096;
/** Parameters of fewer elements keep their states on the device. */
const LEAST_OF_PAGED = 100_000;

/** Two states of a parameter, as bitsandbytes stores them; its kernels make nothing on the way. */
function bitsAndBytes(bits: 8 | 32, isPaged: boolean, names = ['state1', 'state2']): Optimizer {
  return {
    states: (parameter) => {
      const count = elements(parameter.shape);
      const isOnHost = isPaged && count >= LEAST_OF_PAGED;
      const { shape } = parameter;
      if (bits === 32 || count < LEAST_OF_8_BIT) return names.map((name) => ({ name, type: f32, shape, isOnHost }));
      const scales = { type: f32, shape: [Math.ceil(count / BLOCK)] };
      return [
        ...names.map((name) => ({ name, type: PLAIN_TYPES.u8, shape, isOnHost })),
        ...names.map((name) => ({ name: `absmax of ${name}`, ...scales })),
      ];
    },
    shared: bits === 8 ? names.map((name): State => ({ name: `map of ${name}`, type: f32, shape: [256] })) : [],
    make: 'aten.zeros_like.default',
    step: () => undefined,
  };
}

export const ADAMW_8BIT = bitsAndBytes(8, false);
export const PAGED_ADAMW = bitsAndBytes(32, true);
export const PAGED_ADAMW_8BIT = bitsAndBytes(8, true);
/** Lion of bitsandbytes: one state. */
export const LION = bitsAndBytes(32, false, ['state1']);
