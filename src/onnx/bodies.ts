/**
 * Nodes with graphs of their own: `If`, `Loop` and `Scan`.
 *
 * Invariant: a body is inferred for the shapes that each of its runs has. What a loop carries from run to run has one
 * shape throughout, or a bound.
 */
import { PlannerError } from '../errors.js';
import { I64, BOOL } from '../dialects/onnx/element-types.js';
import type { Known, Outcome } from '../dialects/onnx/call.js';
import { labelOf, type OnnxGraph, type OnnxNode } from '../dialects/onnx/model.js';
import { findOnnxOperation } from '../dialects/onnx/operations.js';
import { badNode, type Infers, type Surroundings } from './surroundings.js';
import type { Body, Value } from './values.js';

type Inputs = readonly (Value | null)[];
type ControlFlow = (inference: Infers, node: OnnxNode, inputs: Inputs, around: Surroundings) => void;

function bodyOf(node: OnnxNode, setting: string): OnnxGraph {
  const graph = node.attributes[setting];
  if (typeof graph === 'object' && graph !== null && 'nodes' in graph) return graph;
  throw badNode(labelOf(node), 'has no body', `a graph as its setting ${setting}`);
}

/**
 * A condition that is known before a run leaves one branch. A branch that cannot be computed for these shapes is left out
 * where the other can be: a run that took it would fail.
 */
const branch: ControlFlow = (inference, node, inputs, around) => {
  const label = labelOf(node);
  const condition = inputs[0]?.known.data?.[0];
  const settings = ['then_branch', 'else_branch'].filter(
    (_, index) => condition === undefined || (condition === 0) === (index === 1),
  );
  const tried = settings.map((setting) => attempt(() => inference.body(bodyOf(node, setting), [], around, label)));
  const bodies = tried.filter((body): body is Body => !(body instanceof PlannerError));
  if (bodies.length === 0) throw tried[0] as PlannerError;
  const outcomes = node.outputs.map((_, index): Outcome => {
    const results = bodies.map(({ outputs }) => {
      const result = outputs[index] as Value | undefined;
      if (result === undefined || result.items !== null)
        throw badNode(label, 'has a branch without this result, or with a list in its place', 'tensors');
      return result.known;
    });
    return largest(results);
  });
  inference.finish(node, findOnnxOperation('If')!, inputs, outcomes, bodies, around);
};

/** What `work` returns, or the error that says that shapes do not fit together. */
function attempt(work: () => Body): Body | PlannerError {
  try {
    return work();
  } catch (error) {
    if (error instanceof PlannerError && error.code === 'BAD_MODEL') return error;
    throw error;
  }
}

/** The longest of each dimension; unknown where even their number differs. */
function largest(results: readonly Known[]): Outcome {
  const [{ type, shape, data }] = results;
  if (results.length === 1) return { type, shape, data };
  const isOfOneRank = results.every((each) => each.shape.length === shape.length);
  if (!isOfOneRank) return { type, shape: null };
  return { type, shape: shape.map((_, axis) => Math.max(...results.map((each) => each.shape[axis]))) };
}

function needed(node: OnnxNode, value: Value | null | undefined): Known {
  if (value === null || value === undefined || value.items !== null)
    throw badNode(labelOf(node), 'lacks an operand', 'tensors');
  return { ...value.known, data: null };
}

/** Runs that carry values from one to the next. Infers the body again if the caller gives what is carried another shape. */
function repeated(
  inference: Infers,
  node: OnnxNode,
  body: OnnxGraph,
  first: readonly Known[],
  carried: readonly Known[],
  skipped: number,
  around: Surroundings,
  last: readonly Known[] = [],
): { readonly run: Body; readonly shapes: readonly Known[] } {
  const label = labelOf(node);
  const run = inference.body(body, [...first, ...carried, ...last], around, label);
  const shapes = carried.map((before, index): Known => {
    const after = run.outputs[index + skipped]?.known ?? before;
    const isSame =
      after.shape.length === before.shape.length && after.shape.every((dim, axis) => dim === before.shape[axis]);
    if (isSame) return before;
    return inference.known(node, node.outputs[index], { type: before.type, shape: null }, around);
  });
  if (shapes.every((shape, index) => shape === carried[index])) return { run, shapes };
  return { run: inference.body(body, [...first, ...shapes, ...last], around, label), shapes };
}

const loop: ControlFlow = (inference, node, inputs, around) => {
  const body = bodyOf(node, 'body');
  const carried = inputs.slice(2).map((input) => needed(node, input));
  const counter = { type: I64, shape: [], data: null };
  const { run, shapes } = repeated(inference, node, body, [counter, { ...counter, type: BOOL }], carried, 1, around);
  const count = inputs[0]?.known.data?.[0];
  const collected = run.outputs.slice(1 + carried.length).map(({ known }): Outcome => {
    const { type, shape } = known;
    return { type, shape: count === undefined ? null : [Math.max(0, count), ...shape] };
  });
  inference.finish(node, findOnnxOperation('Loop')!, inputs, [...shapes, ...collected], [run], around);
};

const scan: ControlFlow = (inference, node, inputs, around) => {
  const label = labelOf(node);
  const body = bodyOf(node, 'body');
  if ((around.opsets[''] ?? 9) < 9) throw badNode(label, 'is of version 8, which has a batch', 'version 9 or later');
  const sliceCount = Number(node.attributes['num_scan_inputs'] ?? 0);
  const stateCount = inputs.length - sliceCount;
  if (!(sliceCount >= 1 && stateCount >= 0))
    throw badNode(label, `cuts ${sliceCount} operands`, 'at least one of those it has');
  const states = inputs.slice(0, stateCount).map((input) => needed(node, input));
  const axesOf = (setting: string): readonly number[] =>
    (node.attributes[setting] as readonly number[] | undefined) ?? [];
  let length = 0;
  const slices = inputs.slice(stateCount).map((input, index): Known => {
    const known = needed(node, input);
    const axis = axesOf('scan_input_axes')[index] ?? 0;
    const place = axis < 0 ? axis + known.shape.length : axis;
    length = known.shape[place] ?? 0;
    return { ...known, shape: known.shape.toSpliced(place, 1) };
  });
  const { run, shapes } = repeated(inference, node, body, [], states, 0, around, slices);
  const collected = run.outputs.slice(stateCount).map(({ known: { type, shape } }, index): Outcome => {
    const axis = axesOf('scan_output_axes')[index] ?? 0;
    return { type, shape: shape.toSpliced(axis < 0 ? axis + shape.length + 1 : axis, 0, length) };
  });
  inference.finish(node, findOnnxOperation('Scan')!, inputs, [...shapes, ...collected], [run], around);
};

export const CONTROL_FLOW: Readonly<Partial<Record<string, ControlFlow>>> = { If: branch, Loop: loop, Scan: scan };
