/**
 * How training is spread over GPUs: what a launcher and its configuration decide.
 *
 * Invariant: GPUs = ranks with their own samples × ranks that share layers × stages.
 */
import { checkArgument, checkChoice, checkOptions, PlannerError, type OptionNames } from '../../errors.js';
import type { TrainingModel } from '../model.js';
import type { Sharding } from './shards.js';

/** How ranks that see different samples share what they all keep. */
export type DataParallel = 'ddp' | 'zero1' | 'zero2' | 'zero3' | 'fsdp';

/** The order in which the stages of a pipeline take micro-batches. */
export type PipelineSchedule = 'gpipe' | '1f1b' | 'interleaved';

/** What lies on the host. */
export type Offload = 'optimizer' | 'parameters' | 'activations';

/** How training is spread over GPUs. */
export interface TrainingStrategy {
  /** GPUs in all. Default: `tensorParallel` × `pipelineParallel` */
  readonly gpus?: number;
  /** How the other ranks share. Default `ddp` */
  readonly dataParallel?: DataParallel;
  /** Ranks that share each layer: column-wise, then row-wise; heads and vocabulary are shared, too. Default 1 */
  readonly tensorParallel?: number;
  /** Whether ranks that share layers also share what lies between these, along the sequence. Default false */
  readonly sequenceParallel?: boolean;
  /** Stages of the pipeline. Default 1 */
  readonly pipelineParallel?: number;
  /** Default `1f1b` */
  readonly schedule?: PipelineSchedule;
  /** Micro-batches of a step in a pipeline. Default: one for each sequence of the batch */
  readonly microBatches?: number;
  /** Parts of each stage in the interleaved schedule. Default 2 */
  readonly stageParts?: number;
  /** Whether FSDP and ZeRO-3 let go of a block's parameters between the passes. Default true */
  readonly reshardAfterForward?: boolean;
  /** Whether shards, states and reductions are in fp32 while the run computes in a smaller type. Default false */
  readonly fp32Shards?: boolean;
  /** What lies on the host. Default: nothing */
  readonly offload?: readonly Offload[];
}

/** A strategy with all its defaults, and the number of ranks with their own samples. */
export interface ResolvedStrategy extends Required<TrainingStrategy> {
  readonly replicas: number;
}

const OPTIONS: OptionNames<TrainingStrategy> = {
  gpus: true,
  dataParallel: true,
  tensorParallel: true,
  sequenceParallel: true,
  pipelineParallel: true,
  schedule: true,
  microBatches: true,
  stageParts: true,
  reshardAfterForward: true,
  fp32Shards: true,
  offload: true,
};

/** What each kind splits among ranks: parameters, gradients, states. */
export const SPLITS: Readonly<
  Record<DataParallel, Pick<Sharding, 'splitsParameters' | 'splitsGradients' | 'splitsStates'>>
> = {
  ddp: { splitsParameters: false, splitsGradients: false, splitsStates: false },
  zero1: { splitsParameters: false, splitsGradients: false, splitsStates: true },
  zero2: { splitsParameters: false, splitsGradients: true, splitsStates: true },
  zero3: { splitsParameters: true, splitsGradients: true, splitsStates: true },
  fsdp: { splitsParameters: true, splitsGradients: true, splitsStates: true },
};

const SCHEDULES: readonly PipelineSchedule[] = ['gpipe', '1f1b', 'interleaved'];
const OFFLOADS: readonly Offload[] = ['optimizer', 'parameters', 'activations'];

/** Checks a strategy for a model and a batch, and fills in its defaults. @throws PlannerError `BAD_ARGUMENT` */
export function resolveStrategy(model: TrainingModel, batch: number, strategy: TrainingStrategy): ResolvedStrategy {
  checkOptions(strategy, OPTIONS, 'strategy');
  const { tensorParallel = 1, pipelineParallel = 1, dataParallel = 'ddp', schedule = '1f1b', offload = [] } = strategy;
  const { gpus = tensorParallel * pipelineParallel, microBatches = pipelineParallel > 1 ? batch : 1 } = strategy;
  const { stageParts = schedule === 'interleaved' ? 2 : 1 } = strategy;
  const { sequenceParallel = false, reshardAfterForward = true, fp32Shards = false } = strategy;
  for (const [name, count] of Object.entries({ gpus, tensorParallel, pipelineParallel, microBatches, stageParts })) {
    const isCount = Number.isSafeInteger(count) && count > 0 && count <= 65536;
    checkArgument(isCount, name, count, 'a whole number from 1 to 65536', 'Give a count.');
  }
  checkChoice('dataParallel', dataParallel, Object.keys(SPLITS));
  checkChoice('schedule', schedule, SCHEDULES);
  for (const [name, flag] of Object.entries({ sequenceParallel, reshardAfterForward, fp32Shards })) {
    checkArgument(typeof flag === 'boolean', name, flag, 'true or false', 'Leave it out for the default.');
  }
  checkArgument(Array.isArray(offload), 'offload', offload, 'a list of names', 'Give a list, such as ["optimizer"].');
  for (const each of offload) checkChoice('offload', each, OFFLOADS);
  const replicas = gpus / (tensorParallel * pipelineParallel);
  const resolved = {
    ...{ gpus, dataParallel, tensorParallel, sequenceParallel, pipelineParallel, schedule, microBatches, stageParts },
    ...{ reshardAfterForward, fp32Shards, offload, replicas },
  };
  checkDivisions(model, batch, resolved);
  return resolved;
}

/** Everything that must come out even. */
function checkDivisions(model: TrainingModel, batch: number, strategy: ResolvedStrategy): void {
  const { gpus, tensorParallel, pipelineParallel, microBatches, stageParts, schedule, dataParallel } = strategy;
  const group = tensorParallel * pipelineParallel;
  if (gpus % group !== 0) {
    const asked = pipelineParallel === 1 ? '`tensorParallel` asks' : '`tensorParallel` and `pipelineParallel` ask';
    const message = `GPUs cannot be divided into groups of ${group}, for which ${asked}`;
    throw impossible('gpus', gpus, `a multiple of ${group}`, message);
  }
  for (const part of ['heads', 'kvHeads', 'ffn'] as const) {
    if (model[part] % tensorParallel === 0) continue;
    const message = `the ${model[part]} ${WORDS[part]} of ${model.name} cannot be divided by it`;
    throw impossible('tensorParallel', tensorParallel, `a divisor of ${model[part]}`, message);
  }
  if (batch % microBatches !== 0) {
    const message = `a batch of ${batch} cannot be divided into so many`;
    throw impossible('microBatches', microBatches, `a divisor of ${batch}`, message);
  }
  const stages = pipelineParallel * stageParts;
  if (pipelineParallel > 1 && model.layers + model.decoderLayers < stages) {
    const message = `the ${model.layers + model.decoderLayers} blocks of ${model.name} are too few for ${stages} stages`;
    throw impossible('pipelineParallel', pipelineParallel, 'at most the number of blocks', message);
  }
  if (schedule === 'interleaved' && microBatches % pipelineParallel !== 0) {
    const message = `the interleaved schedule needs a multiple of its ${pipelineParallel} stages`;
    throw impossible('microBatches', microBatches, `a multiple of ${pipelineParallel}`, message);
  }
  if (pipelineParallel > 1 && SPLITS[dataParallel].splitsGradients) {
    const message = `a pipeline keeps the gradients of all micro-batches, so that they cannot be split`;
    throw impossible('dataParallel', dataParallel, 'ddp or zero1 in a pipeline', message);
  }
}

const WORDS = { heads: 'heads', kvHeads: 'heads of keys and values', ffn: 'columns of the feed-forward part' } as const;

function impossible(culprit: string, value: unknown, limit: string, why: string): PlannerError {
  const message = `\`${culprit}\` is ${String(value)}, but ${why}.`;
  return new PlannerError('BAD_ARGUMENT', { message, culprit, value, limit, remedy: `Choose ${limit}.` });
}
