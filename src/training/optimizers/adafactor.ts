/**
 * Adafactor as transformers has it: the squares of a matrix as the means of its rows and columns, all computed in fp32.
 */
import { ELEMENT_TYPES } from '../../tensor/element-type.js';
import { castTo } from '../eager/ops/cast.js';
import type { Tape } from '../eager/tape.js';
import type { Value } from '../eager/value.js';
import type { Optimizer, State, Updated } from './optimizer.js';

const { f32 } = ELEMENT_TYPES;

export const ADAFACTOR: Optimizer = {
  states: ({ shape }): readonly State[] =>
    shape.length < 2
      ? [{ name: 'exp_avg_sq', type: f32, shape }]
      : [
          { name: 'exp_avg_sq_row', type: f32, shape: shape.slice(0, -1) },
          { name: 'exp_avg_sq_col', type: f32, shape: shape.toSpliced(-2, 1) },
        ],
  make: 'aten.zeros.default',
  step: (t, parameters) => {
    for (const each of parameters) update(t, each);
  },
};

function update(t: Tape, { value, gradient, states }: Updated): void {
  const spec = { type: f32, shape: value.shape };
  const wide = castTo(t, gradient, f32);
  const parameter = castTo(t, value, f32);
  const [squared] = t.emit('aten.pow.Tensor_Scalar', [wide], [spec]);
  const [shifted] = t.emit('aten.add.Tensor', [squared], [spec]);
  const factors = states.length === 1 ? states : states.map((state) => rootOf(t, state));
  const op = states.length === 1 ? 'aten.rsqrt.default' : 'aten.mul.Tensor';
  const [change] = t.emit(op, factors, [spec]);
  t.release([shifted]);
  const [negative] = t.emit('aten.neg.default', [change], [spec]);
  t.release([negative, change, wide, parameter]);
}

function rootOf(t: Tape, state: Value): Value {
  return t.emit('aten.rsqrt.default', [state], [{ type: f32, shape: state.shape }])[0];
}
