/** From a header and flags alone: splits, devices, copies, chunks, offsets and buffers are those of llama.cpp. */
import { expect, it } from 'vitest';
import { measureModel } from '../../src/models/measure-model.js';
import type { MachineMeasurement } from '../../src/models/measure-on-devices.js';
import { readGguf } from '../../src/gguf/gguf.js';
import { listDeviceCases, readDeviceCase, readFlags, type DeviceCase } from '../support/device-cases.js';
import { devicesOf } from '../support/recorded-devices.js';
import { expectRecordedSchedule, recordedGraph } from '../support/recorded-schedule.js';
import { describeShared, partOf, sharedPath } from '../support/shared.js';

describeShared('a model on several devices equals llama.cpp', () => {
  it.each(partOf(listDeviceCases()))('%s', async (name) => {
    const recorded = readDeviceCase(name);
    const flags = readFlags(recorded.meta.args);
    const gguf = await readGguf(sharedPath('gguf', recorded.meta.model));
    const measured = measureModel(gguf, { ...flags.model, ...flags.offload, devices: devicesOf(recorded) });
    for (const phase of ['pp', 'tg'] as const) {
      const { schedule, plan, given } = measured.phases[phase];
      expectRecordedSchedule(given, schedule, plan, recordedGraph(name, phase));
    }
    expect(measured.run.flashAttention).toBe(recorded.flashAttn);
    expect(computeOf(measured)).toEqual(recordedCompute(recorded));
    expect(measured.copies).toBe(recorded.copies);
  });
});

function computeOf({ buffers }: MachineMeasurement): Record<string, number> {
  return Object.fromEntries(
    buffers.flatMap(({ purpose, type, bytes }) => (purpose === 'compute' ? [[type.name, bytes]] : [])),
  );
}

function recordedCompute({ breakdown }: DeviceCase): Record<string, number> {
  return Object.fromEntries(breakdown.flatMap(({ buft, compute }) => (compute > 0 ? [[buft, compute]] : [])));
}
