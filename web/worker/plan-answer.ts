/**
 * What the page shows of a plan.
 */
import { renderMap, type Gguf, type MemoryMap, type ModelMeasurement } from 'tensor-arena';
import type { ModelFacts, Picture, PlanAnswer } from '../messages.js';
import { mapOf, type Planned } from './plan-input.js';

/** Drawing more boxes than this would hold up the page, so that the worker draws them. */
const MOST_BOXES = 10_000;

/** Small enough for the page to show at once, even if it has no two equal cells. */
const PICTURE = { width: 960, height: 600, tooltips: false };

export function planAnswer(planned: Planned, title: string): PlanAnswer {
  const map = mapOf(planned);
  const { bufferSize, lowerBound, allocator } = map;
  return {
    ...{ bufferSize, lowerBound, allocator, optimal: bufferSize === lowerBound },
    bufferCount: planned.kind === 'problem' ? planned.csv.problem.bufferCount : planned.plan.bufferCount,
    nodeCount: planned.kind === 'problem' ? null : planned.plan.nodeCount,
    model: planned.kind === 'model' ? modelFacts(planned.gguf, planned.model) : null,
    picture: pictureOf(map, title),
  };
}

function pictureOf(map: MemoryMap, title: string): Picture {
  if (map.boxes.length <= MOST_BOXES) return { map };
  return { svg: renderMap(map, { ...PICTURE, title }) };
}

function modelFacts({ metadata }: Gguf, model: ModelMeasurement): ModelFacts {
  const { architecture, isRecurrent, weights, context, compute, total, run, llamaCppBuild } = model;
  return {
    ...{ architecture, isRecurrent, weights, context, compute, total, llamaCppBuild },
    trainedContext: Number(metadata[`${architecture}.context_length`]),
    contextSize: run.contextSize,
    ubatchSize: run.ubatchSize,
  };
}
