/**
 * What training takes, as text and as plain data.
 *
 * Invariant: the keys of the JSON are a published format. They speak of the GPU that needs the most.
 */
import { counted, exactBytes, groupDigits, humanBytes } from '../format.js';
import type { PublishedEstimates } from '../training/formulas/published.js';
import type { DeviceMeasurement, DistributedMeasurement } from '../training/parallel/measure-distributed.js';
import type { DeviceKind } from '../training/parallel/timeline.js';
import type { GpuMemory } from '../training/parallel/fit-memory.js';
import type { Style } from './style.js';
import { formatTable, printable, type Column } from './table.js';

/** A run of training with all that is said of it. */
export interface TrainingReport {
  readonly measured: DistributedMeasurement;
  readonly formulas: PublishedEstimates;
  /** The GPU that there is; null if nobody said. */
  readonly gpu: GpuMemory | null;
}

/** The GPU that needs the most. */
function neediest({ measured }: TrainingReport): DeviceMeasurement {
  return measured.devices.reduce((most, each) => (peakOf(each) > peakOf(most) ? each : most));
}

const peakOf = ({ firstPeak, steadyPeak }: DeviceMeasurement): number => Math.max(firstPeak, steadyPeak);

/** The step with the larger peak. */
const peakStep = (device: DeviceMeasurement): DeviceMeasurement['steady'] =>
  device.firstPeak > device.steadyPeak ? device.first : device.steady;

/** Whether all GPUs have room; null if nobody said how much they have. */
export function trainingFits({ measured, gpu }: TrainingReport): boolean | null {
  return gpu === null ? null : measured.devices.every(({ outOfMemory }) => outOfMemory === null);
}

/** The fields of the command's JSON output, in their order. */
export function trainingJson(report: TrainingReport): object {
  const { measured, formulas, gpu } = report;
  const device = neediest(report);
  const { phase, op } = peakStep(device);
  return {
    model: measured.model.name,
    run: measured.run,
    strategy: measured.strategy,
    counts: measured.counts,
    ...sizesOf(device),
    phase,
    op,
    devices: measured.devices.map((each) => ({
      rank: each.rank,
      stage: each.stage,
      ...sizesOf(each),
      phase: peakStep(each).phase,
      op: peakStep(each).op,
      byKind: peakStep(each).byKind,
      phases: peakStep(each).phases,
      fragmentation: each.fragmentation,
      host: each.host,
      transfers: each.transfers,
      outOfMemory: each.outOfMemory,
    })),
    formulas,
    memory: gpu?.memory ?? null,
    context: gpu?.context ?? null,
    fits: trainingFits(report),
  };
}

function sizesOf(device: DeviceMeasurement): object {
  const { parameters, gradients, optimizerStates, activations, firstPeak, steadyPeak, atRest, reserved } = device;
  return { parameters, gradients, optimizerStates, activations, firstPeak, steadyPeak, atRest, reserved };
}

/** What kinds of bytes are called in sentences. */
const WORDS: Readonly<Record<DeviceKind, string>> = {
  parameters: 'parameters',
  buffers: 'masks and tables',
  inputs: 'inputs',
  gradients: 'gradients',
  optimizerStates: 'optimiser states',
  activations: 'activations',
  recomputed: 'activations that are computed again',
  temporaries: 'temporary results',
  gathered: 'gathered parameters',
  communication: 'messages between GPUs',
};

const FORMULAS: Readonly<Record<keyof PublishedEstimates, string>> = {
  ruleOfThumb: 'rule of thumb (no activations)',
  deepspeedZero2: 'DeepSpeed, ZeRO-2 (no activations)',
  deepspeedZero3: 'DeepSpeed, ZeRO-3 (no activations)',
  megatron: 'Megatron',
  llmem: 'LLMem',
  dnnmem: 'DNNMem',
};

interface Line {
  readonly what: string;
  readonly bytes: number;
  readonly note: string;
}

/** The report as text, a newline after each line. */
export function formatTraining(report: TrainingReport, style: Style, room: number | null): string {
  const device = neediest(report);
  const { phase, op } = peakStep(device);
  const lines: Line[] = [
    { what: 'parameters', bytes: device.parameters, note: '' },
    { what: 'gradients', bytes: device.gradients, note: 'when the backward pass ends' },
    { what: 'optimiser states', bytes: device.optimizerStates, note: '' },
    { what: 'activations', bytes: device.activations, note: 'kept from the forward pass for the backward pass' },
    { what: 'peak of the first step', bytes: device.firstPeak, note: '' },
    {
      what: 'peak of later steps',
      bytes: device.steadyPeak,
      note: `in the ${phase} phase${op === null ? '' : `, at ${op}`}`,
    },
    { what: 'between steps', bytes: device.atRest, note: '' },
    {
      what: 'reserved',
      bytes: device.reserved,
      note: 'by PyTorch’s caching allocator: what nvidia-smi shows, less the context',
    },
    ...(device.host > 0
      ? [
          { what: 'on the host', bytes: device.host, note: '' },
          {
            what: 'copied in a step',
            bytes: device.transfers.toHost + device.transfers.fromHost,
            note: 'to the host and back',
          },
        ]
      : []),
  ];
  const text = [
    style.strong(printable(title(report))),
    '',
    ...table(lines, style, room),
    '',
    describePeak(device),
    '',
    style.strong('What formulas say, beside the peak'),
    ...table(formulaLines(report, peakOf(device)), style, room),
    ...describeFit(report, device, style),
  ];
  return text.map((line) => `${line}\n`).join('');
}

function table(lines: readonly Line[], style: Style, room: number | null): string[] {
  const columns: Column<Line>[] = [
    { title: '', cell: ({ what }) => what },
    { title: 'each GPU', cell: ({ bytes }) => humanBytes(bytes), align: 'right' },
    { title: 'bytes', cell: ({ bytes }) => groupDigits(Math.round(bytes)), align: 'right', spare: 2 },
    { title: '', cell: ({ note }) => note, spare: 1 },
  ];
  return formatTable(columns, lines, style.faint, room ?? undefined);
}

function title({ measured }: TrainingReport): string {
  const { model, run, strategy, counts } = measured;
  const trained = counts.trainable === counts.parameters ? 'all' : groupDigits(counts.trainable);
  const spread = strategy.gpus === 1 ? '' : `, ${counted(strategy.gpus, 'GPU')} (${spreadOf(strategy)})`;
  return (
    `${model.name}: ${groupDigits(counts.parameters)} parameters, ${trained} trained; ${run.precision}, ${run.optimizer}, ` +
    `${counted(run.batch, 'sequence')} of ${counted(run.sequence, 'token')}${spread}`
  );
}

function spreadOf({
  dataParallel,
  replicas,
  tensorParallel,
  pipelineParallel,
}: TrainingReport['measured']['strategy']): string {
  const parts = [
    ...(replicas > 1 ? [`${dataParallel} of ${replicas}`] : []),
    ...(tensorParallel > 1 ? [`tensor parallel ${tensorParallel}`] : []),
    ...(pipelineParallel > 1 ? [`pipeline of ${pipelineParallel}`] : []),
  ];
  return parts.join(', ');
}

/** The peak in words: its largest parts first. */
function describePeak(device: DeviceMeasurement): string {
  const { byKind, peak } = peakStep(device);
  const parts = (Object.entries(byKind) as [DeviceKind, number][])
    .sort(([, a], [, b]) => b - a)
    .filter(([, bytes]) => bytes >= peak / 100)
    .map(([kind, bytes]) => `${Math.round((100 * bytes) / peak)} % ${WORDS[kind]}`);
  return `The peak is ${parts.join(', ')}.`;
}

function formulaLines({ formulas }: TrainingReport, peak: number): Line[] {
  return (Object.entries(FORMULAS) as [keyof PublishedEstimates, string][]).map(([key, what]) => {
    const percent = 100 * (formulas[key] / peak - 1);
    const side = percent < 0 ? 'below' : 'above';
    return { what, bytes: formulas[key], note: `${Math.abs(percent).toFixed(0)} % ${side} the plan` };
  });
}

function describeFit(report: TrainingReport, device: DeviceMeasurement, style: Style): string[] {
  const { gpu } = report;
  if (gpu === null) return [];
  const context = `${humanBytes(gpu.context.least)} to ${humanBytes(gpu.context.most)}`;
  const beside = `beside the CUDA context, which takes ${context}`;
  const { outOfMemory } = device;
  if (trainingFits(report) === true) return ['', style.good(`It fits into ${humanBytes(gpu.memory)}, ${beside}.`)];
  const failed = outOfMemory ?? report.measured.devices.find((each) => each.outOfMemory !== null)!.outOfMemory!;
  return [
    '',
    style.bad(
      `It does not fit into ${humanBytes(gpu.memory)}, ${beside}: ${exactBytes(failed.size)} more are asked for ` +
        `when ${humanBytes(failed.allocated)} are in use.`,
    ),
  ];
}
