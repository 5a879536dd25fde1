/** The decoder on a device, token after token in one arena, beside the reference executor. */
import { executeGraph } from '../../../src/exec/reference/execute.js';
import { Memory } from '../../../src/exec/reference/memory.js';
import { Planner } from '../../../src/planner/planner.js';
import { webgpuTarget } from '../../../src/webgpu/target.js';
import { verifyPlan } from '../../../src/verify/verify-plan.js';
import { CACHES, decode, fillInputs, fillWeights, nextToken, type Step } from './decoder.js';
import { Bench, worstDifference, type Gpu } from './run.js';

/** What a run of several tokens gives. */
export interface Decoded {
  /** Tokens as the device chooses them, and as the reference executor does. */
  readonly found: number[];
  readonly expected: number[];
  /** Of all logits, and of all caches at the end. */
  readonly worstLogit: number;
  readonly worstCache: number;
  readonly violations: number;
  readonly replanCount: number;
  /** Bytes that buffers of the arena were made of: after the first graph, and at the end. */
  readonly createdAtFirst: number;
  readonly created: number;
  readonly chunks: readonly number[];
  readonly shaders: number;
}

const PROMPT = [3, 17, 5, 29, 8];

/** Takes a prompt, then so many tokens one by one. */
export async function decodeTokens(gpu: Gpu, count: number): Promise<Decoded> {
  const target = webgpuTarget(gpu.device.limits);
  const longest = PROMPT.length + count;
  const planner = new Planner({ target, reuse: 'full' }).reserve([
    decode(0, PROMPT.length).graph,
    decode(longest - 1, 1).graph,
  ]);
  const bench = new Bench(gpu, target);
  bench.arena.reserve(planner.chunks);
  bench.poison();

  const result = { found: [] as number[], expected: [] as number[], worstLogit: 0, violations: 0, createdAtFirst: 0 };
  let caches: readonly number[][] | null = null;
  for (let past = 0; past < longest;) {
    const tokens = past === 0 ? PROMPT : result.expected.slice(-1);
    const step = decode(past, tokens.length);
    const plan = planner.plan(step.graph);
    result.violations += verifyPlan(step.graph, plan).length;
    const memory = inputsOf(step, past, tokens, caches);
    const program = bench.program(plan);
    if (caches === null) bench.copyLeafs(program, memory);
    else copyInputs(step, memory, program);
    program.run();
    executeGraph(step.graph, memory);
    const expected = memory.read(step.logits);
    caches = CACHES.map((cache) => memory.read(cache));
    const found = Array.from(await program.read(step.logits, 'f32'));
    result.expected.push(nextToken(expected));
    result.found.push(nextToken(found));
    result.worstLogit = Math.max(result.worstLogit, worstDifference(found, expected));
    result.createdAtFirst ||= bench.arena.bytesCreated;
    program.destroy();
    past += tokens.length;
  }
  const last = decode(longest - 1, 1);
  const plan = planner.plan(last.graph);
  const differences: number[] = [];
  for (const [index, cache] of CACHES.entries()) {
    differences.push(worstDifference(await bench.fetch(cache, plan, Memory.separate(last.graph)), caches![index]));
  }
  return {
    ...result,
    worstCache: Math.max(...differences),
    replanCount: planner.replanCount,
    created: bench.arena.bytesCreated,
    chunks: planner.chunks,
    shaders: bench.pipelines.count,
  };
}

/** Separate memory with all values that a step reads. Caches are empty at first: they hold zeros. */
function inputsOf(step: Step, past: number, tokens: readonly number[], caches: readonly number[][] | null): Memory {
  const memory = Memory.separate(step.graph);
  fillWeights(step, memory);
  fillInputs(step, memory, past, tokens);
  CACHES.forEach((cache, i) => memory.write(cache, caches?.[i] ?? new Float32Array(cache.ne[0] * cache.ne[1])));
  return memory;
}

/** Weights and caches are on the device already. */
function copyInputs(step: Step, memory: Memory, program: ReturnType<Bench['program']>): void {
  for (const input of [step.tokens, step.positions, step.rows, step.mask]) {
    program.write(input, memory.storage(input).slice(0, input.byteLength));
  }
}
