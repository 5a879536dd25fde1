/**
 * The public names of `tensor-arena/training`: what training a model takes. Exports only.
 *
 * @module tensor-arena/training
 */
export { measureTraining, type TrainingOptions } from './measure-training.js';
export { BUILT_IN_MODELS, builtInModel, modelFromConfig } from './read-model.js';
export { resolveRun } from './resolve-run.js';
export { trainingCaseFromJson, type TrainingCase } from './read-case.js';
export { trainingStep } from './step.js';
export type {
  HostBytes,
  PhaseMeasurement,
  StepMeasurement,
  TrainingCounts,
  TrainingKind,
  TrainingMeasurement,
  TrainingPhase,
  TrainingStep,
} from './measurement.js';
export type { FeedForwardActivation, TrainingFamily, TrainingModel } from './model.js';
export type {
  Checkpointing,
  LoraOptions,
  OptimizerImplementation,
  OptimizerName,
  ResolvedRun,
  TrainingAttention,
  TrainingDevice,
  TrainingMethod,
  TrainingPrecision,
  TrainingRun,
} from './run.js';
