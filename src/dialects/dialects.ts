/**
 * The dialects whose operations the library knows, by the names that graph files give them.
 *
 * Invariant: an unknown dialect is one too: of its operations a graph file says all that is known.
 */
import type { Layout } from '../tensor/layout.js';
import type { Operation } from '../tensor/operation.js';
import type { ElementType } from '../tensor/element-type.js';
import { PLAIN_TYPES } from '../tensor/plain-types.js';
import { findOperation } from './ggml/operations.js';
import { statedResult, type StatedNode } from './ggml/stated-result.js';
import { findOnnxOperation } from './onnx/operations.js';
import { findTfliteOperation } from './tflite/operations.js';
import { findTorchOperation } from './torch/operations.js';

/** The operations of one program, and what holds for all of its tensors. */
export interface Dialect {
  readonly name: string;
  /** How many dimensions every tensor has; null where that differs. */
  readonly rank: number | null;
  /** Element types that it has besides those of ggml. */
  readonly types: Readonly<Partial<Record<string, ElementType>>>;
  readonly findOperation: (name: string) => Operation | undefined;
  /** The type and shape of the result of an operation, where what a file says of it decides them; else null. */
  readonly resultOf: (node: StatedNode) => Pick<Layout, 'type' | 'shape'> | null;
}

const GGML: Dialect = { name: 'ggml', rank: 4, types: {}, findOperation, resultOf: statedResult };

/** Its shape rules need settings that no graph file has, such as constants: the reader of models knows them. */
const ONNX: Dialect = {
  name: 'onnx',
  rank: null,
  types: PLAIN_TYPES,
  findOperation: findOnnxOperation,
  resultOf: () => null,
};

/** Its rows know shapes in TFLite's order, and of values that no graph file has: the reader of models checks them. */
const TFLITE: Dialect = {
  name: 'tflite',
  rank: null,
  types: PLAIN_TYPES,
  findOperation: findTfliteOperation,
  resultOf: () => null,
};

/** Strides decide where a view of PyTorch ends and a copy begins, and a graph file has these: its maker has checked them. */
const TORCH: Dialect = {
  name: 'torch',
  rank: null,
  types: PLAIN_TYPES,
  findOperation: findTorchOperation,
  resultOf: () => null,
};

const DIALECTS: ReadonlyMap<string, Dialect> = new Map(
  [GGML, ONNX, TFLITE, TORCH].map((dialect) => [dialect.name, dialect]),
);

/** The dialect of that name. */
export function dialectOf(name: string): Dialect {
  const unknown = { name, rank: null, types: PLAIN_TYPES, findOperation: () => undefined, resultOf: () => null };
  return DIALECTS.get(name) ?? unknown;
}
