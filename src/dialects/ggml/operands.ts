/**
 * The operands of one application of an operation, by name, and the checks that a shape rule makes on them.
 *
 * Invariant: every required operand is there. A check of an optional operand passes if the operand is left out. A check
 * that fails throws `BAD_OPERAND`, naming the operation, the operand, the value found and the limit. Models apply
 * thousands of operations, so make text, and functions that make text, only after a check has failed.
 */
import type { ElementTypeName } from '../../tensor/element-type.js';
import type { Operation } from '../../tensor/operation.js';
import { isContiguous } from '../../tensor/layout.js';
import { hasContiguousRows } from './shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { badOperand, describeStrides, missingOperand } from './operand-error.js';

/** Operands by slot; null for an empty slot. */
export type Sources = readonly (Tensor | null)[];

/** Stands for a dimension that may have any length. */
export const ANY = null;

export class Operands {
  readonly operation: Operation;
  readonly sources: Sources;

  /** @throws PlannerError `BAD_OPERAND` if a required operand is missing */
  constructor(operation: Operation, sources: Sources) {
    this.operation = operation;
    this.sources = sources;
    for (let slot = 0; slot < operation.requiredCount; slot++) {
      if ((sources[slot] ?? null) === null) failMissing(operation, slot);
    }
  }

  /** The operation's name. */
  get name(): string {
    return this.operation.name;
  }

  /** A required operand. */
  tensor(name: string): Tensor {
    const slot = slotOf(this.operation, name);
    return this.sources[slot] ?? failMissing(this.operation, slot);
  }

  /** An optional operand; null if it is left out. */
  optional(name: string): Tensor | null {
    return this.sources[slotOf(this.operation, name)] ?? null;
  }

  /** Checks any other condition of a rule. `limit` completes the sentence "… must be". */
  require(condition: boolean, name: string, limit: string | (() => string)): void {
    const tensor = condition ? null : this.optional(name);
    if (tensor !== null) badOperand(this.name, name, tensor, typeof limit === 'string' ? limit : limit());
  }

  requireType(name: string, ...types: readonly ElementTypeName[]): void {
    const tensor = this.optional(name);
    if (tensor === null || types.includes(tensor.type.name)) return;
    const remedy = 'Cast it first, or make it of that type.';
    badOperand(this.name, name, tensor, `of type ${types.join(' or ')}`, remedy);
  }

  /** Checks that all lengths of `ne` other than {@link ANY} agree with the operand's. */
  requireNe(name: string, ne: readonly (number | null)[]): void {
    const tensor = this.optional(name);
    for (let dim = 0; tensor !== null && dim < 4; dim++) {
      if ((ne[dim] ?? tensor.ne[dim]) === tensor.ne[dim]) continue;
      const limit = `of shape [${ne.map((n) => n ?? 'any').join(', ')}]`;
      badOperand(this.name, name, tensor, limit, 'Reshape, permute or repeat it first.');
    }
  }

  /** Dimension `dim` of the operand must fit a whole number of times into `length`, so that it can be repeated. */
  requireRepeatable(name: string, dim: number, length: number): void {
    const tensor = this.optional(name);
    if (tensor === null || length % tensor.ne[dim] === 0) return;
    const limit = `of a length that divides ${length} in dimension ${dim}`;
    badOperand(this.name, name, tensor, limit, 'Reshape, permute or repeat it first.');
  }

  /** As {@link requireRepeatable}, of dimensions 2 and 3 into dimensions 2 and 3 of `ne`. */
  requireOuterRepeatable(name: string, ne: readonly number[]): void {
    const tensor = this.optional(name);
    if (tensor === null || (ne[2] % tensor.ne[2] === 0 && ne[3] % tensor.ne[3] === 0)) return;
    this.requireRepeatable(name, 2, ne[2]);
    this.requireRepeatable(name, 3, ne[3]);
  }

  /** `from` as in {@link isContiguous}: how many of the outer dimensions may be spread. */
  requireContiguous(name: string, from = 0): void {
    const tensor = this.optional(name);
    if (tensor === null || isContiguous(tensor, from)) return;
    this.requireStrides(false, name, from === 0 ? 'contiguous' : `contiguous from dimension ${from} on`);
  }

  /** Elements of a row must follow each other without gaps. */
  requireDenseRows(name: string): void {
    const tensor = this.optional(name);
    if (tensor !== null && !hasContiguousRows(tensor)) this.requireStrides(false, name, 'made of dense rows');
  }

  /** As {@link require}, where strides are at fault: they print as well. */
  requireStrides(condition: boolean, name: string, limit: string): void {
    const tensor = condition ? null : this.optional(name);
    if (tensor !== null) badOperand(this.name, name, describeStrides(tensor), limit, 'Apply cont() to it first.');
  }

  /** Throws `BAD_OPERAND` for a requested shape that does not suit the operands. */
  failShape(ne: readonly number[], limit: string): never {
    return badOperand(this.name, 'shape', ne, limit, 'Give another shape.');
  }
}

function slotOf({ name: operation, operands }: Operation, name: string): number {
  for (let slot = 0; slot < operands.length; slot++) if (operands[slot] === name) return slot;
  throw new Error(`${operation} has no operand ${name}.`);
}

function failMissing({ name, operands }: Operation, slot: number): never {
  return missingOperand(name, operands[slot], null);
}
