/**
 * What would fit into the chosen memory, and what the other allocator would need.
 */
import type { Gguf } from 'tensor-arena/gguf';
import { CACHE_TYPES, fitContext, measureModel, type CacheType, type FittingConfiguration } from 'tensor-arena/models';
import type { FitAnswer, Remedy } from '../messages.js';
import { memoryBytes, type Settings } from '../settings.js';
import { modelOf } from './model-of.js';
import { modelOptions } from './model-options.js';

/** @throws PlannerError */
export function fitAnswer(gguf: Gguf, settings: Settings): FitAnswer {
  const options = modelOptions(gguf, settings);
  const { compute, computeWithAuto } = measureModel(modelOf(gguf), options);
  const fit = fitContext(modelOf(gguf), memoryBytes(settings), options);
  const { wantedContext, trainedContext, largest, beyondTraining, isUnlimited, largestUbatch, largestCache } = fit;
  return {
    wantedContext,
    trainedContext,
    largestContext: (beyondTraining ?? largest)?.run.contextSize ?? null,
    isUnlimited: isUnlimited && largest !== null,
    isRecurrent: largest?.isRecurrent ?? false,
    remedies: [...ubatchRemedy(largestUbatch, settings), ...cacheRemedy(largestCache, settings)],
    computeOfGgml: compute,
    computeOfAuto: computeWithAuto,
  };
}

function ubatchRemedy(found: FittingConfiguration | null, { ubatch }: Settings): Remedy[] {
  const size = found?.run.ubatchSize ?? Infinity;
  if (size >= ubatch) return [];
  return [{ change: { ubatch: size }, label: `Physical batch ${size}` }];
}

function cacheRemedy(found: FittingConfiguration | null, settings: Settings): Remedy[] {
  if (found === null) return [];
  const keyType = cacheType(found.run.keyType.name);
  const valueType = cacheType(found.run.valueType.name);
  if (keyType === settings.keyType && valueType === settings.valueType) return [];
  return [{ change: { keyType, valueType }, label: `Cache ${keyType} / ${valueType}` }];
}

function cacheType(name: string): CacheType {
  return CACHE_TYPES.find((each) => each === name)!;
}
