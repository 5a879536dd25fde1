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
import { DEPENDENCY, EMPTY, VIEW } from './ggml/ops/views.js';
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
  /** What it takes to compute a result in parts; null if it has no such operations. */
  readonly parts: PartOperations | null;
}

/** The operations that look at a part of some bytes, wait for another result, and have bytes to write parts into. */
export interface PartOperations {
  readonly view: Operation;
  readonly dependency: Operation;
  readonly empty: Operation;
}

const GGML: Dialect = {
  name: 'ggml',
  rank: 4,
  types: {},
  findOperation,
  resultOf: statedResult,
  parts: { view: VIEW, dependency: DEPENDENCY, empty: EMPTY },
};

/** Its shape rules need settings that no graph file has, such as constants: the reader of models knows them. */
const ONNX: Dialect = {
  name: 'onnx',
  rank: null,
  types: PLAIN_TYPES,
  findOperation: findOnnxOperation,
  resultOf: () => null,
  parts: null,
};

/** Its rows know shapes in TFLite's order, and of values that no graph file has: the reader of models checks them. */
const TFLITE: Dialect = {
  name: 'tflite',
  rank: null,
  types: PLAIN_TYPES,
  findOperation: findTfliteOperation,
  resultOf: () => null,
  parts: null,
};

/** Strides decide where a view of PyTorch ends and a copy begins, and a graph file has these: its maker has checked them. */
const TORCH: Dialect = {
  name: 'torch',
  rank: null,
  types: PLAIN_TYPES,
  findOperation: findTorchOperation,
  resultOf: () => null,
  parts: null,
};

const DIALECTS: ReadonlyMap<string, Dialect> = new Map(
  [GGML, ONNX, TFLITE, TORCH].map((dialect) => [dialect.name, dialect]),
);

/** The dialect of that name. */
export function dialectOf(name: string): Dialect {
  const unknown = {
    name,
    rank: null,
    types: PLAIN_TYPES,
    findOperation: () => undefined,
    resultOf: () => null,
    parts: null,
  };
  return DIALECTS.get(name) ?? unknown;
}
