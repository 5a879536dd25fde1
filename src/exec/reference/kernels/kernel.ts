/**
 * The interface of a reference kernel: it reads the operands' elements and writes the result's. Reads and writes come
 * in the order of ggml's CPU kernel wherever that order decides what may be overwritten.
 *
 * Invariant: a kernel touches memory through {@link Elements} alone and keeps nothing between calls.
 */
import { PlannerError } from '../../../errors.js';
import { operandName, type Operation } from '../../../tensor/operation.js';
import type { OperationParam, Tensor } from '../../../tensor/tensor.js';
import type { Elements } from '../elements.js';

/** One operation about to run. */
export class Call {
  readonly node: Tensor;
  readonly out: Elements;
  readonly #sources: readonly (Elements | null)[];

  constructor(node: Tensor, out: Elements, sources: readonly (Elements | null)[]) {
    this.node = node;
    this.out = out;
    this.#sources = sources;
  }

  /** The operand in a slot that is never empty. */
  source(slot: number): Elements {
    return this.optional(slot) ?? this.#fail(operandName(this.node.operation!, slot), 'a tensor');
  }

  /** The operand in a slot that may be empty. */
  optional(slot: number): Elements | null {
    return this.#sources[slot] ?? null;
  }

  number(name: string): number {
    const value = this.#param(name);
    return typeof value === 'number' ? value : this.#fail(name, 'a number');
  }

  /** A setting that may be left out. */
  optionalNumber(name: string): number | null {
    const value = this.#param(name) ?? null;
    return value === null || typeof value === 'number' ? value : this.#fail(name, 'a number, or left out');
  }

  text(name: string): string {
    const value = this.#param(name);
    return typeof value === 'string' ? value : this.#fail(name, 'a word');
  }

  flag(name: string): boolean {
    const value = this.#param(name);
    return typeof value === 'boolean' ? value : this.#fail(name, 'true or false');
  }

  numbers(name: string): readonly number[] {
    const value = this.#param(name);
    const isList = Array.isArray(value) && value.every((each) => typeof each === 'number');
    return isList ? value : this.#fail(name, 'a list of numbers');
  }

  #param(name: string): OperationParam | undefined {
    return Object.hasOwn(this.node.params, name) ? this.node.params[name] : undefined;
  }

  #fail(name: string, limit: string): never {
    const culprit = `${name} of ${this.node.op} (${this.node.name})`;
    throw new PlannerError('NOT_EXECUTABLE', {
      message: `The ${culprit} is missing, or not ${limit}.`,
      culprit,
      value: 'missing',
      limit,
      remedy: 'Build the graph with a Context, or add the params to its file.',
    });
  }
}

export type Kernel = (call: Call) => void;

/** Operations, each with its kernel. */
export type Kernels = readonly (readonly [Operation, Kernel])[];
