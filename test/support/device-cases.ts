/**
 * Models that llama.cpp spread over devices: what it was told, and where it put everything.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { CpuFeatures } from '../../src/device/cpu-repack.js';
import { OFFLOAD_FLAGS } from '../../src/cli/device-flags.js';
import { namesOf } from '../../src/cli/flag.js';
import { MODEL_FLAGS } from '../../src/cli/flags.js';
import { readGguf } from '../../src/gguf/gguf.js';
import { openModel, type Model } from '../../src/models/model-graph.js';
import type { Offload } from '../../src/models/offload/offload.js';
import type { DeviceCase as RecordedMachine } from './raw-graph.js';
import { devicesOf } from './recorded-devices.js';
import type { OffloadOptions } from '../../src/models/offload/options.js';
import type { ModelOptions } from '../../src/models/options.js';
import { sharedIsPresent, sharedPath } from './shared-data.js';

/** A row of llama.cpp's memory table. */
export interface RecordedBuffer {
  readonly buft: string;
  readonly model: number;
  readonly context: number;
  readonly compute: number;
}

export interface DeviceCase extends RecordedMachine {
  readonly meta: RecordedMachine['meta'] & { readonly model: string };
  readonly log: readonly string[];
  readonly flashAttn: boolean;
  readonly pipelineParallel: boolean;
  readonly copies: number;
  readonly backends: readonly { readonly name: string; readonly buft: string }[];
  readonly output: { readonly buft: string; readonly size: number };
  readonly breakdown: readonly RecordedBuffer[];
  readonly layers: readonly string[];
  readonly outputLayer: string;
  readonly weights: readonly (readonly [name: string, buft: string, bytes: number])[];
  readonly graphs: Readonly<Record<'pp' | 'tg', { readonly nNodes: number; readonly nSplits: number }>>;
  readonly kv: readonly (readonly [cache: string, name: string, buft: string, bytes: number])[];
}

/** The names of all cases, sorted, such as `llama-3.2-1b.gpu1-all` or `repack/llama-3.1-8b.cpu`. */
export function listDeviceCases(): string[] {
  if (!sharedIsPresent) return [];
  return ['', 'repack/'].flatMap((folder) =>
    readdirSync(sharedPath('devices', folder)).flatMap((file) =>
      file.endsWith('.json.gz') && !file.endsWith('.raw.json.gz')
        ? [`${folder}${file.slice(0, -'.json.gz'.length)}`]
        : [],
    ),
  );
}

export function readDeviceCase(name: string): DeviceCase {
  return JSON.parse(gunzipSync(readFileSync(sharedPath('devices', `${name}.json.gz`))).toString('utf8')) as DeviceCase;
}

/** A case's model with the options of the case, and where its parts go. */
export async function openCase(name: string): Promise<{ recorded: DeviceCase; model: Model; offload: Offload }> {
  const recorded = readDeviceCase(name);
  const { meta, flashAttn } = recorded;
  const gguf = await readGguf(sharedPath('gguf', meta.model));
  const flags = readFlags(meta.args);
  const model = openModel(gguf, { ...flags.model, flashAttention: flashAttn });
  return { recorded, model, offload: model.offload({ devices: devicesOf(recorded), ...flags.offload }) };
}

/** What llama.cpp loaded, by buffer type: for one header, with one CPU and some flags. */
export interface RepackRun {
  readonly name: string;
  readonly model: string;
  readonly features: CpuFeatures;
  readonly args: readonly string[];
  readonly profile: 'cpu' | 'cuda' | 'metal';
  readonly weights: Readonly<Record<string, number>>;
  readonly context: Readonly<Record<string, number>>;
}

/** All headers with several CPUs, none of them with more than one other device. */
export function listRepackRuns(): RepackRun[] {
  if (!sharedIsPresent) return [];
  const { headers } = JSON.parse(readFileSync(sharedPath('devices', 'repack.json'), 'utf8')) as {
    headers: Record<string, Record<string, RepackRun & { args: string }>>;
  };
  return Object.entries(headers).flatMap(([model, runs]) =>
    Object.entries(runs).map(([run, { args, profile, weights, context }]) => {
      const features = run.split(' ')[0].replace('arm-', '') as CpuFeatures;
      return { name: `${model} ${run}`, model, features, args: args.split(' '), profile, weights, context };
    }),
  );
}

/** llama.cpp's flags as options of the library; the devices are left out. */
export function readFlags(args: readonly string[]): {
  model: ModelOptions;
  offload: Omit<OffloadOptions, 'devices'>;
} {
  const model: Record<string, unknown> = { program: 'library' };
  const offload: Record<string, unknown> = {};
  const rest = [...args];
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    const name = flag;
    const ours = MODEL_FLAGS.find(({ short, long }) => short === name || long === name);
    const row = OFFLOAD_FLAGS.find((flag) => namesOf(flag).includes(name));
    if (row !== undefined) {
      const value = row.parse!(row.value === undefined ? '' : rest.shift()!);
      const before = (row.isList === true ? offload[row.key] : undefined) as readonly unknown[] | undefined;
      offload[row.key] = before === undefined ? value : [...before, ...(value as readonly unknown[])];
    } else if (ours !== undefined) {
      model[ours.key] = ours.value === undefined ? true : (ours.parse ?? String)(rest.shift() ?? '');
    } else if (name === '--n-outputs-max') {
      model.outputs = Number(rest.shift());
    } else {
      throw new Error(`The flag ${name} is not known.`);
    }
  }
  return { model, offload };
}
