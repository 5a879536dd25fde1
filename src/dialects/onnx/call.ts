/**
 * One node as a shape rule sees it: what its operands are, and its settings.
 *
 * Invariant: what a rule asks for is there and of the right kind, or an error says what is wrong with which node.
 */
import { named, PlannerError } from '../../errors.js';
import type { ElementType } from '../../tensor/element-type.js';
import { labelOf, shapeText, type OnnxAttribute, type OnnxNode } from './model.js';

/** What is known of a value before a run. */
export interface Known {
  readonly type: ElementType;
  /** Outermost dimension first. */
  readonly shape: readonly number[];
  /** Its elements in order, where they follow from constants and shapes; null where only a run tells, or they are many. */
  readonly data: readonly number[] | null;
}

/** What a rule says of a result. */
export interface Outcome {
  readonly type: ElementType;
  /** Null if it depends on values that only a run tells. */
  readonly shape: readonly number[] | null;
  readonly data?: readonly number[] | null | undefined;
  /** The largest that a shape which depends on values can be. */
  readonly most?: readonly number[] | undefined;
}

/** From a node to its results, one for each; more than the node has may be returned. */
export type Rule = (call: Call) => readonly Outcome[];

/** Thrown where a rule needs the values of an operand that only a run tells. */
export class NeedsValues extends Error {
  constructor(label: string, operand: string) {
    super(`The node ${label} needs the values of ${operand}.`);
  }
}

/** The most dimensions of a value. */
const MAX_RANK = 64;

export class Call {
  readonly node: OnnxNode;
  /** The version of the set of operations that the node is of. */
  readonly opset: number;
  /** Null where an operand is left out. */
  readonly inputs: readonly (Known | null)[];
  readonly #names: readonly string[];

  constructor(node: OnnxNode, opset: number, inputs: readonly (Known | null)[], names: readonly string[]) {
    this.node = node;
    this.opset = opset;
    this.inputs = inputs;
    this.#names = names;
  }

  get label(): string {
    return labelOf(this.node);
  }

  /** How many results the node has, those that nobody wants among them. */
  get outputCount(): number {
    return this.node.outputs.length;
  }

  nameOf(slot: number): string {
    return this.#names[slot] ?? `operand ${slot}`;
  }

  has(slot: number): boolean {
    return (this.inputs[slot] ?? null) !== null;
  }

  /** @throws PlannerError `BAD_MODEL` if the operand is left out */
  at(slot: number): Known {
    const input = this.inputs[slot] ?? null;
    if (input !== null) return input;
    return this.fail(`has no operand ${named(this.nameOf(slot))}`, `its operand ${this.nameOf(slot)}`);
  }

  type(slot: number): ElementType {
    return this.at(slot).type;
  }

  shape(slot: number): readonly number[] {
    return this.at(slot).shape;
  }

  /** The shape of an operand that has so many dimensions at least. */
  shapeOfRank(slot: number, least: number, most = MAX_RANK): readonly number[] {
    const { shape } = this.at(slot);
    if (shape.length >= least && shape.length <= most) return shape;
    const limit = least === most ? `${least} dimensions` : `${least} dimensions at least`;
    return this.fail(`takes ${named(this.nameOf(slot))} of the shape ${shapeText(shape)}`, limit);
  }

  /** The elements of an operand; undefined if it is left out, null if only a run tells them. */
  data(slot: number): readonly number[] | null | undefined {
    return this.has(slot) ? this.at(slot).data : undefined;
  }

  /** The elements of an operand that must be there. @throws NeedsValues */
  values(slot: number): readonly number[] {
    const { data } = this.at(slot);
    if (data === null) throw new NeedsValues(this.label, this.nameOf(slot));
    return data;
  }

  /** The elements of an operand, as a setting that older versions have; undefined without either. @throws NeedsValues */
  valuesOr(slot: number, setting: string): readonly number[] | undefined {
    return this.has(slot) ? this.values(slot) : this.ints(setting);
  }

  attribute(name: string): OnnxAttribute | undefined {
    return this.node.attributes[name];
  }

  int(name: string, fallback?: number): number {
    const value = this.attribute(name) ?? fallback;
    if (typeof value === 'number') return value;
    return this.fail(`has no number ${named(name)}`, `the setting ${name}`);
  }

  ints(name: string): readonly number[] | undefined {
    const value = this.attribute(name);
    if (value === undefined) return undefined;
    if (isNumbers(value)) return value;
    return this.fail(`has no list of numbers ${named(name)}`, `numbers in the setting ${name}`);
  }

  text(name: string, fallback: string): string {
    const value = this.attribute(name) ?? fallback;
    return typeof value === 'string' ? value : this.fail(`has no text ${named(name)}`, `a text in the setting ${name}`);
  }

  /** The index of a dimension, which may count from the end. */
  axis(value: number, rank: number): number {
    const axis = value < 0 ? value + rank : value;
    if (Number.isInteger(axis) && axis >= 0 && axis < rank) return axis;
    return this.fail(`names the dimension ${value} of ${rank}`, `a dimension from ${-rank} to ${rank - 1}`);
  }

  /** A shape that was computed. @throws PlannerError `BAD_MODEL` unless it is one */
  checked(shape: readonly number[]): readonly number[] {
    const isShape = shape.length <= MAX_RANK && shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0);
    if (isShape) return shape;
    return this.fail(`would have the shape ${shapeText(shape)}`, `at most ${MAX_RANK} lengths from 0 to 2^53 - 1`);
  }

  /** @throws PlannerError `BAD_MODEL`: the node, then what is wrong with it, then what it needs */
  fail(fault: string, limit: string): never {
    const { label } = this;
    const shapes = this.inputs.map((input) => (input === null ? 'nothing' : shapeText(input.shape))).join(', ');
    const of = this.inputs.length === 0 ? '' : `, of operands ${shapes}`;
    throw new PlannerError('BAD_MODEL', {
      message: `The node ${label} ${fault}${of}, but needs ${limit}.`,
      culprit: label,
      value: fault,
      limit,
      remedy: 'Check the shapes of the inputs, or export the model again.',
    });
  }
}

function isNumbers(value: OnnxAttribute): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'number');
}
