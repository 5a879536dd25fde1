/**
 * Values and steps: what a model computes, before it is a graph of tensors.
 */
import { named, PlannerError } from '../errors.js';
import type { Known } from '../dialects/onnx/call.js';
import type { OnnxNode } from '../dialects/onnx/model.js';
import type { Operation } from '../tensor/operation.js';

/** A value of a model. */
export interface Value {
  readonly name: string;
  readonly known: Known;
  /** Whether it follows from constants of the file alone: no run computes it. */
  readonly isConstant: boolean;
  /** The tensors of a list, or none of a value that is missing; null for a tensor. */
  readonly items: readonly Value[] | null;
}

/** A node. */
export interface Step {
  readonly node: OnnxNode;
  readonly operation: Operation;
  /** Whether its results follow from constants of the file alone: no run computes it. */
  readonly isConstant: boolean;
  /** What it reads: its operands, then what its bodies read besides. */
  readonly inputs: readonly (Value | null)[];
  /** Null where nobody wants the result. */
  readonly outputs: readonly (Value | null)[];
  /** Of which one runs at a time. */
  readonly bodies: readonly Body[];
}

/** A graph within a node. */
export interface Body {
  /** What each run of it is given. */
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly steps: readonly Step[];
  /** Values from outside that its nodes read. */
  readonly captured: ReadonlySet<Value>;
}

/** The names that nodes of a graph can read: its own, and those of the graphs around it. */
export class Scope {
  readonly #values = new Map<string, Value>();
  readonly #outer: Scope | null;
  /** Values from outside that were read. */
  readonly captured = new Set<Value>();

  constructor(outer: Scope | null = null) {
    this.#outer = outer;
  }

  define(name: string, value: Value): void {
    if (this.#values.has(name)) {
      throw new PlannerError('BAD_MODEL', {
        message: `The value ${named(name)} is computed twice.`,
        culprit: name,
        value: 'computed twice',
        limit: 'computed once',
        remedy: 'Export the model again.',
      });
    }
    this.#values.set(name, value);
  }

  find(name: string): Value | undefined {
    const own = this.#values.get(name);
    if (own !== undefined || this.#outer === null) return own;
    const outer = this.#outer.find(name);
    if (outer !== undefined) this.captured.add(outer);
    return outer;
  }

  /** @throws PlannerError `BAD_MODEL` */
  need(name: string, reader: string): Value {
    const value = this.find(name);
    if (value !== undefined) return value;
    throw new PlannerError('BAD_MODEL', {
      message: `${reader} reads ${named(name)}, which nothing before it computes.`,
      culprit: name,
      value: 'not computed',
      limit: 'an input, a constant or a result of an earlier node',
      remedy: 'Export the model again: its nodes must stand in the order in which they run.',
    });
  }
}
