/**
 * `tensor-arena train MODEL`: what does training a model take on each GPU?
 */
import { existsSync } from 'node:fs';
import { formatTraining, trainingFits, trainingJson, type TrainingReport } from '../report/training-report.js';
import { publishedEstimates } from '../training/formulas/published.js';
import { modelFromGguf } from '../training/gguf-model.js';
import type { TrainingModel } from '../training/model.js';
import { anyGpu, capacityOf } from '../training/parallel/fit-memory.js';
import { measureDistributed } from '../training/parallel/measure-distributed.js';
import type { DataParallel, Offload, TrainingStrategy } from '../training/parallel/strategy.js';
import { trainingCaseFromJson } from '../training/read-case.js';
import { builtInModel, modelFromConfig } from '../training/read-model.js';
import type { TrainingRun } from '../training/run.js';
import { EXIT, type ExitCode } from './cli-error.js';
import { inFile } from './failure.js';
import { readJson, readModelFile } from './inputs.js';
import { hasEnding, isUrl } from './input-kinds.js';
import { withProgress } from './progress.js';
import type { Terminal } from './terminal.js';
import type { TrainFlags } from './train-flags.js';

/** A model with the run that its file says, if it says one. */
interface Read {
  readonly model: TrainingModel;
  readonly run: Partial<TrainingRun>;
}

/** Prints what training takes; the exit code is 1 if it does not fit into the memory that was given. */
export async function train(file: string, flags: TrainFlags, terminal: Terminal): Promise<ExitCode> {
  const report = await withProgress(terminal, [file], 2, async (announce) => {
    announce(`reading ${file}`);
    const isFile = existsSync(file) || hasEnding(file, '.gguf') || hasEnding(file, '.json') || isUrl(file);
    const read = isFile ? await inFile(file, () => readFile(file)) : { model: builtInModel(file), run: {} };
    announce(`planning ${file}`);
    return reportOn(read, flags);
  });
  const { style, columns } = terminal;
  terminal.write(
    flags.json === true ? `${JSON.stringify(trainingJson(report), null, 2)}\n` : formatTraining(report, style, columns),
  );
  return trainingFits(report) === false ? EXIT.no : EXIT.done;
}

async function readFile(file: string): Promise<Read> {
  if (hasEnding(file, '.gguf')) return { model: modelFromGguf(await readModelFile(file)), run: {} };
  const document = readJson(file) as Readonly<Record<string, unknown>> | null;
  const isCase = document !== null && ['model', 'run'].every((field) => typeof document[field] === 'object');
  return isCase ? trainingCaseFromJson(document) : { model: modelFromConfig(document!), run: {} };
}

function reportOn({ model, run }: Read, flags: TrainFlags): TrainingReport {
  const gpu = flags.memory === undefined ? null : anyGpu(flags.memory);
  const options = gpu === null ? {} : { capacity: capacityOf(gpu) };
  const [wanted, strategy] = [runOf(run, flags), strategyOf(flags)];
  const measured = measureDistributed(model, wanted, strategy, options);
  const formulas = publishedEstimates(model, wanted, strategy);
  return { measured, formulas, gpu };
}

/** The run of the file, or a small one; flags win. */
function runOf(run: Partial<TrainingRun>, flags: TrainFlags): TrainingRun {
  const { method, precision, optimizer, checkpointing, attention, device, batch, sequence, rank, targets } = flags;
  const given = { method, precision, optimizer, checkpointing, attention, device, batch, sequence };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const adapters =
    rank === undefined && targets === undefined
      ? {}
      : { lora: { rank: rank ?? run.lora?.rank ?? 8, ...optionalTargets(targets ?? run.lora?.targets) } };
  return { batch: 1, sequence: 512, ...run, ...set, ...adapters };
}

const optionalTargets = (targets: readonly string[] | undefined): object => (targets === undefined ? {} : { targets });

function strategyOf(flags: TrainFlags): TrainingStrategy {
  const { gpus, strategy = 'ddp', tensorParallel, pipelineParallel, offload } = flags;
  const isShared = strategy === 'tp' || strategy === 'pp';
  const all = gpus ?? 1;
  const tp = tensorParallel ?? (strategy === 'tp' ? all / (pipelineParallel ?? 1) : undefined);
  const pp = pipelineParallel ?? (strategy === 'pp' ? all / (tensorParallel ?? 1) : undefined);
  const given = {
    gpus,
    dataParallel: isShared ? undefined : (strategy as DataParallel),
    tensorParallel: tp,
    pipelineParallel: pp,
    offload: offload as readonly Offload[] | undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
