/**
 * The settings of a node as a kernel reads them.
 *
 * Invariant: a setting that is missing or of another type, as in a graph file, is an error that names node and setting.
 */
import { PlannerError } from '../errors.js';
import { operandName } from '../tensor/operation.js';
import type { OperationParam, Tensor } from '../tensor/tensor.js';

export class Settings {
  readonly node: Tensor;

  constructor(node: Tensor) {
    this.node = node;
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

  /** What is thrown where a slot that must have an operand is empty. @throws PlannerError `NOT_EXECUTABLE` */
  protected failEmpty(slot: number): never {
    return this.#fail(operandName(this.node.operation!, slot), 'a tensor');
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
