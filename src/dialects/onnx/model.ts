/**
 * What an ONNX file says, as plain data: graphs of nodes, with the names of their values.
 *
 * Invariant: shapes are those of the file, outermost dimension first. A value that is too long to matter for a shape has
 * no data here: weights are counted, not kept.
 */
import type { ElementType } from '../../tensor/element-type.js';

/** A length of a dimension; its name if the file leaves the length open; null if it says nothing. */
export type OnnxDim = number | string | null;

/** An input or output of a graph. */
export interface OnnxValue {
  readonly name: string;
  /** Null if the file does not say it, or if it is no tensor but a sequence or a map. */
  readonly type: ElementType | null;
  /** Outermost dimension first; null if not even their number is known. */
  readonly dims: readonly OnnxDim[] | null;
}

/** A constant of a file: a weight, or a number that decides a shape. */
export interface OnnxTensor {
  readonly name: string;
  readonly type: ElementType;
  /** Outermost dimension first. */
  readonly shape: readonly number[];
  /** Its elements in order, as numbers; null if they are too many or no numbers. */
  readonly data: readonly number[] | null;
  /** The file beside the model that holds its bytes; null if the model itself holds them. */
  readonly file: string | null;
  /** Bytes of its elements, packed. */
  readonly bytes: number;
}

/** A setting of a node. Integers beyond 2^53 are rounded. */
export type OnnxAttribute =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | OnnxTensor
  | OnnxGraph
  | readonly OnnxGraph[]
  | OnnxReference
  | null;

/** A setting of a function's node that is the setting of the function's caller. */
export interface OnnxReference {
  readonly refersTo: string;
}

/** One node: an operation with the names of its operands and results. */
export interface OnnxNode {
  readonly name: string;
  /** Such as `Conv`. */
  readonly op: string;
  /** The set of operations that it belongs to; empty for ONNX's own. */
  readonly domain: string;
  /** Names of values; empty for an operand that is left out. */
  readonly inputs: readonly string[];
  /** Names of values; empty for a result that nobody wants. */
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** A graph of a file: of the model itself, or the body of a node. */
export interface OnnxGraph {
  readonly name: string;
  /** In execution order. */
  readonly nodes: readonly OnnxNode[];
  /** All that the file lists as inputs, initialisers among them as well. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly OnnxTensor[];
  /** What the file says of the values between the nodes, by name. */
  readonly values: ReadonlyMap<string, OnnxValue>;
}

/** An operation that the file itself defines by other nodes. */
export interface OnnxFunction {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly OnnxNode[];
  /** Settings that a caller may leave out. */
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
  readonly opsets: Readonly<Record<string, number>>;
}

/** How messages call a node: by its name, or else by its operation and its first result. */
export function labelOf({ name, op, outputs }: OnnxNode): string {
  return name === '' ? `${op} of ${outputs.find((output) => output !== '') ?? 'nothing'}` : `${name} (${op})`;
}

/** The full name of an operation: ONNX's own stand without their domain. */
export function operationName(domain: string, op: string): string {
  return domain === '' ? op : `${domain}.${op}`;
}

/** A shape as messages have it, in ONNX's order. */
export function shapeText(shape: readonly (number | string | null)[]): string {
  return `[${shape.map((dim) => dim ?? '?').join(', ')}]`;
}
