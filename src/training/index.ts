/**
 * The public names of `tensor-arena/training`: what training a model takes. Exports only.
 *
 * @module tensor-arena/training
 */
export { measureTraining, type TrainingOptions } from './measure-training.js';
export { BUILT_IN_MODELS, builtInModel, modelFromConfig } from './read-model.js';
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
export { modelFromGguf } from './gguf-model.js';
export { CUDA_CARDS, cudaCard, type CudaCard } from './cuda/cards.js';
export {
  eventsOfProblem,
  simulateCachingAllocator,
  type AllocationEvents,
  type CachingOptions,
  type CachingResult,
  type OutOfMemory,
} from './cuda/simulate.js';
export {
  deepspeedZero2,
  deepspeedZero3,
  type DeepSpeedEstimate,
  type DeepSpeedInput,
  type DeepSpeedZero3Input,
} from './formulas/deepspeed.js';
export { dnnmem, type DnnmemInput } from './formulas/dnnmem.js';
export { llmem, llmemPaper, type LlmemInput, type LlmemPaperInput } from './formulas/llmem.js';
export {
  MEGATRON_LAYERS,
  megatronActivations,
  megatronBytesPerParameter,
  megatronLayerActivations,
  type MegatronInput,
  type MegatronLayer,
  type MegatronModelInput,
} from './formulas/megatron.js';
export { publishedEstimates, type PublishedEstimates } from './formulas/published.js';
export { ruleOfThumb, type RuleOfThumbInput } from './formulas/rule-of-thumb.js';
export type { GpuMemory } from './parallel/fit-memory.js';
export { fitTraining, type TrainingFit, type TrainingMachine, type TrainingWay } from './parallel/fit-training.js';
export {
  measureDistributed,
  type DeviceMeasurement,
  type DistributedMeasurement,
  type DistributedOptions,
} from './parallel/measure-distributed.js';
export type { DeviceStep } from './parallel/measure-timeline.js';
export type {
  DataParallel,
  Offload,
  PipelineSchedule,
  ResolvedStrategy,
  TrainingStrategy,
} from './parallel/strategy.js';
export type { DeviceKind } from './parallel/timeline.js';
