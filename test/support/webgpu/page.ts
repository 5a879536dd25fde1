/** The script of the page in which tests use WebGPU: functions that tests call by name. */
import { generate } from '../../../examples/run-on-webgpu.js';
import { runDamaged } from './broken-rules.js';
import { decodeTokens } from './decode-tokens.js';
import type { Gpu } from './run.js';
import { compareOutputs } from './compare-outputs.js';

let opened: Promise<Gpu> | undefined;

async function open(): Promise<Gpu> {
  const adapter = await navigator.gpu.requestAdapter();
  if (adapter === null) throw new Error('The browser has no WebGPU adapter.');
  const device = await adapter.requestDevice();
  const errors: string[] = [];
  device.addEventListener('uncapturederror', ({ error }) => errors.push(error.message));
  void device.lost.then(({ reason, message }) => errors.push(`lost (${reason}): ${message}`));
  return { device, errors };
}

/** All that a test may ask of the page; the device comes first. */
const FUNCTIONS = {
  compareOutputs,
  decodeTokens,
  runDamaged,
  runExample: ({ device }: Gpu): ReturnType<typeof generate> => generate(device),
};

export type PageFunctions = typeof FUNCTIONS;

/** Calls a function, and returns what it returns with what the device found invalid meanwhile. */
async function call(name: keyof PageFunctions, args: unknown[]): Promise<{ value: unknown; errors: string[] }> {
  const gpu = await (opened ??= open());
  gpu.errors.length = 0;
  gpu.device.pushErrorScope('validation');
  const value = await (FUNCTIONS[name] as (gpu: Gpu, ...args: unknown[]) => unknown)(gpu, ...args);
  await gpu.device.queue.onSubmittedWorkDone();
  const error = await gpu.device.popErrorScope();
  return { value, errors: error === null ? [...gpu.errors] : [error.message, ...gpu.errors] };
}

Object.assign(globalThis, { call });
