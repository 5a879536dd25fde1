/** llama.cpp's own search for what fits: every trial's figures, and the choice, are those that it logged. */
import { expect, it } from 'vitest';
import { cudaDevice } from '../../../src/device/cuda.js';
import { readGguf } from '../../../src/gguf/gguf.js';
import { fitAsLlamaCpp, type LlamaCppFit } from '../../../src/models/fit/llama-cpp.js';
import type { MachineOptions } from '../../../src/models/measure-on-devices.js';
import { Trials, type MemoryUse, type Trial } from '../../../src/models/fit/trial.js';
import { readFlags } from '../../support/device-cases.js';
import { listFitTraces, readFitTrace, tablesOf, type FitTrace, type TableRow } from '../../support/fit-traces.js';
import { devicesOf } from '../../support/recorded-devices.js';
import { describeShared, sharedPath, partOf } from '../../support/shared.js';

const MIB = 2 ** 20;

describeShared('a fit as llama.cpp does it', () => {
  it.each(partOf(listFitTraces()))('%s', async (name) => {
    const trace = readFitTrace(name);
    const fit = await fitOf(trace);
    expect(fit.trials.map(tableOf)).toEqual(tablesOf(trace));
    expect(resultOf(fit, trace)).toEqual(trace.result);
  });

  // Tied embeddings and factors of rotation are one tensor or several, as layers go to devices.
  it.each(['gemma-3-4b.gguf', 'llama-3.2-1b.gguf'])('no trial of %s depends on those before it', async (header) => {
    const gguf = await readGguf(sharedPath('gguf', header));
    const devices = [cudaDevice({ totalBytes: 2 ** 33 }), cudaDevice({ totalBytes: 2 ** 33, index: 1 })];
    const trials = new Trials(gguf);
    for (const gpuLayers of [0, 99, 5, 0, 1, 99]) {
      const options = { devices, gpuLayers, ctxSize: 4096 };
      expect(trials.measure(options)).toEqual(new Trials(gguf).measure(options));
      expect(runOf(trials, options)).toEqual(runOf(new Trials(gguf), options));
    }
  });
});

function runOf(trials: Trials, options: MachineOptions): Trial {
  return trials.confirmRun(trials.estimateRun(options));
}

async function fitOf({ meta }: FitTrace): Promise<LlamaCppFit> {
  const gguf = await readGguf(sharedPath('gguf', meta.model));
  const args = meta.args.flatMap((arg, index) => (isOfFit(arg) || isOfFit(meta.args[index - 1]) ? [] : [arg]));
  const { model, offload } = readFlags(args);
  return fitAsLlamaCpp(gguf, {
    // The traces were recorded with the defaults of llama.cpp's library.
    swaFull: true,
    ...model,
    ...offload,
    devices: devicesOf({ meta } as unknown as Parameters<typeof devicesOf>[0]),
    targets: meta.fitTargetMiB * MIB,
    minContext: meta.fitCtx,
  });
}

function isOfFit(arg: string | undefined): boolean {
  return arg?.startsWith('--fit-') ?? false;
}

function tableOf({ devices, host }: Trial): TableRow[] {
  return [...devices.map(deviceRow), hostRow(host)];
}

function deviceRow({ name, totalBytes, freeBytes, used, weights, context, compute }: MemoryUse): TableRow {
  const figures = [totalBytes, freeBytes, used, weights, context, compute, totalBytes - freeBytes - used];
  return [name, ...figures.map(inMib)];
}

function hostRow({ name, used, weights, context, compute }: MemoryUse): TableRow {
  return [name, ...[used, weights, context, compute].map(inMib)];
}

/** `+ 0` makes no difference between the zeros. */
function inMib(bytes: number): number {
  return Math.trunc(bytes / MIB) + 0;
}

function resultOf({ status, options, changes }: LlamaCppFit, { meta }: FitTrace): FitTrace['result'] {
  return {
    status: status === 'success' ? 0 : 1,
    nCtx: options.ctxSize ?? 0,
    nGpuLayers: changes.gpuLayers === undefined ? -1 : Number(changes.gpuLayers),
    tensorSplit: changes.tensorSplit ?? meta.devices.map(() => 0),
    overrides: (changes.overrideTensors ?? []).map(({ pattern, bufferType }) => [pattern, bufferType]),
  };
}
