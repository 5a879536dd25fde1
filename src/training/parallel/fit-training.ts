/**
 * Which ways to train a model fit on a machine: strategies, checkpointing and offloading, each with its largest batch, and
 * what speaks against the others.
 *
 * Invariant: a way is on the frontier if no other one takes less time for a sample. Times rank ways; they predict nothing.
 */
import { checkArgument, checkOptions, type OptionNames } from '../../errors.js';
import { humanBytes } from '../../format.js';
import type { TrainingModel } from '../model.js';
import { resolveRun } from '../resolve-run.js';
import type { Checkpointing, TrainingRun } from '../run.js';
import { anyGpu, capacityOf, type GpuMemory } from './fit-memory.js';
import { measureDistributed, type DistributedMeasurement } from './measure-distributed.js';
import type { TrainingStrategy } from './strategy.js';

/** A machine to train on. */
export interface TrainingMachine {
  /** GPUs, all of one kind. Default 1 */
  readonly gpus?: number;
  /** Bytes of each GPU, or a kind of GPU with the range of its CUDA context. */
  readonly gpu: number | GpuMemory;
  /** Bytes of the host for all that is offloaded. Default: unlimited */
  readonly host?: number;
  /** Floating-point operations of a GPU in a second, as models reach them. Default 1.5e14 */
  readonly flops?: number;
  /** Bytes in a second between GPUs, each way. Default 1e11 */
  readonly link?: number;
  /** Bytes in a second between a GPU and the host, each way. Default 2e10 */
  readonly hostLink?: number;
}

/** One way to train. */
export interface TrainingWay {
  readonly strategy: TrainingStrategy;
  readonly checkpointing: Checkpointing;
  /** The largest batch that fits on each rank with its own samples, a power of two; 0 if none does. */
  readonly batch: number;
  /** Most bytes that PyTorch's allocator reserves on a GPU with that batch; with a batch of 1 if none fits. */
  readonly reserved: number;
  /** Seconds for a sample by the machine's speeds: to rank ways. Infinity if no batch fits. */
  readonly secondsPerSample: number;
  /** Why it is as it is, in one sentence. */
  readonly reason: string;
}

/** The ways of a machine. */
export interface TrainingFit {
  /** The way with the least time for a sample; null if none fits. */
  readonly best: TrainingWay | null;
  /** Ways that fit, the cheapest first: each has fewer seconds for a sample, or a smaller peak, than those after it. */
  readonly frontier: readonly TrainingWay[];
  /** All ways that were tried. */
  readonly ways: readonly TrainingWay[];
}

const MACHINE: OptionNames<TrainingMachine> = {
  gpus: true,
  gpu: true,
  host: true,
  flops: true,
  link: true,
  hostLink: true,
};

/** No search tries a larger batch: by then the GPU is busy. */
const LARGEST_BATCH = 256;

/**
 * Finds the ways to train `model` that fit on a machine. O(ways × log batch) measurements; each takes milliseconds to
 * seconds.
 *
 * @param run how it is trained; its batch is the largest that is tried, and its checkpointing is left to the search
 * @throws PlannerError `BAD_ARGUMENT`, `UNKNOWN_ARCHITECTURE`
 */
export function fitTraining(model: TrainingModel, run: TrainingRun, machine: TrainingMachine): TrainingFit {
  resolveRun(model, { ...run, batch: run?.batch ?? 1 }); // refuses what no run can be
  checkOptions(machine, MACHINE, 'machine');
  const { gpus = 1, host = Infinity, flops = 1.5e14, link = 1e11, hostLink = 2e10 } = machine;
  const isCount = Number.isSafeInteger(gpus) && gpus >= 1 && gpus <= 65536;
  checkArgument(isCount, 'gpus', gpus, 'a whole number from 1 to 65536', 'Give a count.');
  for (const [name, value] of Object.entries({ host, flops, link, hostLink })) {
    checkArgument(
      typeof value === 'number' && value > 0,
      name,
      value,
      'a number above 0',
      'Leave it out for the default.',
    );
  }
  const gpu = typeof machine.gpu === 'number' ? anyGpu(machine.gpu) : machine.gpu;
  checkArgument(
    typeof gpu === 'object' && gpu !== null && 'context' in gpu,
    'gpu',
    gpu,
    'bytes, or a card',
    'Give bytes.',
  );
  const search = new Search(model, run, { gpus, gpu, host, flops, link, hostLink });
  let ways = search.all(strategiesOf(model, gpus));
  // The host is slow: it is asked only where the GPUs alone cannot do it.
  if (ways.every(({ batch }) => batch === 0)) ways = [...ways, ...search.all(withHost(strategiesOf(model, gpus)))];
  const fitting = ways.filter(({ batch }) => batch > 0).sort((a, b) => a.secondsPerSample - b.secondsPerSample);
  let least = Infinity;
  const frontier = fitting.filter(({ reserved }) => {
    const isSmaller = reserved < least;
    least = Math.min(least, reserved);
    return isSmaller;
  });
  return { best: fitting.at(0) ?? null, frontier, ways };
}

/** What can be tried on so many GPUs. */
function strategiesOf({ heads, kvHeads, ffn }: TrainingModel, gpus: number): TrainingStrategy[] {
  if (gpus === 1) return [{}];
  const divides = (ranks: number): boolean => [gpus, heads, kvHeads, ffn].every((count) => count % ranks === 0);
  const tensorParallel = [2, 4, 8].filter((ranks) => ranks <= gpus && divides(ranks));
  const alone = (['ddp', 'zero1', 'zero2', 'fsdp'] as const).map((dataParallel) => ({ gpus, dataParallel }));
  return [...alone, ...tensorParallel.map((ranks) => ({ gpus, dataParallel: 'fsdp' as const, tensorParallel: ranks }))];
}

/** The same with the optimiser on the host, and then the parameters, too. */
function withHost(strategies: readonly TrainingStrategy[]): TrainingStrategy[] {
  return strategies.flatMap((strategy) => [
    { ...strategy, offload: ['optimizer'] as const },
    { ...strategy, offload: ['optimizer', 'parameters'] as const },
  ]);
}

type Speeds = Required<Omit<TrainingMachine, 'gpu'>> & { readonly gpu: GpuMemory };

class Search {
  readonly #model: TrainingModel;
  readonly #run: TrainingRun;
  readonly #machine: Speeds;
  readonly #largest: number;

  constructor(model: TrainingModel, run: TrainingRun, machine: Speeds) {
    this.#model = model;
    this.#run = run;
    this.#machine = machine;
    this.#largest = Math.min(LARGEST_BATCH, run?.batch ?? LARGEST_BATCH);
  }

  all(strategies: readonly TrainingStrategy[]): TrainingWay[] {
    return strategies.flatMap((strategy) =>
      (['none', 'layer'] as const).map((checkpointing) => this.#way(strategy, checkpointing)),
    );
  }

  #way(strategy: TrainingStrategy, checkpointing: Checkpointing): TrainingWay {
    let fitting: DistributedMeasurement | null = null;
    for (let batch = 1; batch <= this.#largest; batch *= 2) {
      const measured = this.#measured(strategy, checkpointing, batch);
      if (!this.#fits(measured)) {
        if (fitting !== null) break;
        const { outOfMemory, reserved } = neediest(measured);
        const has = humanBytes(capacityOf(this.#machine.gpu));
        const reason =
          outOfMemory === null ? `The host has too little.` : `${largestPart(measured)} A GPU has ${has} for tensors.`;
        return { strategy, checkpointing, batch: 0, reserved, secondsPerSample: Infinity, reason };
      }
      fitting = measured;
    }
    const measured = fitting!;
    return {
      strategy,
      checkpointing,
      batch: measured.run.batch,
      reserved: neediest(measured).reserved,
      secondsPerSample: this.#seconds(measured),
      reason: largestPart(measured),
    };
  }

  #measured(strategy: TrainingStrategy, checkpointing: Checkpointing, batch: number): DistributedMeasurement {
    const capacity = capacityOf(this.#machine.gpu);
    return measureDistributed(this.#model, { ...this.#run, batch, checkpointing }, strategy, { capacity });
  }

  #fits({ devices }: DistributedMeasurement): boolean {
    const onHost = devices.reduce((sum, { host }) => sum + host, 0);
    return devices.every(({ outOfMemory }) => outOfMemory === null) && onHost <= this.#machine.host;
  }

  /** Computing, messages and copies one after another. Each parameter takes two operations a token and pass, the backward pass is two. */
  #seconds({ run, strategy, counts, devices }: DistributedMeasurement): number {
    const { flops, link, hostLink } = this.#machine;
    const { replicas, tensorParallel, pipelineParallel, dataParallel } = strategy;
    const passes = run.checkpointing === 'none' ? 3 : 4;
    const operations =
      (2 * passes * counts.parameters * run.batch * run.sequence) / (tensorParallel * pipelineParallel);
    const elementBytes = run.precision === 'bf16' || run.precision === 'fp16' ? 2 : 4;
    const gathers = dataParallel === 'fsdp' || dataParallel === 'zero3' ? 3 : 2;
    const shared = replicas > 1 ? gathers * counts.trainable * elementBytes : 0;
    const between = 8 * this.#model.layers * run.batch * run.sequence * this.#model.hidden * elementBytes;
    const messages = shared / tensorParallel + (tensorParallel > 1 ? between : 0);
    const { toHost, fromHost } = devices[0].transfers;
    return (operations / flops + messages / link + (toHost + fromHost) / hostLink) / (run.batch * replicas);
  }
}

function neediest({ devices }: DistributedMeasurement): DistributedMeasurement['devices'][number] {
  return devices.reduce((most, each) => (each.reserved > most.reserved ? each : most));
}

/** The peak and its largest part, as a sentence. */
function largestPart(measured: DistributedMeasurement): string {
  const { steady, first } = neediest(measured);
  const { peak, byKind } = steady.peak >= first.peak ? steady : first;
  const [kind, bytes] = Object.entries(byKind).reduce((most, each) => (each[1] > most[1] ? each : most));
  const words = kind.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `A batch of ${measured.run.batch} needs ${humanBytes(peak)}, of which ${humanBytes(bytes)} are ${words}.`;
}
