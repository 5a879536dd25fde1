/**
 * The step of an optimiser: its states, and what it makes on the way.
 */
import { ELEMENT_TYPES } from '../../tensor/element-type.js';
import type { Trained } from '../builder.js';
import type { Tape } from '../eager/tape.js';
import type { Value } from '../eager/value.js';
import type { OptimizerName, ResolvedRun } from '../run.js';

/** The states of one parameter. */
type States = readonly Value[];

/** An optimiser: one row of what it keeps, and what a step does with it. */
export interface Optimizer {
  /** The layouts of the states of a parameter. */
  readonly states: (parameter: Value) => readonly { readonly name: string; readonly type: Value['type']; readonly shape: readonly number[] }[];
  /** The operation that makes a state in the first step. */
  readonly make: string;
  readonly step: (t: Tape, parameters: readonly Updated[], run: ResolvedRun) => void;
}

/** A parameter of a step with its gradient and states. */
export interface Updated {
  readonly value: Value;
  readonly gradient: Value;
  readonly states: States;
}

const like = ({ type, shape }: Value): { type: Value['type']; shape: readonly number[] } => ({ type, shape });

const ADAMW: Optimizer = {
  states: (parameter) => [
    { name: 'step', type: ELEMENT_TYPES.f32, shape: [] },
    { name: 'exp_avg', ...like(parameter) },
    { name: 'exp_avg_sq', ...like(parameter) },
  ],
  make: 'aten.zeros_like.default',
  step: (t, parameters, { implementation }) => {
    if (implementation === 'for-loop') return adamOneByOne(t, parameters);
    if (implementation === 'foreach') {
      const squares = parameters.map(({ states }) => states[2]);
      const roots = t.emit('aten._foreach_sqrt.default', squares, squares.map(like));
      t.release(roots);
    }
  },
};

/** The denominator of one parameter is held until the next one has its own. */
function adamOneByOne(t: Tape, parameters: readonly Updated[]): void {
  let denominator: Value | null = null;
  for (const { states } of parameters) {
    const [root] = t.emit('aten.sqrt.default', [states[2]], [like(states[2])]);
    const [next] = t.emit('aten.div.Tensor', [root], [like(root)]);
    t.release([denominator]);
    denominator = next;
  }
  t.release([denominator]);
}

const SGD: Optimizer = { states: () => [], make: 'aten.zeros_like.default', step: () => undefined };

const SGD_MOMENTUM: Optimizer = {
  states: (parameter) => [{ name: 'momentum_buffer', ...like(parameter) }],
  make: 'aten.clone.default',
  step: () => undefined,
};

export const OPTIMIZERS: Readonly<Partial<Record<OptimizerName, Optimizer>>> = {
  adamw: ADAMW,
  sgd: SGD,
  'sgd-momentum': SGD_MOMENTUM,
};

/** The states of all parameters, as they are there before a step. */
export function statesOf(t: Tape, optimizer: Optimizer, trained: readonly Trained[]): States[] {
  return trained.map(({ name, value }) =>
    optimizer
      .states(value)
      .map((state) => t.leaf(`${name}.${state.name}`, 'optimizerStates', state.type, state.shape)),
  );
}

/** The states of all parameters, as the first step makes them. */
export function makeStates(t: Tape, optimizer: Optimizer, trained: readonly Trained[]): States[] {
  return trained.map(({ value, gradient }) => {
    const states = optimizer.states(value);
    return states.map(({ type, shape }) => {
      const [state] = t.emit(optimizer.make, [gradient!], [{ type, shape }]);
      t.keep(state.tensor, 'optimizerStates');
      return state;
    });
  });
}
