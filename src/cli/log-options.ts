/**
 * From a log of llama.cpp to the options and the machine that it was written with.
 *
 * Invariant: only what the log says; the rest is left to flags and defaults.
 */
import type { Device } from '../device/device.js';
import { withCpu } from '../device/machine.js';
import { parseDevice } from '../device/parse.js';
import type { LlamaLog, LogRun } from '../models/llama-log.js';
import type { OffloadOptions } from '../models/offload/options.js';
import type { ModelOptions } from '../models/options.js';
import { CliError } from './cli-error.js';
import { flashAttention } from './flag-values.js';

/** The options of a model, as far as the log says them. */
export function modelOptionsOfLog({ settings }: LogRun): ModelOptions {
  const number = (...keys: string[]): number | undefined => {
    const key = keys.find((each) => settings.has(each));
    return key === undefined ? undefined : Number(settings.get(key));
  };
  const [keys, values, attention] = ['type_k', 'type_v', 'flash_attn'].map((key) => settings.get(key));
  const [whole, windowed] = [number('non-SWA cells'), number('SWA cells')];
  const unified = settings.get('kv_unified');
  const outputs = number('n_outputs_max');
  const isUnified = unified === undefined ? number('streams') === 1 : unified === 'true';
  const sequences = number('n_seq_max', 'sequences');
  return given({
    program: outputs === undefined ? undefined : 'library',
    ctxSize: number('n_ctx'),
    batchSize: number('n_batch'),
    ubatchSize: number('n_ubatch'),
    parallel: sequences,
    kvUnified: sequences === undefined ? undefined : isUnified,
    flashAttention: attention === undefined || !ATTENTION.test(attention) ? undefined : flashAttention(attention),
    cacheTypeK: keys,
    cacheTypeV: values,
    swaFull: whole !== undefined && whole === windowed ? true : undefined,
    outputs,
  });
}

/** The words of all releases. */
const ATTENTION = /^(enabled|disabled|auto|-1|0|1)$/;

/** How the model was spread over devices, as far as the log says it. */
export function offloadOptionsOfLog({ buffers, offloaded, overrides }: LogRun): Omit<OffloadOptions, 'devices'> {
  const typesOf = (purpose: string): string[] =>
    buffers.flatMap((buffer) => (buffer.purpose === purpose ? [buffer.type] : []));
  const [weights, caches] = [typesOf('weights'), typesOf('context')];
  const layers = offloaded?.[0];
  const isOnCpu = caches.length > 0 && caches.every((type) => type === 'CPU');
  return given({
    gpuLayers: layers,
    // One layer on devices is the output, which has no cache.
    kvOffload: layers !== undefined && layers > 1 && isOnCpu ? false : undefined,
    mmap: weights.length === 0 ? undefined : weights.some((type) => type.endsWith('_Mapped')),
    overrideTensors:
      overrides.length === 0
        ? undefined
        : overrides.map(([tensor, type]) => ({
            pattern: `^${tensor.replaceAll('.', '\\.')}$`,
            bufferType: isDevice(type) ? type : 'CPU',
          })),
  });
}

/** What profile makes devices of a name. */
const PROFILE_OF: Readonly<Record<string, string>> = { CUDA: 'cuda', MTL: 'metal', Metal: 'metal', Vulkan: 'vulkan' };
const DEVICE_NAME = /^(CUDA|MTL|Metal|Vulkan)(\d*)$/;

function isDevice(type: string): boolean {
  return DEVICE_NAME.test(type);
}

/** What a device is given whose memory is not said, and does not matter. */
const PLENTY_MIB = 1024 ** 2;

/** The machine that the log tells of. @throws CliError if it does not say enough */
export function machineOfLog(run: LogRun, { capabilities }: LlamaLog): readonly Device[] {
  const found = [...new Set(run.buffers.map(({ type }) => type.replace(/_Mapped$/, '')).filter(isDevice))];
  if (run.devices.length === 0 && found.length > 1) {
    const names = found.join(', ');
    throw new CliError(
      `the log has ${names}, but not how much memory is free on each, which decides their layers: give --gpu for each`,
    );
  }
  const devices = run.devices.length > 0 ? run.devices : found.map((name) => ({ name, freeMiB: PLENTY_MIB }));
  return withCpu(devices.map((device) => deviceOf(device, capabilities)));
}

function deviceOf({ name, freeMiB }: LogRun['devices'][number], capabilities: ReadonlyMap<number, number>): Device {
  const [, kind, number] = DEVICE_NAME.exec(name) ?? [];
  if (kind === undefined) {
    throw new CliError(`the log has the device ${name}, which is none of ${Object.keys(PROFILE_OF).join(', ')}`);
  }
  const index = Number(number);
  const capability = kind === 'CUDA' ? capabilities.get(index) : undefined;
  const text = `${PROFILE_OF[kind]}:${freeMiB}MiB${capability === undefined ? '' : `:${capability.toFixed(1)}`}`;
  return parseDevice(text, index);
}

/** The entries that have a value. */
function given<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
