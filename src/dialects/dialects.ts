/**
 * The dialects whose operations the library knows, by the names that graph files give them.
 *
 * Invariant: an unknown dialect is one too: of its operations a graph file says all that is known.
 */
import type { Layout } from '../tensor/layout.js';
import type { Operation } from '../tensor/operation.js';
import { elementType, type ElementType } from '../tensor/element-type.js';
import { anyElementType } from '../tensor/any-element-type.js';
import { findOperation } from './ggml/operations.js';
import { statedResult, type StatedNode } from './ggml/stated-result.js';
import { findOperation as findOnnxOperation } from './onnx/operations.js';

/** The operations of one program, and what holds for all of its tensors. */
export interface Dialect {
  readonly name: string;
  /** How many dimensions every tensor has; null where that differs. */
  readonly rank: number | null;
  readonly findOperation: (name: string) => Operation | undefined;
  /** The element type of that name. @throws PlannerError `UNKNOWN_TYPE` */
  readonly elementType: (name: string, culprit: string) => ElementType;
  /** The type and shape of the result of an operation, where what a file says of it decides them; else null. */
  readonly resultOf: (node: StatedNode) => Pick<Layout, 'type' | 'shape'> | null;
}

const GGML: Dialect = { name: 'ggml', rank: 4, findOperation, elementType, resultOf: statedResult };
const ONNX: Dialect = {
  name: 'onnx',
  rank: null,
  findOperation: findOnnxOperation,
  elementType: anyElementType,
  resultOf: () => null,
};
const DIALECTS: readonly Dialect[] = [GGML, ONNX];

/** The dialect of that name. */
export function dialectOf(name: string): Dialect {
  const known = DIALECTS.find((dialect) => dialect.name === name);
  if (known !== undefined) return known;
  return { name, rank: null, findOperation: () => undefined, elementType: anyElementType, resultOf: () => null };
}
