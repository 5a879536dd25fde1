/**
 * The options of the library that the settings stand for, whatever the machine.
 */
import type { Gguf } from 'tensor-arena/gguf';
import { fitContext, type ModelOptions } from 'tensor-arena/models';
import { memoryBytes, type Settings } from '../settings.js';
import { modelOf } from './model-of.js';

/** llama.cpp computes at most one batch at a time. */
const DEFAULT_BATCH = 2048;

/** Tokens that are shown of a model of which no context fits. */
export const SOME_CONTEXT = 4096;

/** The options of `measureModel` on a CPU. @throws PlannerError */
export function modelOptions(gguf: Gguf, settings: Settings): ModelOptions {
  const options = optionsApartFromContext(settings);
  return { ...options, ctxSize: settings.context || contextThatFits(gguf, settings, options) };
}

/** What the model was trained on, or as much of it as fits. */
function contextThatFits(gguf: Gguf, settings: Settings, options: ModelOptions): number {
  const { trainedContext, largest, isUnlimited } = fitContext(modelOf(gguf), memoryBytes(settings), options);
  if (isUnlimited) return trainedContext;
  return Math.min(trainedContext, largest?.run.contextSize ?? SOME_CONTEXT);
}

export function optionsApartFromContext(settings: Settings): ModelOptions {
  return {
    program: settings.program,
    parallel: settings.sequences || undefined,
    kvUnified: settings.unified,
    outputs: settings.outputs || undefined,
    batchSize: Math.max(DEFAULT_BATCH, settings.ubatch),
    ubatchSize: settings.ubatch,
    cacheTypeK: settings.keyType,
    cacheTypeV: settings.valueType,
    flashAttention: settings.flashAttention,
  };
}
