/**
 * Lists of tensors, and values that may be missing: resolved while shapes are inferred, so that a graph has tensors alone.
 *
 * Invariant: a list has a length that is known before a run.
 */
import { BOOL, I64 } from '../dialects/onnx/element-types.js';
import { Call } from '../dialects/onnx/call.js';
import { labelOf, type OnnxNode } from '../dialects/onnx/model.js';
import { findOnnxOperation } from '../dialects/onnx/operations.js';
import { findRule } from '../dialects/onnx/rules/rules.js';
import { PlannerError } from '../errors.js';
import { badNode, type Infers, type Surroundings } from './surroundings.js';
import type { Value } from './values.js';

type Inputs = readonly (Value | null)[];

/** Defines the results of a node; false if it is to be computed as any other. */
type ListOperation = (inference: Infers, node: OnnxNode, inputs: Inputs, around: Surroundings) => boolean;

/** The elements of a list. */
function itemsOf(node: OnnxNode, value: Value | null | undefined): readonly Value[] {
  if (value?.items === null || value === null || value === undefined) {
    throw badNode(labelOf(node), 'takes no list', 'a list of tensors as its first operand');
  }
  return value.items;
}

function defines(node: OnnxNode, value: Value, { scope }: Surroundings): true {
  if (node.outputs[0] !== '') scope.define(node.outputs[0], value);
  return true;
}

const listOf = (node: OnnxNode, items: readonly Value[]): Value => ({
  name: node.outputs[0],
  known: { type: items[0]?.known.type ?? I64, shape: [], data: null },
  isConstant: items.every(({ isConstant }) => isConstant),
  items,
});

/** The place in a list that an operand names; undefined if only a run tells. */
function positionOf(node: OnnxNode, value: Value | null | undefined, count: number, fallback: number): number {
  if (value === null || value === undefined) return fallback;
  const position = value.known.data?.[0];
  if (position === undefined) throw onlyInARun(node, 'a place in a list');
  const place = position < 0 ? position + count : position;
  if (place < 0 || place > count) throw badNode(labelOf(node), `names the place ${position}`, `one of ${count}`);
  return place;
}

function onlyInARun(node: OnnxNode, what: string): PlannerError {
  const label = labelOf(node);
  return new PlannerError('UNKNOWN_SHAPE', {
    message: `The node ${label} asks for ${what} that only a run tells.`,
    culprit: label,
    value: 'only known in a run',
    limit: 'known before a run',
    remedy: 'Export the model without lists of tensors.',
  });
}

/** A number that is known before a run. */
const numberOf = (node: OnnxNode, type: typeof I64, value: number): Value => ({
  name: node.outputs[0],
  known: { type, shape: [], data: [value] },
  isConstant: true,
  items: null,
});

const at: ListOperation = (_, node, [list, position], around) => {
  const items = itemsOf(node, list);
  const item = items[positionOf(node, position, items.length, 0)];
  if (item === undefined) throw badNode(labelOf(node), 'names a place behind the list', `one of ${items.length}`);
  return defines(node, item, around);
};

const insert: ListOperation = (_, node, [list, item, position], around) => {
  const items = itemsOf(node, list);
  if (item === null || item === undefined) throw badNode(labelOf(node), 'inserts nothing', 'a tensor');
  return defines(
    node,
    listOf(node, items.toSpliced(positionOf(node, position, items.length, items.length), 0, item)),
    around,
  );
};

const erase: ListOperation = (_, node, [list, position], around) => {
  const items = itemsOf(node, list);
  return defines(
    node,
    listOf(node, items.toSpliced(positionOf(node, position, items.length, items.length - 1), 1)),
    around,
  );
};

const construct: ListOperation = (_, node, inputs, around) => {
  return defines(
    node,
    listOf(
      node,
      inputs.flatMap((input) => input ?? []),
    ),
    around,
  );
};

/** The parts are results of a step, which is that of a plain cut. */
const split: ListOperation = (inference, node, inputs, around) => {
  const [value, lengths] = inputs;
  const shape = value?.known.shape ?? [];
  const axis = Number(node.attributes['axis'] ?? 0);
  const length = shape[axis < 0 ? axis + shape.length : axis] ?? 0;
  const sizes = lengths === null || lengths === undefined ? [1] : lengths.known.data;
  if (sizes === null) throw onlyInARun(node, 'lengths of parts');
  const isEach = lengths === null || lengths === undefined || lengths.known.shape.length === 0;
  const count = isEach ? Math.ceil(length / sizes[0]) : sizes.length;
  if (!(count <= MAX_PARTS)) throw badNode(labelOf(node), `cuts into ${count} parts`, `at most ${MAX_PARTS}`);
  const parts = isEach
    ? Array.from({ length: count }, (_, part) => Math.min(sizes[0], length - part * sizes[0]))
    : sizes;
  const drops = (lengths === null || lengths === undefined) && node.attributes['keepdims'] === 0;
  const names = parts.map((_, part) => `${node.outputs[0]}[${part}]`);
  const cut: OnnxNode = { ...node, op: 'Split', outputs: names };
  const operation = findOnnxOperation('Split')!;
  const sized = { type: I64, shape: [parts.length], data: parts };
  const outcomes = findRule('Split')!(new Call(cut, 13, [value?.known ?? null, sized], operation.operands));
  const dropped = outcomes.map((outcome) => ({
    ...outcome,
    shape: drops ? outcome.shape!.toSpliced(axis < 0 ? axis + shape.length : axis, 1) : outcome.shape,
  }));
  inference.finish(cut, operation, inputs, dropped, [], around);
  const items = names.map((name) => around.scope.need(name, labelOf(node)));
  return defines(node, listOf(node, items), around);
};

const MAX_PARTS = 100_000;

const empty: ListOperation = (_, node, __, around) => defines(node, listOf(node, []), around);
const length: ListOperation = (_, node, [list], around) =>
  defines(node, numberOf(node, I64, itemsOf(node, list).length), around);
const same: ListOperation = (_, node, [value], around) => {
  return defines(node, value ?? listOf(node, []), around);
};
const hasElement: ListOperation = (_, node, [value], around) => {
  const isMissing = value === null || value === undefined || value.items?.length === 0;
  return defines(node, numberOf(node, BOOL, isMissing ? 0 : 1), around);
};

/** Lists go through as they are; tensors are views. */
const identity: ListOperation = (_, node, [value], around) =>
  value !== null && value !== undefined && value.items !== null && defines(node, value, around);

export const LIST_OPERATIONS: Readonly<Partial<Record<string, ListOperation>>> = {
  Identity: identity,
  Optional: same,
  OptionalGetElement: same,
  OptionalHasElement: hasElement,
  SequenceAt: at,
  SequenceConstruct: construct,
  SequenceEmpty: empty,
  SequenceErase: erase,
  SequenceInsert: insert,
  SequenceLength: length,
  SplitToSequence: split,
};
