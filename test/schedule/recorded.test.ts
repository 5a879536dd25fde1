/** The schedules of llama.cpp's graphs hold what the given graphs do, and so do their plans. */
import { expect, it } from 'vitest';
import { planGraph } from '../../src/plan/plan.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { verifySchedule } from '../../src/verify/verify-schedule.js';
import { listRawGraphs, readRawGraph } from '../support/raw-graph.js';
import { recordedInput } from '../support/recorded-answers.js';
import { recordedGraph } from '../support/recorded-schedule.js';
import { spreadGraph } from '../../src/schedule/spread.js';
import { describeShared, partOf } from '../support/shared.js';

describeShared('checks of schedules and plans of several devices', () => {
  it.each(partOf(listRawGraphs()))('accept %s', (name) => {
    const raw = readRawGraph(name);
    const [, caseName, phase] = /^(?:raw\/)?(.+)\.(pp|tg)$/.exec(name)!;
    const input = recordedInput(raw, recordedGraph(caseName, phase as 'pp' | 'tg').order ?? null);
    const schedule = spreadGraph(input);
    const { graph, pools, copies } = schedule;
    const messages = (violations: readonly { readonly message: string }[]): string[] =>
      violations.slice(0, 5).map(({ message }) => message);

    expect(messages(verifySchedule(raw.graph, schedule, { placed: input.placed }))).toEqual([]);

    for (const allocator of ['auto', 'ggml'] as const) {
      const plan = planGraph(graph, { allocator, runtime: 'none', pools, allowOversize: true });
      expect(messages(verifyPlan(graph, plan, { pools, allowOversize: true }))).toEqual([]);
      expect(messages(replayPlan(graph, plan, { pools, copies }))).toEqual([]);
    }
  });
});
