/** What llama.cpp did to fit models to machines: every trial's table, and the options it ended with. */
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { sharedIsPresent, sharedPath } from './shared-data.js';

/** One row of llama.cpp's memory table in MiB: total, free, self, model, context, compute, unaccounted; of the host the middle four. */
export type TableRow = readonly [name: string, ...mebibytes: number[]];

export interface FitTrace {
  readonly meta: {
    readonly model: string;
    readonly args: readonly string[];
    readonly profile: string;
    readonly fitTargetMiB: number;
    readonly fitCtx: number;
    readonly devices: readonly { readonly total: number; readonly free: number }[];
  };
  readonly result: {
    readonly status: number;
    readonly nCtx: number;
    readonly nGpuLayers: number;
    readonly tensorSplit: readonly number[];
    readonly overrides: readonly (readonly [pattern: string, bufferType: string])[];
  };
  readonly log: readonly string[];
}

/** The names of all traces, sorted. */
export function listFitTraces(): string[] {
  if (!sharedIsPresent) return [];
  return readdirSync(sharedPath('devices', 'fit')).map((file) => file.replace('.json.gz', ''));
}

export function readFitTrace(name: string): FitTrace {
  const bytes = readFileSync(sharedPath('devices', 'fit', `${name}.json.gz`));
  return JSON.parse(gunzipSync(bytes).toString('utf8')) as FitTrace;
}

/** The tables of all trials. */
export function tablesOf({ log }: FitTrace): TableRow[][] {
  const tables: TableRow[][] = [];
  for (const line of log) {
    if (!line.startsWith('common_memory_breakdown_print:')) continue;
    if (line.includes('memory breakdown')) tables.push([]);
    else tables.at(-1)!.push(rowOf(line));
  }
  return tables;
}

function rowOf(line: string): TableRow {
  const [, name, figures] = /\|\s+- (\S+).*?\|(.*)\|$/.exec(line)!;
  return [name, ...figures.match(/-?\d+/g)!.map(Number)];
}
