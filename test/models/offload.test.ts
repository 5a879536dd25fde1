/** Models spread over devices: everything but the compute buffers is where llama.cpp put it. */
import { expect, it } from 'vitest';
import { cpuDevice } from '../../src/device/cpu.js';
import { cudaDevice } from '../../src/device/cuda.js';
import { metalDevice } from '../../src/device/metal.js';
import { nullIfThrown } from '../../src/errors.js';
import { sumsOf } from '../../src/models/device-sums.js';
import { readGguf } from '../../src/gguf/gguf.js';
import { ARCHITECTURES } from '../../src/models/architectures/index.js';
import { loadedTensors } from '../../src/models/loaded-tensors.js';
import { openModel } from '../../src/models/model-graph.js';
import type { Offload } from '../../src/models/offload/offload.js';
import { weightUses } from '../../src/models/offload/tensor-kinds.js';
import { listDeviceCases, listRepackRuns, openCase, readFlags, type DeviceCase } from '../support/device-cases.js';
import { describeShared, listRecordings, partOf, sharedPath } from '../support/shared.js';

describeShared('offload equals llama.cpp', () => {
  it.each(partOf(listDeviceCases()))('%s', async (name) => {
    const { recorded, offload } = await openCase(name);
    expect(summary(offload)).toEqual(recordedSummary(recorded));
    expect(weightsOf(offload)).toEqual(recorded.weights.map((row) => row.join(' ')));
    expect(cachesOf(offload)).toEqual(sorted(recorded.kv.map(([, ...rest]) => rest)));
    expect(breakdown(offload)).toEqual(recordedBreakdown(recorded));
  });
});

describeShared('weights of any CPU are where llama.cpp loads them', () => {
  it.each(partOf(listRepackRuns()))('$name', async ({ model, features, args, profile, weights, context }) => {
    const gguf = await readGguf(sharedPath('gguf', model));
    const flags = readFlags(args);
    const gpus = {
      cpu: [],
      cuda: [cudaDevice({ totalBytes: 24 * 2 ** 30 })],
      metal: [metalDevice({ totalBytes: 48 * 2 ** 30 })],
    }[profile];
    const devices = [...gpus, cpuDevice({ features })];
    const { buffers } = openModel(gguf, flags.model).offload({ ...flags.offload, devices });
    const bytes = (wanted: string): Record<string, number> =>
      Object.fromEntries(
        buffers.flatMap(({ purpose, type, bytes }) => (purpose === wanted ? [[type.name, bytes]] : [])),
      );
    expect({ weights: bytes('weights'), context: bytes('context') }).toEqual({ weights, context });
  });
});

describeShared('headers of all architectures', () => {
  const headers = new Set(
    (['archs', 'real', 'supported', 'graphs/llama'] as const)
      .flatMap(listRecordings)
      .map(({ headerPath }) => headerPath),
  );

  it('have weights of kinds that are known, but for convolutions', async () => {
    const unknown = new Set<string>();
    for (const path of partOf([...headers])) {
      const gguf = await readGguf(path);
      const architecture = String(gguf.metadata['general.architecture']);
      const useOf = weightUses(architecture);
      for (const { name } of loadedTensors(gguf)) {
        const isKnown = nullIfThrown('BAD_MODEL', () => useOf(name)) !== null;
        if (!isKnown) unknown.add(architecture);
      }
    }
    expect(['wavtokenizer-dec']).toEqual(expect.arrayContaining([...unknown]));
  });

  it('take on a CPU alone what is measured without devices', async () => {
    let count = 0;
    for (const path of partOf([...headers])) {
      const gguf = await readGguf(path);
      if (!ARCHITECTURES.has(String(gguf.metadata['general.architecture']))) continue;
      const model = openModel(gguf, {});
      const { buffers } = model.offload({ devices: [], mmap: false, repack: false });
      const { weights, context } = sumsOf(buffers);
      expect([weights, context], path).toEqual([model.weightBytes, model.contextBytes]);
      count++;
    }
    expect(count).toBeGreaterThan(10);
  });
});

function summary({ layerDevices, devices, bufferTypes, buffers, copyCount }: Offload): unknown {
  const output = buffers.find(({ purpose }) => purpose === 'output')!;
  return {
    layers: layerDevices.layers.map(({ name }) => name),
    outputLayer: layerDevices.output.name,
    backends: devices.map(({ name }, index) => [name, bufferTypes[index].name]),
    output: { buft: output.type.name, size: output.bytes },
    copies: copyCount,
  };
}

function recordedSummary({ layers, outputLayer, backends, output, copies }: DeviceCase): unknown {
  return { layers, outputLayer, backends: backends.map(({ name, buft }) => [name, buft]), output, copies };
}

type Row = readonly [name: string, buft: string, bytes: number];

/** A tensor may be in a buffer type twice only if llama.cpp has it there twice, so no row is dropped. */
const sorted = (rows: readonly Row[]): readonly string[] => rows.map((row) => row.join(' ')).sort();

/** By buffer type, in the order in which they are made. */
function weightsOf({ weights }: Offload): readonly string[] {
  const rows = weights.all.map(({ listed, type, bytes }) => [type.name, listed.name, bytes] as const);
  rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return rows.map(([type, name, bytes]) => `${name} ${type} ${bytes}`);
}

function cachesOf({ caches }: Offload): readonly string[] {
  return sorted(caches.flat().map(({ tensor, type, bytes }) => [tensor.name, type.name, bytes]));
}

type Breakdown = Record<string, { model: number; context: number }>;

function breakdown({ buffers }: Offload): Breakdown {
  const rows: Breakdown = {};
  for (const { type, purpose, bytes } of buffers) {
    if (purpose === 'output') continue;
    const row = (rows[type.name] ??= { model: 0, context: 0 });
    row[purpose === 'weights' ? 'model' : 'context'] += bytes;
  }
  return rows;
}

/** Rows with compute buffers only are left out. */
function recordedBreakdown({ breakdown: rows }: DeviceCase): Breakdown {
  const used = rows.filter(({ model, context }) => model + context > 0);
  return Object.fromEntries(used.map(({ buft, model, context }) => [buft, { model, context }]));
}
