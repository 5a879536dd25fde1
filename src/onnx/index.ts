/**
 * `tensor-arena/onnx`: reads ONNX models, infers their shapes, and makes graphs of them. The build bundles the package that
 * decodes the files.
 *
 * @module tensor-arena/onnx
 */
export { readOnnx } from './read-onnx.js';
export { graphFromOnnx } from './graph-from-onnx.js';
export { inferShapes } from './infer-shapes.js';
export { openDims } from './input-shapes.js';
export type { OnnxModel, OnnxSource, OnnxWeights } from './read-onnx.js';
export type { InferredNode } from './infer-shapes.js';
export type { DeclaredNode, DeclaredValue, DeclareOperation, OnnxOptions } from './options.js';
export type {
  OnnxAttribute,
  OnnxDim,
  OnnxFunction,
  OnnxGraph,
  OnnxNode,
  OnnxReference,
  OnnxTensor,
  OnnxValue,
} from '../dialects/onnx/model.js';
