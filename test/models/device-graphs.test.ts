/** From a header and flags alone: splits, devices, copies, chunks and offsets are those of llama.cpp. */
import { it } from 'vitest';
import { planGraph } from '../../src/plan/plan.js';
import { spreadGraph } from '../../src/schedule/spread.js';
import { listDeviceCases, openCase } from '../support/device-cases.js';
import { expectRecordedSchedule, recordedGraph } from '../support/recorded-schedule.js';
import { describeShared, partOf } from '../support/shared.js';

describeShared('a model on several devices equals llama.cpp', () => {
  it.each(partOf(listDeviceCases().flatMap((name) => [`${name} pp`, `${name} tg`])))('%s', async (nameAndPhase) => {
    const [name, phase] = nameAndPhase.split(' ') as [string, 'pp' | 'tg'];
    const { model, offload } = await openCase(name);
    const input = model.scheduleInput(phase, offload);
    const schedule = spreadGraph(input);
    const plan = planGraph(schedule.graph, { allocator: 'ggml', runtime: 'none', pools: schedule.pools });
    expectRecordedSchedule(input.graph, schedule, plan, recordedGraph(name, phase));
  });
});
