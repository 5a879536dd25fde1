/**
 * `tensor-arena/tflite`: models of TensorFlow Lite, TensorFlow Lite Micro and ExecuTorch: reads TFLite files, makes graphs
 * of them, plans as those runtimes do, and writes plans that TensorFlow Lite Micro follows. Exports only.
 *
 * @module tensor-arena/tflite
 */
export { readTflite } from './read-tflite.js';
export type {
  TfliteMetadata,
  TfliteModel,
  TfliteOperator,
  TfliteSubgraph,
  TfliteTensor,
  TfliteWeights,
} from './model.js';
export { graphFromTflite, type TfliteGraphOptions } from './graph-from-tflite.js';
export { TFLITE_CONVENTIONS, type TfliteConvention, type TfliteConventionName } from './conventions.js';
export { inFileOrder } from './file-order.js';
export { offlinePlanOf, readOfflinePlan, writeOfflinePlan, type OfflinePlan } from './offline-plan.js';
export { executorchGreedy } from '../solver/peers/executorch.js';
export { tfliteGreedy } from '../solver/peers/tflite.js';
export { tfliteMicroGreedy } from '../solver/peers/tflite-micro.js';
