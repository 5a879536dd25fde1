/**
 * Training steps against PyTorch's own trackers: every figure of every recorded run on one device, to the byte.
 */
import { expect, it } from 'vitest';
import { analyzeLiveness } from '../../src/liveness/liveness.js';
import { RELEASE } from '../../src/dialects/torch/operations.js';
import { measureTraining, trainingCaseFromJson, trainingStep } from '../../src/training/index.js';
import { describeShared } from '../support/shared.js';
import { measuredFigures, recordedAllocations, recordedFigures, torchCases } from '../support/torch-cases.js';

describeShared('recorded training runs', () => {
  const cases = torchCases();

  it('are 35', () => expect(cases).toHaveLength(35));

  it.each(cases.map((each) => [each.name, each] as const))('%s: every figure', (_, recorded) => {
    const { model, run } = trainingCaseFromJson(recorded);
    expect(measuredFigures(measureTraining(model, run))).toEqual(recordedFigures(recorded));
  });

  const withEvents = cases.filter(({ events }) => events.file !== undefined);

  it.each(withEvents.map((each) => [each.name, each] as const))('%s: every allocation in its order', (_, recorded) => {
    const { model, run } = trainingCaseFromJson(recorded);
    const { nodes } = trainingStep(model, run).graph;
    const ours = nodes.filter((node) => !node.isView && node.operation !== RELEASE);
    const theirs = recordedAllocations(recorded.events.file!);
    expect(ours.map(({ op, byteLength }) => `${op} ${byteLength}`)).toEqual(
      theirs.map(({ op, size }) => `${op} ${size}`),
    );
  });

  it.each(withEvents.map((each) => [each.name, each] as const))(
    '%s: the live load at every allocation',
    (_, recorded) => {
      const { model, run } = trainingCaseFromJson(recorded);
      const { graph } = trainingStep(model, run);
      const { problem } = analyzeLiveness(graph.table, 'off', 1);
      const loads = loadsOf(problem.starts, problem.ends, problem.sizes, problem.stepCount);
      const ours = graph.nodes.flatMap((node, step) =>
        node.isView || node.operation === RELEASE ? [] : [loads[step]],
      );
      const theirs = recordedLoads(
        recordedAllocations(recorded.events.file!),
        recorded.events.total,
        recorded.bytes.atRest,
      );
      // Where Python frees an index of some kilobytes a few operations earlier or later, nobody looks.
      const worst = Math.max(...theirs.map((load, index) => Math.abs(load - ours[index]) / load));
      expect(worst).toBeLessThan(1e-4);
    },
  );
});

function loadsOf(starts: Int32Array, ends: Int32Array, sizes: Float64Array, stepCount: number): Float64Array {
  const loads = new Float64Array(stepCount + 1);
  starts.forEach((start, buffer) => {
    loads[start] += sizes[buffer];
    loads[ends[buffer]] -= sizes[buffer];
  });
  loads.forEach((_, step) => (loads[step] += loads[step - 1] ?? 0));
  return loads;
}

/** The load at each allocation, after it. */
function recordedLoads(allocations: ReturnType<typeof recordedAllocations>, total: number, atRest: number): number[] {
  const changes = new Float64Array(total + 1);
  for (const { lower, upper, size } of allocations) {
    changes[lower] += size;
    changes[upper] -= size;
  }
  let load = atRest;
  const loads = Array.from(changes, (change) => (load += change));
  return allocations.map(({ lower }) => loads[lower]);
}
