/** Graphs on a device: what each output is there, beside what the reference executor gives. */
import { graphFromJson } from '../../../src/json/read.js';
import type { GraphJson } from '../../../src/json/write.js';
import { executeGraph } from '../../../src/exec/reference/execute.js';
import { fillLeafs } from '../../../src/exec/reference/fill.js';
import { Memory } from '../../../src/exec/reference/memory.js';
import { planGraph } from '../../../src/plan/plan.js';
import type { StorageAccess } from '../../../src/webgpu/dispatch.js';
import { webgpuTarget } from '../../../src/webgpu/target.js';
import { Bench, worstDifference, type Gpu } from './run.js';

export interface OutputResult {
  readonly type: string;
  readonly worst: number;
  readonly found: readonly number[];
  readonly expected: readonly number[];
}

/**
 * Runs a graph, poisoned first, on the device and with the reference executor.
 *
 * @param values of leafs by name; all others are random
 */
export async function compareOutputs(
  gpu: Gpu,
  json: GraphJson,
  operands: StorageAccess,
  values: Readonly<Record<string, readonly number[]>> = {},
): Promise<{ results: OutputResult[]; shares: number; dispatches: number }> {
  const graph = graphFromJson(json);
  const target = webgpuTarget(gpu.device.limits, { operands });
  const plan = planGraph(graph, { target, reuse: 'full' });
  const bench = new Bench(gpu, target);
  const program = bench.program(plan);
  bench.poison();

  const [given, memory] = [Memory.separate(graph), Memory.separate(graph)];
  for (const each of [given, memory]) {
    fillLeafs(graph, each);
    for (const leaf of graph.leafs) if (leaf.name in values) each.write(leaf, values[leaf.name]);
  }
  bench.copyLeafs(program, given);
  executeGraph(graph, memory);
  program.run();

  const results: OutputResult[] = [];
  for (const node of graph.nodes) {
    if (!graph.outputs.has(node)) continue;
    const expected = memory.read(node);
    const found = await bench.fetch(node, plan, given);
    const worst = worstDifference(found, expected);
    results.push({ type: node.type.name, worst, found, expected });
  }
  program.destroy();
  bench.arena.destroy();
  return {
    results,
    shares: plan.shares.filter(({ why }) => why === 'reuse').length,
    dispatches: program.dispatchCount,
  };
}
