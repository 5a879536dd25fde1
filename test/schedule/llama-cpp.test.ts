/** With devices that answer as llama.cpp's did: splits, devices, copies, chunks and offsets are those of llama.cpp. */
import { it } from 'vitest';
import { planGraph } from '../../src/plan/plan.js';
import { listRawGraphs, readRawGraph } from '../support/raw-graph.js';
import { spreadRecorded } from '../support/recorded-answers.js';
import { expectRecordedSchedule, recordedGraph } from '../support/recorded-schedule.js';
import { describeShared, partOf } from '../support/shared.js';

describeShared('a graph spread over the devices of llama.cpp', () => {
  it.each(partOf(listRawGraphs()))('%s', (name) => {
    const raw = readRawGraph(name);
    const [, caseName, phase] = /^(?:raw\/)?(.+)\.(pp|tg)$/.exec(name)!;
    const recorded = recordedGraph(caseName, phase as 'pp' | 'tg');
    const schedule = spreadRecorded(raw, recorded.order ?? null);
    const plan = planGraph(schedule.graph, { allocator: 'ggml', runtime: 'none', pools: schedule.pools });

    expectRecordedSchedule(raw.graph, schedule, plan, recorded);
  });
});
