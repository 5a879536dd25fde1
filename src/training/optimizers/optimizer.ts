/**
 * What an optimiser keeps for each parameter, and what a step of it makes on the way.
 *
 * Invariant: updates in place make nothing, so that they are no nodes. A state in the host's memory has no bytes here.
 */
import { ELEMENT_TYPES, type ElementType } from '../../tensor/element-type.js';
import type { Trained } from '../builder.js';
import type { Tape } from '../eager/tape.js';
import type { Value } from '../eager/value.js';
import type { ResolvedRun } from '../run.js';

/** A state of one parameter. */
export interface State {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Whether it lies in the host's memory. */
  readonly isOnHost?: boolean;
}

/** A parameter of a step, with its gradient and its states on the device. */
export interface Updated {
  readonly value: Value;
  readonly gradient: Value;
  readonly states: readonly Value[];
}

/** An optimiser: one row of what it keeps, and what a step does with it. */
export interface Optimizer {
  readonly states: (parameter: Value, run: ResolvedRun) => readonly State[];
  /** States that all parameters share. */
  readonly shared?: readonly State[];
  /** The operation that makes a state in the first step. */
  readonly make: string;
  readonly step: (t: Tape, parameters: readonly Updated[], run: ResolvedRun) => void;
}

/** A layout like that of a value. */
export const like = ({ type, shape }: Value): Pick<State, 'type' | 'shape'> => ({ type, shape });

/** The states of parameters, as they are there before a step. */
export function statesOf(t: Tape, optimizer: Optimizer, trained: readonly Trained[], run: ResolvedRun): Value[][] {
  const leaf = (owner: string, { name, type, shape }: State): Value =>
    t.leaf(`${owner}.${name}`, 'optimizerStates', type, shape);
  for (const state of optimizer.shared ?? []) leaf('optimizer', state);
  return trained.map(({ name, value }) => onDevice(optimizer, value, run).map((state) => leaf(name, state)));
}

/** The states of one parameter, as the first step makes them. */
export function makeStates(t: Tape, optimizer: Optimizer, { value, gradient }: Trained, run: ResolvedRun): Value[] {
  return onDevice(optimizer, value, run).map((state) => makeState(t, optimizer, state, [gradient!]));
}

/** The states that all parameters share, as the first step makes them. */
export function makeShared(t: Tape, optimizer: Optimizer): void {
  for (const state of optimizer.shared ?? []) makeState(t, optimizer, state, []);
}

function makeState(t: Tape, { make }: Optimizer, { type, shape }: State, operands: readonly Value[]): Value {
  const [state] = t.emit(make, operands, [{ type, shape }]);
  t.keep(state.tensor, 'optimizerStates');
  return state;
}

function onDevice(optimizer: Optimizer, value: Value, run: ResolvedRun): State[] {
  return optimizer.states(value, run).filter(({ isOnHost }) => isOnHost !== true);
}

/** Bytes of the states in the host's memory. */
export function hostStateBytes(optimizer: Optimizer, trained: readonly Trained[], run: ResolvedRun): number {
  const states = trained.flatMap(({ value }) => optimizer.states(value, run));
  return states
    .filter(({ isOnHost }) => isOnHost === true)
    .reduce((sum, { type, shape }) => {
      const count = shape.reduce((product, length) => product * length, 1);
      return sum + count * type.blockBytes;
    }, 0);
}

/** A number that counts steps: 4 bytes, on the device only where its kernels read it there. */
export function stepCounter({ device, implementation }: ResolvedRun): State {
  const isOnHost = device === 'cuda' && implementation !== 'fused';
  return { name: 'step', type: ELEMENT_TYPES.f32, shape: [], isOnHost };
}
