/** Graphs of random nodes on a device: what each node gives there, beside what the reference executor gives. */
import { graphFromJson } from '../../../src/json/read.js';
import type { GraphJson } from '../../../src/json/write.js';
import { executeGraph } from '../../../src/exec/reference/execute.js';
import { fillLeafs } from '../../../src/exec/reference/fill.js';
import { Memory } from '../../../src/exec/reference/memory.js';
import { planGraph } from '../../../src/plan/plan.js';
import type { StorageAccess } from '../../../src/webgpu/dispatch.js';
import { webgpuTarget } from '../../../src/webgpu/target.js';
import { Bench, worstDifference, type Gpu } from './run.js';

export interface NodeResult {
  readonly type: string;
  readonly worst: number;
  readonly found: readonly number[];
  readonly expected: readonly number[];
}

/** Runs a graph whose outputs are the nodes of interest. */
export async function compareOutputs(
  gpu: Gpu,
  json: GraphJson,
  seed: number,
  operands: StorageAccess,
): Promise<{ results: NodeResult[]; shares: number; dispatches: number }> {
  const graph = graphFromJson(json);
  const target = webgpuTarget(gpu.device.limits, { operands });
  const plan = planGraph(graph, { target, reuse: 'full' });
  const bench = new Bench(gpu, target);
  const program = bench.program(plan);
  bench.poison();

  const [given, memory] = [Memory.separate(graph), Memory.separate(graph)];
  fillLeafs(graph, given, seed);
  bench.copyLeafs(program, given);
  fillLeafs(graph, memory, seed);
  executeGraph(graph, memory);
  program.run();

  const results: NodeResult[] = [];
  for (const node of graph.nodes) {
    if (!graph.outputs.has(node)) continue;
    const expected = memory.read(node);
    const found = await bench.fetch(node, plan, given);
    const worst = worstDifference(found, expected);
    results.push({ type: node.type.name, worst, found: worst === 0 ? [] : found, expected: worst === 0 ? [] : expected });
  }
  program.destroy();
  bench.arena.destroy();
  return { results, shares: plan.shares.filter(({ why }) => why === 'reuse').length, dispatches: program.dispatchCount };
}
