/**
 * What the page shows of a model, whatever it runs on.
 */
import type { Gguf } from 'tensor-arena/gguf';
import { describeOutputs, type MachineMeasurement, type ModelMeasurement } from 'tensor-arena/models';
import type { ModelFacts } from '../messages.js';

export function modelFacts({ metadata }: Gguf, model: ModelMeasurement | MachineMeasurement): ModelFacts {
  const { architecture, isRecurrent, weights, context, compute, total, run, llamaCppBuild } = model;
  return {
    architecture,
    isRecurrent,
    weights,
    context,
    compute,
    total,
    llamaCppBuild,
    trainedContext: Number(metadata[`${architecture}.context_length`]),
    contextSize: run.contextSize,
    ubatchSize: run.ubatchSize,
    sequences: run.sequences,
    isUnified: run.isUnified,
    outputs: run.maxOutputs,
    assumption: describeOutputs(run),
  };
}
