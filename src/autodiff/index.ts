/**
 * The public names of `tensor-arena/autodiff`: gradients of a graph, and the graphs of training. Exports only.
 *
 * @module tensor-arena/autodiff
 */
export { gradients, type GradientOptions, type Gradients } from './gradients.js';
export type { LossName } from './losses.js';
export { adamwSettings, type AdamwOptions, type OptimizerName } from './optimizers.js';
export type { GradientRule, RuleSource } from './rule.js';
export { findGradientRule, GRADIENT_RULES } from './rules.js';
export { trainingBuffers, type BufferTensor, type TensorBuffer, type TrainingBuffers } from './training-buffers.js';
export { trainingGraphs, type ParameterState, type TrainingGraphs, type TrainingOptions } from './training-graphs.js';
