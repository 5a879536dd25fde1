/**
 * Plans what was read, with the settings of the page.
 */
import {
  ALLOCATORS,
  measureModel,
  memoryMapOf,
  memoryMapOfPlacement,
  planGraph,
  PlannerError,
  type CsvProblem,
  type Gguf,
  type MemoryMap,
  type ModelMeasurement,
  type ModelOptions,
  type Placement,
  type Plan,
  type PlanOptions,
} from 'tensor-arena';
import type { Settings } from '../settings.js';
import type { Input } from './read-source.js';

/** What was planned, and what led to it. */
export type Planned =
  | { readonly kind: 'model'; readonly gguf: Gguf; readonly model: ModelMeasurement; readonly plan: Plan }
  | { readonly kind: 'graph'; readonly plan: Plan }
  | { readonly kind: 'problem'; readonly csv: CsvProblem; readonly placement: Placement; readonly allocator: string };

/** llama.cpp computes at most one batch at a time. */
const DEFAULT_BATCH = 2048;

/** The options of `measureModel` that the settings stand for. */
export function modelOptions(settings: Settings): ModelOptions {
  return {
    ctxSize: settings.context,
    batchSize: Math.max(DEFAULT_BATCH, settings.ubatch),
    ubatchSize: settings.ubatch,
    cacheTypeK: settings.keyType,
    cacheTypeV: settings.valueType,
    flashAttention: settings.flashAttention,
  };
}

/** As llama.cpp plans on a CPU, or as we would. */
const MODEL_PLANS: Readonly<Record<Settings['modelAllocator'], PlanOptions>> = {
  ggml: { allocator: 'ggml', inPlace: 'ggml', alignment: 32 },
  auto: { allocator: 'auto', inPlace: 'full', alignment: 32 },
};

/** @throws PlannerError */
export function planInput(input: Input, settings: Settings): Planned {
  switch (input.kind) {
    case 'model': {
      const model = measureModel(input.gguf, modelOptions(settings), MODEL_PLANS[settings.modelAllocator]);
      return { kind: 'model', gguf: input.gguf, model, plan: model.plan };
    }
    case 'graph': {
      const { allocator, inPlace } = settings;
      const options: PlanOptions = inPlace === 'default' ? { allocator } : { allocator, inPlace };
      return { kind: 'graph', plan: planGraph(input.graph, options) };
    }
    case 'problem':
      return planProblem(input.csv, settings);
  }
}

/** The map of what was planned. */
export function mapOf(planned: Planned): MemoryMap {
  if (planned.kind !== 'problem') return memoryMapOf(planned.plan);
  const { csv, placement, allocator } = planned;
  return memoryMapOfPlacement(csv.problem, placement, csv.ids, allocator, csv.steps);
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
