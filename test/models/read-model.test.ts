import { describe, expect, it } from 'vitest';
import { cpuDevice, cudaDevice } from '../../src/device/index.js';
import type { Gguf } from '../../src/gguf/types.js';
import { readGguf } from '../../src/gguf/index.js';
import {
  fitAsLlamaCpp,
  fitContext,
  fitModel,
  measureModel,
  readModel,
  sweepModel,
  type MachineMeasurement,
  type MachineOptions,
} from '../../src/models/index.js';
import { describeShared } from '../support/shared.js';
import { projectPath, sharedPath } from '../support/shared-data.js';

const GIB = 2 ** 30;
const devices = [cudaDevice({ totalBytes: 8 * GIB }), cudaDevice({ totalBytes: 8 * GIB, index: 1 }), cpuDevice()];

/** Moves of layers between devices, with a change of other options between them. */
const MOVES: readonly MachineOptions[] = [
  { devices, ctxSize: 512, gpuLayers: 3 },
  { devices, ctxSize: 512, gpuLayers: 20 },
  { devices, ctxSize: 512, gpuLayers: 20, tensorSplit: [3, 1] },
  { devices, ctxSize: 1024, gpuLayers: 20 },
  { devices: [cpuDevice()], ctxSize: 1024 },
  { devices, ctxSize: 1024, gpuLayers: 'all', flashAttention: false },
  { devices, ctxSize: 512, gpuLayers: 3 },
];

/** All that a measurement says, without its graphs. */
function sizesOf({ devices: each, buffers, splits, nodes, layers, run, phases }: MachineMeasurement): object {
  const taken = buffers.map(({ device, type, purpose, bytes }) => [device, type.name, purpose, bytes]);
  const { pp, tg } = phases;
  return { each, taken, splits, nodes, layers, run, chunks: [pp.measurement.chunks, tg.measurement.chunks] };
}

function expectSameAnswers(gguf: Gguf): void {
  const model = readModel(gguf);
  for (const options of MOVES) {
    expect(sizesOf(measureModel(model, options))).toEqual(sizesOf(measureModel(gguf, options)));
  }
}

describe('readModel', () => {
  it('gives the same answers as the header, move by move', async () => {
    expectSameAnswers(await readGguf(projectPath('examples/phi-3-mini-4k.gguf')));
  });

  it('keeps the graphs while only layers and devices change', async () => {
    const model = readModel(await readGguf(projectPath('examples/phi-3-mini-4k.gguf')));
    const graphOf = (options: MachineOptions): object => measureModel(model, options).phases.pp.given;
    const first = graphOf({ devices: [cpuDevice()], ctxSize: 512 });
    expect(graphOf({ devices: [cpuDevice()], ctxSize: 512, flashAttention: 'auto' })).toBe(first);
    expect(graphOf({ devices: [cpuDevice()], ctxSize: 1024 })).not.toBe(first);
  });

  it('stands for the header in every function, and is read once', async () => {
    const gguf = await readGguf(projectPath('examples/phi-3-mini-4k.gguf'));
    const model = readModel(gguf);
    expect(readModel(model)).toBe(model);
    expect(model).toMatchObject({ name: gguf.name, architecture: 'phi3', layerCount: 32 });
    const cpu = { ctxSize: 512 };
    expect(measureModel(model, cpu).total).toBe(measureModel(gguf, cpu).total);
    expect(fitContext(model, 3 * GIB, cpu)).toEqual(fitContext(gguf, 3 * GIB, cpu));
    const rows = { ctxSize: [512, 1024] };
    expect([...sweepModel(model, rows)]).toEqual([...sweepModel(gguf, rows)]);
    const commands = (source: typeof model | typeof gguf): unknown =>
      fitModel(source, devices, cpu).points.map(({ command }) => command);
    expect(commands(model)).toEqual(commands(gguf));
    const changes = (source: typeof model | typeof gguf): object => fitAsLlamaCpp(source, { devices, ...cpu }).changes;
    expect(changes(model)).toEqual(changes(gguf));
  });
});

describeShared('readModel, where layers on several devices read copies of one weight', () => {
  it('builds another graph when other layers share a copy', async () => {
    expectSameAnswers(await readGguf(sharedPath('gguf/llama-3.1-8b.gguf')));
  });
});
