/**
 * Many configurations of models as a table, as CSV and as plain data.
 *
 * Invariant: the three agree; settings are those that were applied, or, where llama.cpp would refuse to run, those that
 * were asked for.
 */
import { named } from '../errors.js';
import type { ModelConfiguration, ModelSizes } from '../models/configuration.js';
import type { FitAttempt } from '../models/fit-context.js';
import type { ModelOptions, ResolvedModelOptions } from '../models/options.js';
import type { MachineOptions } from '../models/measure-on-devices.js';
import { OFFLOAD_OPTIONS, type OffloadOptions } from '../models/offload/options.js';
import type { TensorOverride } from '../models/offload/overrides.js';
import type { MachineSweepRow, SweepRow } from '../models/sweep-model.js';
import { deviceJson } from './machine-report.js';
import { contextTitle } from './model-words.js';
import { groupDigits, humanBytes } from '../format.js';
import type { Style } from './style.js';
import { layOutTable, type Column, type TableLayout } from './table.js';

type OffloadSettings = Omit<OffloadOptions, 'devices' | 'adapters'>;

/** One row, flat; null where there is no answer. Sizes in bytes. */
export interface ConfigurationRow {
  readonly file: string;
  /** What runs the model. */
  readonly program: string | null;
  /** Most tokens of a batch whose logits are wanted. */
  readonly outputs: number | null;
  readonly contextSize: number | null;
  readonly batchSize: number | null;
  readonly ubatchSize: number | null;
  readonly sequences: number | null;
  readonly kvUnified: boolean | null;
  readonly flashAttention: boolean | null;
  readonly cacheTypeK: string | null;
  readonly cacheTypeV: string | null;
  readonly swaFull: boolean | null;
  readonly weights: number | null;
  readonly context: number | null;
  readonly compute: number | null;
  readonly total: number | null;
  /** Whether `context` is a recurrent state; null where nothing was measured. */
  readonly isRecurrent: boolean | null;
  /** Why llama.cpp would refuse to run. */
  readonly refusal: string | null;
  /** Whether it fits a budget, if there is one; null where nothing was measured. */
  readonly fits?: boolean | null;
  /** The options of the machine that were given; only with devices. */
  readonly offload?: OffloadSettings;
  /** What each device takes, with all the rest that `--json` prints; only with devices, and empty where nothing was measured. */
  readonly devices?: readonly { readonly name: string; readonly total: number }[];
}

type Sizes = Pick<ModelConfiguration, 'run' | 'weights' | 'context' | 'isRecurrent'> &
  Pick<FitAttempt, 'compute' | 'total'>;

/** The row of what was measured. */
export function configurationRow(file: string, sizes: Sizes): ConfigurationRow {
  const { run, weights, context, compute, total, isRecurrent } = sizes;
  return { file, ...settingsOf(run), weights, context, compute, total, isRecurrent, refusal: null };
}

/** The row of a combination, measured or refused. */
export function sweepRow(file: string, row: SweepRow | MachineSweepRow): ConfigurationRow {
  const offload = 'devices' in row.options ? offloadOf(row.options) : undefined;
  if (row.refusal === null) {
    const plain = configurationRow(file, row);
    if (!('devices' in row)) return plain;
    const devices = row.devices.map((device) => ({ name: device.name, total: device.total, ...deviceJson(device) }));
    return { ...plain, offload, devices, fits: row.fits };
  }
  const none = { weights: null, context: null, compute: null, total: null, isRecurrent: null };
  return {
    file,
    ...askedFor(row.options),
    ...none,
    ...(offload === undefined ? {} : { offload, devices: [], fits: null }),
    refusal: `${named(row.refusal.culprit)} must be ${row.refusal.limit}`,
  };
}

function offloadOf({ devices, ...options }: MachineOptions): ConfigurationRow['offload'] {
  void devices;
  return Object.fromEntries(
    Object.entries(options).filter(([key, value]) => key in OFFLOAD_OPTIONS && value !== undefined),
  );
}

/** What a setting of the machine is called in a table and in CSV. */
const OFFLOAD_COLUMNS: readonly (readonly [key: keyof OffloadSettings, title: string, csv: string])[] = [
  ['gpuLayers', 'layers', 'gpu_layers'],
  ['splitMode', 'split', 'split_mode'],
  ['tensorSplit', 'shares', 'tensor_split'],
  ['mainGpu', 'main', 'main_gpu'],
  ['nCpuMoe', 'host experts', 'n_cpu_moe'],
  ['cpuMoe', 'all experts on host', 'cpu_moe'],
  ['overrideTensors', 'overrides', 'override_tensor'],
  ['kvOffload', 'KV offload', 'kv_offload'],
  ['opOffload', 'op offload', 'op_offload'],
  ['repack', 'repack', 'repack'],
  ['mmap', 'mmap', 'mmap'],
  ['host', 'host buffers', 'host'],
];

function offloadText({ offload = {} }: ConfigurationRow, key: keyof OffloadSettings): string {
  const value = offload[key];
  if (typeof value !== 'object') return value === undefined ? '' : String(value);
  return value.map((item) => (typeof item === 'number' ? String(item) : overrideText(item))).join(',');
}

function overrideText({ pattern, bufferType }: TensorOverride): string {
  return `${pattern}=${bufferType}`;
}

function totalOf({ devices = [] }: ConfigurationRow, device: string): number | null {
  return devices.find(({ name }) => name === device)?.total ?? null;
}

type Settings = Omit<ConfigurationRow, 'file' | 'refusal' | 'fits' | 'offload' | 'devices' | keyof ModelSizes>;

function settingsOf(run: ResolvedModelOptions): Settings {
  return {
    program: run.program,
    outputs: run.maxOutputs,
    contextSize: run.contextSize,
    batchSize: run.batchSize,
    ubatchSize: run.ubatchSize,
    sequences: run.sequences,
    kvUnified: run.isUnified,
    flashAttention: run.flashAttention,
    cacheTypeK: run.keyType.name,
    cacheTypeV: run.valueType.name,
    swaFull: run.hasFullWindow,
  };
}

function askedFor(options: ModelOptions): Settings {
  const { flashAttention } = options;
  return {
    program: options.program ?? null,
    outputs: options.outputs ?? null,
    contextSize: options.ctxSize || null,
    batchSize: options.batchSize ?? null,
    ubatchSize: options.ubatchSize ?? null,
    sequences: options.parallel ?? null,
    kvUnified: options.kvUnified ?? null,
    flashAttention: flashAttention === undefined ? null : flashAttention !== false,
    cacheTypeK: options.cacheTypeK ?? null,
    cacheTypeV: options.cacheTypeV ?? null,
    swaFull: options.swaFull ?? null,
  };
}

/** Titles of the CSV file, in order. */
const CSV_COLUMNS: readonly (readonly [title: string, key: keyof ConfigurationRow])[] = [
  ['file', 'file'],
  ['program', 'program'],
  ['outputs', 'outputs'],
  ['ctx_size', 'contextSize'],
  ['batch_size', 'batchSize'],
  ['ubatch_size', 'ubatchSize'],
  ['parallel', 'sequences'],
  ['kv_unified', 'kvUnified'],
  ['flash_attn', 'flashAttention'],
  ['cache_type_k', 'cacheTypeK'],
  ['cache_type_v', 'cacheTypeV'],
  ['swa_full', 'swaFull'],
  ['weights', 'weights'],
  ['context', 'context'],
  ['compute', 'compute'],
  ['total', 'total'],
  ['refusal', 'refusal'],
  ['fits', 'fits'],
];

/** Rows as CSV (RFC 4180, but with `\n`), one by one: exact bytes, empty where there is no answer. `fits` only with a budget. */
export function configurationCsv(
  hasBudget: boolean,
  devices: readonly string[] = [],
): { titles: string; line: (row: ConfigurationRow) => string } {
  const isMachine = devices.length > 0;
  const columns = CSV_COLUMNS.filter(([, key]) => hasBudget || isMachine || key !== 'fits');
  const titles = [
    ...columns.map(([title]) => title),
    ...(isMachine ? [...OFFLOAD_COLUMNS.map(([, , title]) => title), ...devices] : []),
  ];
  const cells = (row: ConfigurationRow): (string | number | boolean | null | undefined)[] => [
    ...columns.map(([, key]) => row[key] as string | number | boolean | null),
    ...(isMachine ? OFFLOAD_COLUMNS.map(([key]) => offloadText(row, key)) : []),
    ...devices.map((device) => totalOf(row, device)),
  ];
  return { titles: `${titles.join(',')}\n`, line: (row) => `${cells(row).map(csvCell).join(',')}\n` };
}

function csvCell(value: string | number | boolean | null | undefined): string {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

/**
 * A table of rows that come one by one, laid out for some that are as wide as any. Settings that those share are left out
 * where there is not enough room; before that, the exact bytes.
 *
 * @param room columns of the terminal; `null`: as many as the table takes
 */
export function configurationLayout(
  examples: readonly ConfigurationRow[],
  style: Style,
  room: number | null,
): TableLayout<ConfigurationRow> {
  const columns = columnsFor(examples, style);
  const isShared = ({ cell }: Column<ConfigurationRow>): boolean =>
    examples.every((row) => cell(row) === cell(examples[0]));
  const spared = columns.map((column, c) => ({ spare: isShared(column) ? c + 1 : undefined, ...column }));
  return layOutTable(spared, examples, style.faint, room ?? undefined);
}

function columnsFor(rows: readonly ConfigurationRow[], style: Style): Column<ConfigurationRow>[] {
  const isOneFile = rows.every(({ file }) => file === rows[0].file);
  const isMachine = rows.some(({ devices }) => devices !== undefined);
  const isServer = rows.every(({ program }) => (program ?? 'server') === 'server');
  const bytes = (value: number | null): string => (value === null ? '' : humanBytes(value));
  const size = (title: string, key: 'weights' | 'context' | 'compute' | 'total'): Column<ConfigurationRow> => {
    return { title, cell: (row) => bytes(row[key]), align: 'right' };
  };
  const number = (
    title: string,
    key: 'contextSize' | 'ubatchSize' | 'sequences' | 'outputs',
  ): Column<ConfigurationRow> => {
    return { title, cell: (row) => groupOrEmpty(row[key]), align: 'right' };
  };
  return [
    { title: 'file', cell: ({ file }) => (isOneFile ? '' : file) },
    { title: 'program', cell: ({ program }) => (isServer ? '' : (program ?? '')) },
    number('logits', 'outputs'),
    number('context', 'contextSize'),
    number('ubatch', 'ubatchSize'),
    number('sequences', 'sequences'),
    { title: 'KV', cell: ofCache(({ kvUnified }) => (kvUnified === true ? 'unified' : '')) },
    { title: 'window', cell: ({ swaFull }) => (swaFull === true ? 'full' : '') },
    { title: 'flash attention', cell: ofCache((row) => onOrOff(row.flashAttention)) },
    { title: 'keys', cell: ofCache(({ cacheTypeK }) => cacheTypeK ?? '') },
    { title: 'values', cell: ofCache(({ cacheTypeV }) => cacheTypeV ?? '') },
    ...OFFLOAD_COLUMNS.map(([key, title]): Column<ConfigurationRow> => ({
      title,
      cell: (row) => offloadText(row, key),
      align: 'right',
    })),
    ...(isMachine ? machineColumns(rows[0], style) : []),
    ...(isMachine
      ? []
      : [
          size('weights', 'weights'),
          size(contextTitle(rows.map(({ isRecurrent }) => isRecurrent)), 'context'),
          size('compute', 'compute'),
          { ...size('total', 'total'), paint: style.strong },
          {
            title: 'bytes',
            cell: ({ total }: ConfigurationRow) => groupOrEmpty(total),
            align: 'right' as const,
            spare: 0,
          },
        ]),
    { title: 'fits', cell: ({ fits }) => (fits === undefined || fits === null ? '' : fits ? 'yes' : 'no') },
    { title: 'refused', cell: ({ refusal }) => refusal ?? '' },
  ];
}

/** The bytes of each device. */
function machineColumns({ devices = [] }: ConfigurationRow, style: Style): Column<ConfigurationRow>[] {
  return devices.map(({ name }) => ({
    title: name,
    cell: (row) => {
      const total = totalOf(row, name);
      return total === null ? '' : humanBytes(total);
    },
    align: 'right',
    paint: style.strong,
  }));
}

/** What a row says of its cache; nothing for a model that has none. */
function ofCache(cell: (row: ConfigurationRow) => string): (row: ConfigurationRow) => string {
  return (row) => (row.isRecurrent === true ? '' : cell(row));
}

function groupOrEmpty(value: number | null): string {
  return value === null ? '' : groupDigits(value);
}

function onOrOff(value: boolean | null): string {
  if (value === null) return '';
  return value ? 'on' : 'off';
}
