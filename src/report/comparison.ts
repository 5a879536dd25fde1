/**
 * What llama.cpp printed beside what was measured, line by line, with what explains a difference.
 *
 * Invariant: a line is equal if the measured bytes round to what was printed.
 */
import type { LlamaLog, LogBuffer, LogRun } from '../models/llama-log.js';
import { memoryTable } from '../models/memory-table.js';
import type { MachineMeasurement } from '../models/measure-on-devices.js';
import type { BufferPurpose } from '../models/offload/buffers.js';
import type { Style } from './style.js';
import { formatTable, type Column } from './table.js';

/** One printed line, or all lines for one type of buffer and purpose. */
export interface ComparedLine {
  readonly what: string;
  /** As printed; null if the log has no such line. */
  readonly printed: string | null;
  /** The same figure, as llama.cpp would print it; null if nothing was measured that would be printed. */
  readonly measured: string | null;
  readonly isEqual: boolean;
  /** What explains the difference; null if nothing does, or there is none. */
  readonly reason: string | null;
}

const TITLES: Readonly<Record<BufferPurpose, string>> = {
  weights: 'model buffer',
  adapters: 'LoRA buffer',
  context: 'KV or RS buffer',
  output: 'output buffer',
  compute: 'compute buffer',
};

const MIB = 2 ** 20;
/** Half of the last digit that is printed, and what floating point adds. */
const ROUNDING = 0.005 + 1e-9;

/** All lines, in the order of the log. */
export function compareWithLog(log: LlamaLog, run: LogRun, machine: MachineMeasurement): ComparedLine[] {
  return [
    ...layerLines(run, machine),
    ...bufferLines(log, run, machine),
    ...graphLines(log, run, machine),
    ...tableLines(log, run, machine),
  ];
}

function layerLines({ offloaded }: LogRun, { layers, devices }: MachineMeasurement): ComparedLine[] {
  if (offloaded === undefined) return [];
  // Without a device besides the CPU, llama.cpp prints what was asked for all the same.
  const count = devices.length === 1 ? offloaded[0] : layers.filter((device) => device !== 'CPU').length;
  const reason = offloaded[1] === layers.length ? null : 'the log is that of a model with another number of layers';
  return [line('offloaded layers', offloaded.join('/'), `${count}/${layers.length}`, reason)];
}

function bufferLines(log: LlamaLog, run: LogRun, machine: MachineMeasurement): ComparedLine[] {
  const { buffers } = machine;
  const printed = run.buffers.map((buffer): ComparedLine => {
    const ours = buffers.find(({ type, purpose }) => type.name === buffer.type && purpose === buffer.purpose);
    const bytes = ours?.bytes ?? 0;
    const sum = buffer.sizes.reduce((all, size) => all + size, 0);
    const isEqual = Math.abs(bytes / MIB - sum) <= ROUNDING * buffer.sizes.length;
    return {
      what: `${buffer.type} ${TITLES[buffer.purpose]}`,
      printed: `${buffer.sizes.map((size) => size.toFixed(2)).join(' + ')} MiB`,
      measured: ours === undefined ? null : mebibytes(bytes),
      isEqual,
      reason: isEqual ? null : bufferReason(buffer, { log, run, machine }),
    };
  });
  const purposes = new Set(run.buffers.map(({ purpose }) => purpose));
  const missing = buffers.flatMap(({ type, purpose, bytes }): ComparedLine[] => {
    const isPrinted = run.buffers.some((buffer) => buffer.type === type.name && buffer.purpose === purpose);
    if (isPrinted || !purposes.has(purpose)) return [];
    const buffer = { purpose, type: type.name, sizes: [] };
    const reason = bufferReason(buffer, { log, run, machine });
    return [
      { what: `${type.name} ${TITLES[purpose]}`, printed: null, measured: mebibytes(bytes), isEqual: false, reason },
    ];
  });
  return [...printed, ...missing];
}

function graphLines(log: LlamaLog, run: LogRun, machine: MachineMeasurement): ComparedLine[] {
  const counts = (['nodes', 'splits'] as const).flatMap((key) => {
    const pair = run.graph.get(key);
    if (pair === undefined) return [];
    const ours = [machine[key].pp, machine[key].tg] as const;
    return [line(`graph ${key}`, pairText(pair), pairText(ours), buildReason(log))];
  });
  if (run.copies === undefined) return counts;
  const reason =
    'llama.cpp has one copy only where its memory was too short for four, and where tensors are overridden';
  return [...counts, line('sched copies', String(run.copies), String(machine.copies), reason)];
}

/** The rows of the table that llama.cpp prints when it ends, whose sizes are cut to whole MiB. */
function tableLines(log: LlamaLog, { table }: LogRun, machine: MachineMeasurement): ComparedLine[] {
  const rows = new Map(
    memoryTable(machine).map(({ name, self, model, context, compute }) => [name, [self, model, context, compute]]),
  );
  return [...table].map(([name, printed]) => {
    const ours = (rows.get(name) ?? [0, 0, 0, 0]).map((bytes) => Math.floor(bytes / MIB));
    return line(`${name} in the table of memory`, sumText(printed), sumText(ours), buildReason(log));
  });
}

function sumText([self, ...parts]: readonly number[]): string {
  return `${self} = ${parts.join(' + ')} MiB`;
}

function line(what: string, printed: string, measured: string, reason: string | null): ComparedLine {
  const isEqual = printed === measured;
  return { what, printed, measured, isEqual, reason: isEqual ? null : reason };
}

function pairText([pp, tg]: readonly [number, number]): string {
  return pp === tg ? String(pp) : `${pp} (pp), ${tg} (tg)`;
}

/** As `%.2f` prints it: a tie goes to the even digit. */
function mebibytes(bytes: number): string {
  const hundredths = (bytes * 100) / MIB;
  const below = Math.floor(hundredths);
  const rest = hundredths - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 === 1);
  return `${((below + (up ? 1 : 0)) / 100).toFixed(2)} MiB`;
}

interface Facts {
  readonly log: LlamaLog;
  readonly run: LogRun;
  readonly machine: MachineMeasurement;
}

interface Reason {
  readonly applies: (buffer: LogBuffer, facts: Facts) => boolean;
  readonly text: string;
}

const OUTPUTS_UNKNOWN: Reason = {
  applies: (_, { run }) => run.settings.get('n_outputs_max') === undefined,
  text: 'the log does not say n_outputs_max, on which logits depend: try --program or --outputs',
};

const REASONS: readonly Reason[] = [
  {
    applies: ({ purpose, sizes }) => purpose === 'weights' && sizes.length > 0 && sizes.every((size) => size === 0),
    text: 'llama.cpp loaded no weights: it only measured',
  },
  {
    applies: ({ purpose, type }, { run, machine }) =>
      purpose === 'weights' &&
      type.startsWith('CPU') &&
      machine.buffers.some((buffer) => buffer.type.name === 'CPU_REPACK') &&
      !run.buffers.some((buffer) => buffer.type === 'CPU_REPACK'),
    text: 'the log has no CPU_REPACK: try --no-repack, as its CPU or its build may repack no weights',
  },
  {
    applies: ({ purpose, type }) => purpose === 'weights' && type.endsWith('_Mapped'),
    text: 'a mapped buffer spans the file from its first to its last tensor, so the order of the tensors counts: is it the same file?',
  },
  {
    applies: ({ purpose }, { machine }) =>
      purpose === 'adapters' && !machine.buffers.some((buffer) => buffer.purpose === 'adapters'),
    text: 'the log has a LoRA adapter: give its file as --lora',
  },
  {
    applies: ({ purpose }) => purpose === 'adapters',
    text: 'an adapter lies where the weights lie that it changes: is it the same file, and are -ngl and -ot as in the command?',
  },
  {
    applies: ({ purpose }) => purpose === 'weights',
    text: 'the weights lie elsewhere: is it the same file, and are -ngl, -ts, -ot and -ncmoe as in the command?',
  },
  {
    applies: ({ purpose }, { run }) => purpose === 'context' && run.settings.get('n_ctx') === undefined,
    text: 'the log does not say n_ctx: give -c',
  },
  {
    applies: ({ purpose }) => purpose === 'context',
    text: 'the layers lie elsewhere, or cells differ: are -ts, -nkvo and --swa-full as in the command?',
  },
  OUTPUTS_UNKNOWN,
];

function bufferReason(buffer: LogBuffer, facts: Facts): string | null {
  const build = buildReason(facts.log);
  const found = REASONS.find(({ applies }) => applies(buffer, facts));
  if (found === undefined) return build;
  // Either may be why, also once --program is right.
  return found === OUTPUTS_UNKNOWN && build !== null ? `${found.text}; ${build}` : found.text;
}

/** The release that sizes conform to. */
const BUILD = 10573;

function buildReason({ build }: LlamaLog): string | null {
  if (build === undefined || build === BUILD) return null;
  return `the log is of build ${build}, whose graphs may differ from those of ${BUILD}`;
}

/** The comparison as text, a newline after each line. @param room columns of the terminal; null if it is none */
export function formatComparison(lines: readonly ComparedLine[], style: Style, room: number | null = null): string {
  const columns: Column<ComparedLine>[] = [
    { title: 'line', cell: ({ what }) => what },
    { title: 'llama.cpp', cell: ({ printed }) => printed ?? '–', align: 'right' },
    { title: 'here', cell: ({ measured }) => measured ?? '–', align: 'right' },
    {
      title: 'equal',
      cell: ({ isEqual }) => (isEqual ? 'yes' : 'no'),
      paint: (text, { isEqual }) => (isEqual ? style.good : style.bad)(text),
    },
    { title: 'perhaps because', cell: ({ reason }) => reason ?? '' },
  ];
  const different = lines.filter(({ isEqual }) => !isEqual).length;
  const summary =
    different === 0 ? `All ${lines.length} lines are equal.` : `${different} of ${lines.length} lines differ.`;
  return [...formatTable(columns, lines, style.faint, room ?? undefined), '', summary, ''].join('\n');
}
