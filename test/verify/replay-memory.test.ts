/**
 * A replay costs as much memory as a graph has tensors, not as its arena has bytes: measured at a model whose arena is
 * hundreds of megabytes.
 */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, it } from 'vitest';
import { readGguf } from '../../src/gguf/index.js';
import type { Graph } from '../../src/graph/graph.js';
import { openModel } from '../../src/models/model-graph.js';
import { planGraph, type Plan } from '../../src/plan/plan.js';
import { IntervalMap } from '../../src/verify/interval-map.js';
import { replayPlan } from '../../src/verify/replay.js';
import { projectPath } from '../support/shared.js';

const MIB = 2 ** 20;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes in use, of objects and of buffers. */
function usedBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Calls `look` while a replay runs, whenever so many writes more have been noted; replays must find nothing. */
function replayWatched(graph: Graph, plan: Plan, interval: number, look: (map: IntervalMap) => void): void {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
  const { write } = IntervalMap.prototype;
  let writes = 0;
  IntervalMap.prototype.write = function (this: IntervalMap, ranges) {
    write.call(this, ranges);
    if (++writes % interval === 0) look(this);
  };
  try {
    expect(replayPlan(graph, plan)).toEqual([]);
  } finally {
    IntervalMap.prototype.write = write;
  }
  expect(writes).toBeGreaterThan(graph.nodes.length);
}

describe('replaying a model', () => {
  let graph: Graph;
  let plan: Plan;

  beforeAll(async () => {
    const gguf = await readGguf(readFileSync(projectPath('examples/phi-3-mini-4k.gguf')));
    graph = openModel(gguf, { ctxSize: 4096, batchSize: 2048, ubatchSize: 2048 }).graph('pp');
    plan = planGraph(graph);
    expect(plan.bufferSize).toBeGreaterThan(200 * MIB);
  });

  it('takes at most 2 MiB where the arena has more than 200', () => {
    replayPlan(graph, plan); // whatever is made once and kept is not the replay's
    const peaks = [1, 2, 3].map(() => {
      const before = usedBytes();
      let peak = 0;
      replayWatched(graph, plan, 100, () => (peak = Math.max(peak, usedBytes() - before)));
      return peak;
    });
    // What others in this process take meanwhile only adds to it, so that the least is the nearest.
    expect(Math.min(...peaks)).toBeLessThan(2 * MIB);
    expect(Math.max(...peaks)).toBeGreaterThan(0); // it was measured at all
  });

  it('holds no more runs of bytes at any time than the graph has tensors, and some', () => {
    const runsOf = new Map<IntervalMap, number>();
    let most = 0;
    let sum = 0;
    replayWatched(graph, plan, 1, (map) => {
      let runs = 0;
      map.read(0, Infinity, () => runs++);
      sum += runs - (runsOf.get(map) ?? 0);
      runsOf.set(map, runs);
      most = Math.max(most, sum);
    });
    // Each storage has a run of its own bytes and one of what comes after; the arena's are a few at a time.
    expect(most).toBeLessThan(2 * graph.tensors.length);
    expect(most).toBeGreaterThan(graph.nodes.length);
  });
});
