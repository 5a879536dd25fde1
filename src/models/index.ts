/**
 * The public names of `tensor-arena/models`: the memory that a model needs, from the header of its GGUF file. Exports
 * only.
 *
 * @module tensor-arena/models
 */
export { describeOutputs } from './assumption.js';
export { CACHE_TYPES, type CacheType } from './cache-types.js';
export type { ModelConfiguration, ModelSizes } from './configuration.js';
export { sumByDevice, type DeviceMeasurement, type MeasuredDevice, type MemorySums } from './device-sums.js';
export { draftOptions, mtpOptions, type DraftOptions } from './draft.js';
export { fitContext, type ContextFit, type FitAttempt, type FittingConfiguration } from './fit-context.js';
export { commandOf } from './fit/command.js';
export { shellCommand } from './fit/shell-command.js';
export { fitModel, type FitModelOptions, type FitPoint, type ModelFit } from './fit/fit-model.js';
export { fitAsLlamaCpp, type LlamaCppFit } from './fit/llama-cpp.js';
export type { FitOptions } from './fit/options.js';
export type { MemoryUse, Trial } from './fit/trial.js';
export { LLAMA_CPP_BUILD, LLAMA_CPP_COMMIT, LLAMA_CPP_PLAN, MODEL_PLANS } from './llama-cpp.js';
export { measureModel, type ModelMeasurement } from './measure-model.js';
export type { MachineMeasurement, MachineOptions } from './measure-on-devices.js';
export { readModel, type ModelHeader, type ModelSource } from './model-graph.js';
export type { LoraAdapter } from './offload/adapters.js';
export type { BufferPurpose, DeviceBuffer } from './offload/buffers.js';
export type { PhaseOnDevices } from './offload/compute-buffers.js';
export type { OffloadOptions, SplitMode } from './offload/options.js';
export type { TensorOverride } from './offload/overrides.js';
export type {
  ContextType,
  FlashAttention,
  GraphOption,
  ModelOptions,
  Phase,
  ResolvedModelOptions,
  SizeOptions,
} from './options.js';
export { memoryTable, type MemoryTableRow } from './memory-table.js';
export { POOLINGS, type Pooling } from './pooling.js';
export {
  measureProjector,
  type EncoderMeasurement,
  type EncoderRun,
  type ProjectorMeasurement,
  type ProjectorOptions,
} from './projector.js';
export { PROGRAMS, type Program, type ProgramDefaults } from './programs.js';
export {
  gridSize,
  sweepModel,
  type MachineConfiguration,
  type MachineGrid,
  type MachineSweepRow,
  type RefusedConfiguration,
  type RefusedMachineConfiguration,
  type SweepGrid,
  type SweepRow,
} from './sweep-model.js';
export { measureWeights } from './weights.js';
