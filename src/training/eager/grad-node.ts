/**
 * The nodes of autograd: what an operation saves, and how the gradients of its operands come about.
 */
import { saved } from './saved.js';
import type { Tape } from './tape.js';
import type { Edge, GradientNode, Gradients, Saved, Value } from './value.js';

/** A node of autograd: gradients of an operation's results to gradients of its operands. */
export class GradNode implements GradientNode {
  /** Higher is younger. */
  readonly sequence: number;
  readonly block: number;
  readonly edges: readonly (Edge | null)[];
  readonly saves: Saved[] = [];
  outputs: GradientNode['outputs'] = [];
  apply: (gradients: Gradients) => Gradients = (gradients) => gradients;
  readonly #tape: Tape;

  constructor(tape: Tape, edges: readonly (Edge | null)[], sequence: number) {
    this.#tape = tape;
    this.edges = edges;
    this.sequence = sequence;
    this.block = tape.block;
  }

  /** Whether the operand in that slot requires a gradient. */
  needs(slot: number): boolean {
    return this.edges[slot] !== null;
  }

  /** Keeps a value for the gradient; null where `isNeeded` is false. */
  save(value: Value, isNeeded = true): Saved {
    if (!isNeeded) return UNUSED;
    const kept = saved(this.#tape, value);
    this.saves.push(kept);
    return kept;
  }

  /** Says what the operation yielded, and how its gradients come about. */
  finish(results: readonly Value[], apply: (gradients: Gradients) => Gradients): void {
    this.apply = apply;
    this.outputs = results;
    results.forEach((result, index) => (result.edge = { node: this, index }));
  }
}

const UNUSED: Saved = {
  get: () => {
    throw new RangeError('a gradient reads what its operation has not saved');
  },
  local: () => null,
  drop: () => null,
};

/** The node of an operation on `operands`; null if none of them requires a gradient. */
export function gradNode(tape: Tape, operands: readonly Value[]): GradNode | null {
  if (!tape.isGradEnabled || operands.every((operand) => operand.edge === null)) return null;
  return new GradNode(
    tape,
    operands.map((operand) => operand.edge),
    tape.sequence++,
  );
}

/** Lets `parameter` require a gradient; `take` gets it. */
export function requireGradient(tape: Tape, parameter: Value, take: (gradient: Value) => void): void {
  const node = new GradNode(tape, [], Infinity);
  node.finish([parameter], ([gradient]) => {
    take(gradient!);
    return [];
  });
}
