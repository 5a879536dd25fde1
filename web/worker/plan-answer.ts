/**
 * What the page shows of a plan.
 */
import { serveMap } from 'tensor-arena/viewer';
import type { PlanAnswer } from '../messages.js';
import { modelFacts } from './model-facts.js';
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
    network: planned.kind === 'graph' ? planned.network : null,
    map: serveMap(map),
  };
}
