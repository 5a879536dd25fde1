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
import { fitContext, measureModel, MODEL_PLANS, type ModelMeasurement, type ModelOptions } from 'tensor-arena/models';
import { memoryBytes, type Settings } from '../settings.js';
import type { Input } from './read-source.js';

/** What was planned, and what led to it. */
export type Planned =
  | { readonly kind: 'model'; readonly gguf: Gguf; readonly model: ModelMeasurement; readonly plan: Plan }
  | { readonly kind: 'graph'; readonly plan: Plan }
  | { readonly kind: 'problem'; readonly csv: CsvProblem; readonly placement: Placement; readonly allocator: string };

/** llama.cpp computes at most one batch at a time. */
const DEFAULT_BATCH = 2048;

/** Tokens that are shown of a model of which no context fits. */
const SOME_CONTEXT = 4096;

/** The options of `measureModel` that the settings stand for. @throws PlannerError */
export function modelOptions(gguf: Gguf, settings: Settings): ModelOptions {
  const options = optionsApartFromContext(settings);
  return { ...options, ctxSize: settings.context || contextThatFits(gguf, settings, options) };
}

/** What the model was trained on, or as much of it as fits. */
function contextThatFits(gguf: Gguf, settings: Settings, options: ModelOptions): number {
  const { trainedContext, largest, isUnlimited } = fitContext(gguf, memoryBytes(settings), options);
  if (isUnlimited) return trainedContext;
  return Math.min(trainedContext, largest?.run.contextSize ?? SOME_CONTEXT);
}

function optionsApartFromContext(settings: Settings): ModelOptions {
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

/** @throws PlannerError */
export function planInput(input: Input, settings: Settings): Planned {
  switch (input.kind) {
    case 'model': {
      const model = measureModel(input.gguf, modelOptions(input.gguf, settings), MODEL_PLANS[settings.modelAllocator]);
      return { kind: 'model', gguf: input.gguf, model, plan: model.plan };
    }
    case 'graph': {
      const { allocator, inPlace } = settings;
      const options: PlanOptions = inPlace === 'default' ? { allocator } : { allocator, reuse: inPlace };
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
