/**
 * The shapes of a model's values, as plain data.
 */
import { infer } from './infer.js';
import { labelOf } from '../dialects/onnx/model.js';
import { resolveOnnxOptions, type DeclaredValue, type OnnxOptions } from './options.js';
import type { OnnxModel } from './read-onnx.js';
import type { Step, Value } from './values.js';

/** A node with its results. */
export interface InferredNode {
  /** Its name and operation. */
  readonly label: string;
  readonly name: string;
  readonly op: string;
  /** Whether its results follow from constants of the file alone: no run has to compute them. */
  readonly isConstant: boolean;
  /** The results by name; those that nobody wants are left out. */
  readonly outputs: Readonly<Record<string, DeclaredValue>>;
  /** The nodes of its bodies. */
  readonly bodies: readonly (readonly InferredNode[])[];
}

/**
 * The nodes of a model with the types and shapes of their results, outermost dimension first; those of
 * functions in the place of the nodes that call these. O(nodes).
 *
 * @throws PlannerError as `graphFromOnnx`
 *
 * @example
 * ```ts
 * import { inferShapes, readOnnx } from 'tensor-arena/onnx';
 * const nodes = inferShapes(await readOnnx('examples/squeezenet.onnx'));
 * const first = nodes.find(({ isConstant }) => !isConstant)!;
 * console.log(first.op, Object.values(first.outputs)[0].shape); // Conv, [1, 64, 111, 111]
 * ```
 */
export function inferShapes(model: OnnxModel, options: OnnxOptions = {}): readonly InferredNode[] {
  return nodesOf(infer(model, resolveOnnxOptions(options)).steps);
}

function nodesOf(steps: readonly Step[]): readonly InferredNode[] {
  return steps.map(({ node, isConstant, outputs, bodies }) => ({
    label: labelOf(node),
    name: node.name,
    op: node.op,
    isConstant,
    outputs: Object.fromEntries(outputs.filter((output): output is Value => output !== null).map(plain)),
    bodies: bodies.map(({ steps: inner }) => nodesOf(inner)),
  }));
}

function plain({ name, known: { type, shape } }: Value): readonly [string, DeclaredValue] {
  return [name, { type: type.name, shape }];
}
