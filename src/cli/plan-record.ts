/**
 * How a plan was made, as its file says it: what `verify` needs to build the same graph again.
 *
 * Invariant: options are recorded as they were applied, so that no default, of this release or another, changes them.
 */
import { basename } from 'node:path';
import type { GraphOption, ModelOptions, Phase, ResolvedModelOptions } from '../models/options.js';
import type { ReuseMode } from '../liveness/liveness.js';
import type { PlanOptions } from '../plan/options.js';
import { CliError } from './cli-error.js';
import { flagOf } from './flag-names.js';
import type { ShapeRecord } from './shape-flags.js';

/** Options that say how to build the graph and how to plan it. Flash attention and reuse are written as their flags say it. */
export type RecordedOptions = Omit<ModelOptions, 'flashAttention' | 'loadMtp' | Exclude<GraphOption, 'phase'>> & {
  readonly flashAttention?: string;
} & Pick<PlanOptions, 'alignment' | 'maxChunkSize'> & {
    readonly inPlace?: ReuseMode;
    readonly convention?: string;
  } & ShapeRecord;

/** What was planned. */
export interface PlannedInput {
  /** The file's name, without its folder. */
  readonly file: string;
  /** Only for a model. */
  readonly architecture?: string;
  /** Nodes of the graph; absent for a placement problem, which has none. */
  readonly nodes?: number;
}

export interface PlanRecord {
  readonly input: PlannedInput;
  readonly options: RecordedOptions;
}

/** What kind of value each option has. */
const OPTION_TYPES: Readonly<Record<string, 'number' | 'string' | 'boolean' | 'object'>> = {
  program: 'string',
  ctxSize: 'number',
  batchSize: 'number',
  ubatchSize: 'number',
  parallel: 'number',
  kvUnified: 'boolean',
  flashAttention: 'string',
  cacheTypeK: 'string',
  cacheTypeV: 'string',
  swaFull: 'boolean',
  outputs: 'number',
  stateSnapshots: 'number',
  embeddings: 'boolean',
  pooling: 'string',
  phase: 'string',
  inPlace: 'string',
  convention: 'string',
  alignment: 'number',
  maxChunkSize: 'number',
  dims: 'object',
  inputs: 'object',
  bounds: 'object',
} satisfies Record<keyof RecordedOptions, 'number' | 'string' | 'boolean' | 'object'>;

/** What is written down of a run, which leads to it again. */
export function optionsOfRun(run: ResolvedModelOptions, phase: Phase): RecordedOptions {
  return {
    program: run.program,
    ctxSize: run.contextSize,
    batchSize: run.batchSize,
    ubatchSize: run.ubatchSize,
    parallel: run.sequences,
    kvUnified: run.isUnified,
    flashAttention: run.flashAttention ? 'on' : 'off',
    cacheTypeK: run.keyType.name,
    cacheTypeV: run.valueType.name,
    swaFull: run.hasFullWindow,
    outputs: run.maxOutputs,
    ...(run.snapshots === 0 ? {} : { stateSnapshots: run.snapshots }),
    ...(run.pooling === null ? {} : { embeddings: true, pooling: run.pooling }),
    phase,
  };
}

/** What was written down, as options of the library. */
export function optionsOfRecord(recorded: RecordedOptions): ModelOptions & PlanOptions {
  const { flashAttention, inPlace: reuse, ...rest } = recorded;
  const options = reuse === undefined ? rest : { ...rest, reuse };
  if (flashAttention === undefined) return options;
  // The library says what is wrong with any other word.
  const value = { on: true, off: false }[flashAttention] ?? (flashAttention as 'auto');
  return { ...options, flashAttention: value };
}

export function inputOf(file: string, rest: Omit<PlannedInput, 'file'> = {}): PlannedInput {
  return { file: basename(file), ...rest };
}

/** Checks what a plan file says of how it was made; it may say nothing. @throws CliError naming the field at fault */
export function checkRecord({ input, options }: Readonly<Record<string, unknown>>): void {
  if (input !== undefined && !isRecord(input)) throw new CliError('The field "input" of the plan must be an object.');
  for (const [field, type] of [
    ['file', 'string'],
    ['architecture', 'string'],
    ['nodes', 'number'],
  ] as const) {
    checkType(input ?? {}, 'input', field, type);
  }
  if (options === undefined) return;
  if (!isRecord(options)) throw new CliError('The field "options" of the plan must be an object.');
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(OPTION_TYPES, key)) {
      throw new CliError(`The plan was made with the option ${JSON.stringify(key)}, which this release does not know.`);
    }
    checkType(options, 'options', key, OPTION_TYPES[key]);
  }
}

function checkType(record: object, name: string, field: string, type: string): void {
  const value = (record as Record<string, unknown>)[field];
  if (value === undefined || typeof value === type) return;
  throw new CliError(`The field "${name}.${field}" of the plan must be a ${type}.`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One sentence for each flag that was given and is not what the plan was made with. */
export function disagreements(recorded: RecordedOptions, given: object, applied: RecordedOptions): string[] {
  return Object.keys(given).flatMap((key) => {
    const option = key as Exclude<keyof RecordedOptions, keyof ShapeRecord>; // a model has no such shapes
    const [made, asked] = [recorded[option], applied[option]];
    if (made === undefined || asked === undefined || made === asked) return [];
    const flag = flagOf(key) ?? key;
    return [`The plan was made with ${flag} ${made}, not ${asked}: leave the flag out, or plan again.`];
  });
}

/** A sentence if a plan was made for something else; `undefined` if nothing says so. */
export function otherInput(planned: PlannedInput | undefined, found: Omit<PlannedInput, 'file'>): string | undefined {
  const { file, architecture, nodes } = planned ?? {};
  const what = `The plan was made for ${JSON.stringify(file)}`;
  if (architecture !== undefined && found.architecture !== undefined && architecture !== found.architecture) {
    return `${what}, a model of the architecture ${architecture}; this one is of ${found.architecture}.`;
  }
  if (nodes === undefined || found.nodes === undefined || nodes === found.nodes) return undefined;
  return `${what}, whose graph has ${nodes} nodes; this one has ${found.nodes}.`;
}
