/**
 * Plans what was read, with the settings of the page.
 */
import {
  ALLOCATORS,
  planGraph,
  PlannerError,
  type CsvProblem,
  type Placement,
  type Plan,
  type PlanOptions,
} from 'tensor-arena';
import type { Gguf } from 'tensor-arena/gguf';
import { memoryMapOf, type MemoryMap } from 'tensor-arena/map';
import { measureModel, MODEL_PLANS, type ModelMeasurement } from 'tensor-arena/models';
import { CPU_ONLY } from '../machines.js';
import type { NetworkFacts } from '../messages.js';
import type { Settings } from '../settings.js';
import { measureOnMachine, type OnMachine } from './machine.js';
import { modelOf } from './model-of.js';
import { modelOptions } from './model-options.js';
import { dimsOf, graphOf } from './network.js';
import type { Input } from './read-source.js';

/** What was planned, and what led to it. */
export type Planned =
  | { readonly kind: 'model'; readonly gguf: Gguf; readonly model: ModelMeasurement; readonly plan: Plan }
  | ({ readonly kind: 'machine'; readonly gguf: Gguf; readonly plan: Plan } & OnMachine)
  | { readonly kind: 'graph'; readonly plan: Plan; readonly network: NetworkFacts | null }
  | { readonly kind: 'problem'; readonly csv: CsvProblem; readonly placement: Placement; readonly allocator: string };

/** @throws PlannerError */
export function planInput(input: Input, settings: Settings): Planned {
  switch (input.kind) {
    case 'model': {
      if (settings.machine !== CPU_ONLY) return planOnMachine(input.gguf, settings);
      const model = measureModel(
        modelOf(input.gguf),
        modelOptions(input.gguf, settings),
        MODEL_PLANS[settings.modelAllocator],
      );
      return { kind: 'model', gguf: input.gguf, model, plan: model.plan };
    }
    case 'graph':
      return { kind: 'graph', plan: planGraph(input.graph, planningOf(settings)), network: null };
    case 'network': {
      const { network } = input;
      const plan = planGraph(graphOf(network, settings), { ...network.options, ...planningOf(settings) });
      const { format, weightBytes: weights } = network;
      return { kind: 'graph', plan, network: { format, weights, dims: dimsOf(network, settings) } };
    }
    case 'problem':
      return planProblem(input.csv, settings);
  }
}

/** How a graph is planned. */
function planningOf({ allocator, inPlace }: Settings): PlanOptions {
  return inPlace === 'default' ? { allocator } : { allocator, reuse: inPlace };
}

function planOnMachine(gguf: Gguf, settings: Settings): Planned {
  const found = measureOnMachine(gguf, settings);
  return { kind: 'machine', gguf, plan: found.machine.phases.pp.plan, ...found };
}

/** The map of what was planned. */
export function mapOf(planned: Planned): MemoryMap {
  if (planned.kind === 'machine') return memoryMapOf(planned.plan, planned.machine.phases.pp.schedule);
  if (planned.kind !== 'problem') return memoryMapOf(planned.plan);
  const { csv, placement, allocator } = planned;
  return memoryMapOf(csv, placement, allocator);
}

function planProblem(csv: CsvProblem, { allocator }: Settings): Planned {
  if (allocator === 'ggml' && csv.problem.fixedOffsets !== null) {
    throw new PlannerError('BAD_ARGUMENT', {
      message: 'The column "offset" fixes offsets, which the allocator ggml cannot keep.',
      culprit: 'allocator',
      value: allocator,
      limit: 'another one, since the column "offset" fixes offsets',
      remedy: 'Choose auto, or one of the greedy ones.',
    });
  }
  return { kind: 'problem', csv, placement: ALLOCATORS[allocator].place(csv.problem), allocator };
}
