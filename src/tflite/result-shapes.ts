/**
 * The shapes of what an operator computes: by the rule of its operation, by the file, or as the caller says.
 *
 * Invariant: where no shape of an operand differs from the file's, the rule must agree with the file, or the file is at
 * odds with itself.
 */
import { named, PlannerError, shown } from '../errors.js';
import { knownValues } from '../dialects/tflite/known-values.js';
import { findTfliteOperation } from '../dialects/tflite/operations.js';
import type { ShapeQuery, TfliteShape } from '../dialects/tflite/shape-query.js';
import { checkBytes } from '../units.js';
import type { Frame } from './frame.js';
import type { TfliteOperator } from './model.js';

/** Shapes of tensors by name, outermost dimension first. */
export type ShapesByName = Readonly<Record<string, TfliteShape>>;

/**
 * Notes the shapes of the results of an operator, and the numbers that they hold where those are known.
 *
 * @param declared shapes that the caller gives, by the name of the tensor
 * @throws PlannerError `BAD_OPERAND` if the operation does not take such operands, `BAD_TFLITE` if the file is at odds
 * with itself, `UNKNOWN_SHAPE` for a shape that nobody knows
 */
export function inferResults(frame: Frame, operator: TfliteOperator, index: number, declared: ShapesByName): void {
  const { inputs, outputs, op, isCustom } = operator;
  const { tensors } = frame.subgraph;
  const label = labelOf(frame, operator, index);
  const query: ShapeQuery = {
    op,
    label,
    shapes: inputs.map((id) => (id < 0 ? null : frame.shapeOf(id))),
    values: (slot) => (slot >= inputs.length || inputs[slot] < 0 ? null : frame.valuesOf(inputs[slot])),
    params: operator.params,
    resultCount: outputs.length,
    stated: outputs.map((id) => (id < 0 ? [] : tensors[id].shape)),
  };
  const isChanged = inputs.some((id) => id >= 0 && frame.isChanged(id));
  const rule = isCustom ? null : (findTfliteOperation(op)?.shapes ?? null);
  const inferred = rule?.(query) ?? null;
  outputs.forEach((id, result) => {
    if (id < 0) return;
    const { name, shape: stated } = tensors[id];
    const own = Object.hasOwn(declared, name) ? declared[name] : null;
    const shape = own ?? inferred?.[result] ?? (isChanged ? unknownShape(label, frame.nameOf(id)) : stated);
    checkBytes(
      shape.reduce((product, length) => product * length, tensors[id].type.blockBytes),
      label,
    );
    if (own === null && !isChanged) checkStated(frame, id, shape, label);
    frame.setShape(id, shape);
  });
  const values = isCustom ? null : knownValues(query);
  if (values !== null && outputs[0] >= 0) frame.setValues(outputs[0], values);
}

/** Names of operations are no longer than this in messages. */
const MOST_LETTERS = 80;

/** What messages call an operator. */
export function labelOf(frame: Frame, { op, outputs }: TfliteOperator, index: number): string {
  const [first = -1] = outputs;
  const hasName = first >= 0 && frame.subgraph.tensors[first].name !== '';
  return `${op.slice(0, MOST_LETTERS)} ${hasName ? frame.nameOf(first) : `(operator ${index})`}`;
}

function unknownShape(label: string, name: string): never {
  throw new PlannerError('UNKNOWN_SHAPE', {
    message: `The shape of ${named(name)}, which ${label} computes, does not follow from the shapes of its operands.`,
    culprit: name,
    value: 'unknown for these inputs',
    limit: 'known before the run',
    remedy: 'Give the largest shape that it may have with the option `bounds`, by the name of the tensor.',
  });
}

function checkStated(frame: Frame, id: number, shape: TfliteShape, label: string): void {
  const { shape: stated, shapeSignature } = frame.subgraph.tensors[id];
  // A file states no dimensions, or -1, where its converter knew none.
  if (stated.length === 0) return;
  const isFree = (dim: number): boolean => shapeSignature !== null && shapeSignature[dim] === -1;
  const areEqual =
    stated.length === shape.length && stated.every((length, dim) => isFree(dim) || length === shape[dim]);
  if (areEqual) return;
  const [found, made] = [shown(stated), shown(shape)];
  throw new PlannerError('BAD_TFLITE', {
    message: `The file states the shape ${found} for the result of ${label}, but its operands make ${made}.`,
    culprit: label,
    value: found,
    limit: made,
    remedy: 'Convert the model again, or give the shape with the option `bounds`, by the name of the tensor.',
  });
}
