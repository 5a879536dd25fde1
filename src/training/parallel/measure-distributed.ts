/**
 * What training takes on each of several GPUs.
 */
import { checkOptions, type OptionNames } from '../../errors.js';
import { simulateCachingAllocator, type CachingResult, type OutOfMemory } from '../cuda/simulate.js';
import type { TrainingCounts } from '../measurement.js';
import type { TrainingModel } from '../model.js';
import { resolveRun } from '../resolve-run.js';
import type { ResolvedRun, TrainingRun } from '../run.js';
import { trainingStep } from '../step.js';
import { bytesOf, measureTimeline, type DeviceStep } from './measure-timeline.js';
import { offloaded, type Offloaded } from './offload.js';
import { stageTimeline } from './pipeline.js';
import { eventsOfSteps } from './reserved.js';
import { sharded, type Sharding } from './shards.js';
import { resolveStrategy, SPLITS, type ResolvedStrategy, type TrainingStrategy } from './strategy.js';
import { localModel, splitAlongSequence } from './tensor-parallel.js';
import { timelineOf, type Timeline } from './timeline.js';

/** What one GPU takes, in bytes. */
export interface DeviceMeasurement {
  readonly rank: number;
  /** The stage of the pipeline that it runs, from 0. */
  readonly stage: number;
  /** This GPU's part of the parameters, between steps. */
  readonly parameters: number;
  /** Gradients when the backward pass ends. */
  readonly gradients: number;
  readonly optimizerStates: number;
  /** What the forward pass leaves for the backward pass. */
  readonly activations: number;
  readonly firstPeak: number;
  readonly steadyPeak: number;
  readonly atRest: number;
  /** Most bytes that PyTorch's caching allocator takes of the GPU in two steps, with its default settings. */
  readonly reserved: number;
  /** Share of `reserved` that was in no tensor when it was reached. */
  readonly fragmentation: number;
  /** What could not be had within the capacity; null if nothing. */
  readonly outOfMemory: OutOfMemory | null;
  readonly first: DeviceStep;
  readonly steady: DeviceStep;
  /** Bytes on the host for this GPU. */
  readonly host: number;
  /** Bytes that go to the host in a step, and that come from there. */
  readonly transfers: { readonly toHost: number; readonly fromHost: number };
}

/** What training takes on each GPU. */
export interface DistributedMeasurement {
  readonly model: TrainingModel;
  readonly run: ResolvedRun;
  readonly strategy: ResolvedStrategy;
  /** Of the whole model. */
  readonly counts: TrainingCounts;
  /** One for each GPU, by rank. Ranks of a stage take the same. */
  readonly devices: readonly DeviceMeasurement[];
}

/** How the caching allocator is set. */
export interface DistributedOptions {
  /** Whether its segments can grow. Default false */
  readonly expandableSegments?: boolean;
  /** Bytes that it can have of each GPU, without the CUDA context. Default: unlimited */
  readonly capacity?: number;
}

const OPTIONS: OptionNames<DistributedOptions> = { expandableSegments: true, capacity: true };

/**
 * What training takes on each GPU of a strategy, planned operation by operation. The batch is that of one rank with
 * its own samples. Exact against PyTorch's own tracker for FSDP2 and tensor parallelism; sequence parallelism, pipelines and
 * offloading follow their published schedules. O(operations × micro-batches).
 *
 * @throws PlannerError `BAD_ARGUMENT` if the strategy does not come out even; `UNKNOWN_ARCHITECTURE`; `BYTES_TOO_LARGE`
 */
export function measureDistributed(
  model: TrainingModel,
  run: TrainingRun,
  strategy: TrainingStrategy = {},
  options: DistributedOptions = {},
): DistributedMeasurement {
  checkOptions(options, OPTIONS);
  const resolved = resolveRun(model, run);
  const spread = resolveStrategy(model, resolved.batch, strategy);
  const micro = { ...resolved, batch: resolved.batch / spread.microBatches };
  const local = localModel(model, spread.tensorParallel);
  const steps = (['first', 'steady'] as const).map((which) => trainingStep(local, micro, which));
  const timelines = steps.map((step) => ofRank(timelineOf(step), micro, local, spread));
  const stages = Array.from({ length: spread.pipelineParallel }, (_, stage) => {
    const [first, steady] = timelines.map((timeline) => ofStage(timeline, stage, spread));
    return measured(first, steady, simulateCachingAllocator(eventsOfSteps(first.timeline, steady.timeline), options));
  });
  const devices = Array.from({ length: spread.gpus }, (_, rank) => {
    const stage = Math.floor((rank * spread.pipelineParallel) / spread.gpus);
    return { rank, stage, ...stages[stage] };
  });
  const { counts } = local === model ? steps[0] : trainingStep(model, { ...micro, batch: 1 }, 'first');
  return { model, run: resolved, strategy: spread, counts, devices };
}

/** What a rank of a layer's group has, before it is cut into stages. */
function ofRank(timeline: Timeline, run: ResolvedRun, model: TrainingModel, strategy: ResolvedStrategy): Timeline {
  const { sequenceParallel, tensorParallel } = strategy;
  if (!sequenceParallel || tensorParallel === 1) return timeline;
  return splitAlongSequence(timeline, tensorParallel, run.batch * run.sequence * model.hidden);
}

function ofStage(timeline: Timeline, stage: number, strategy: ResolvedStrategy): Offloaded {
  const { pipelineParallel, offload } = strategy;
  const staged = pipelineParallel === 1 ? timeline : stageTimeline(timeline, stage, strategy);
  const sharding = shardingOf(strategy);
  return offloaded(sharded(staged, sharding), offload, sharding);
}

function shardingOf({ dataParallel, replicas, reshardAfterForward, fp32Shards, offload }: ResolvedStrategy): Sharding {
  const splits = SPLITS[dataParallel];
  return {
    ...splits,
    splitsParameters: splits.splitsParameters || offload.includes('parameters'),
    ranks: replicas,
    reshards: reshardAfterForward,
    widening: fp32Shards ? 2 : 1,
    hasBuckets: dataParallel === 'ddp' && replicas > 1,
  };
}

function measured(
  first: Offloaded,
  steady: Offloaded,
  { reservedPeak, fragmentation, outOfMemory }: CachingResult,
): Omit<DeviceMeasurement, 'rank' | 'stage'> {
  const [firstStep, steadyStep] = [first, steady].map(({ timeline }) => measureTimeline(timeline));
  return {
    parameters: bytesOf(steady.timeline, 'parameters'),
    gradients: bytesOf(steady.timeline, 'gradients'),
    optimizerStates: bytesOf(steady.timeline, 'optimizerStates'),
    activations: steadyStep.phases.forward.end - steadyStep.atRest,
    firstPeak: firstStep.peak,
    steadyPeak: steadyStep.peak,
    atRest: steadyStep.atRest,
    reserved: reservedPeak,
    fragmentation,
    outOfMemory,
    first: firstStep,
    steady: steadyStep,
    host: steady.host,
    transfers: { toHost: steady.toHost, fromHost: steady.fromHost },
  };
}
