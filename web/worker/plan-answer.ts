/**
 * What the page shows of a plan.
 */
import type { Gguf } from 'tensor-arena/gguf';
import { describeOutputs, type ModelMeasurement } from 'tensor-arena/models';
import { serveMap } from 'tensor-arena/viewer';
import type { ModelFacts, PlanAnswer } from '../messages.js';
import { mapOf, type Planned } from './plan-input.js';

export function planAnswer(planned: Planned): PlanAnswer {
  const map = mapOf(planned);
  const { bufferSize, lowerBound, allocator } = map;
  return {
    bufferSize,
    lowerBound,
    allocator,
    isOptimal: bufferSize === lowerBound,
    bufferCount: planned.kind === 'problem' ? planned.csv.problem.bufferCount : planned.plan.bufferCount,
    nodeCount: planned.kind === 'problem' ? null : planned.plan.nodeCount,
    model: planned.kind === 'model' ? modelFacts(planned.gguf, planned.model) : null,
    map: serveMap(map),
  };
}

function modelFacts({ metadata }: Gguf, model: ModelMeasurement): ModelFacts {
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
