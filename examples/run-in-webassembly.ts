/**
 * Runs a network of any batch in one WebAssembly.Memory, with kernels written in WebAssembly's text format.
 *
 *     npx tsx examples/run-in-webassembly.ts
 */
import { readFileSync } from 'node:fs';
import loadWabt from 'wabt';
import { Context, Graph, Planner, verifyPlan, type Arena, type Tensor } from 'tensor-arena';

// The weights lie in the first page of the memory, the arena behind them.
const PAGE_BYTES = 65_536;
const memory = new WebAssembly.Memory({ initial: 2 });
const weights = Context.immediate({ buffer: memory.buffer, byteLength: PAGE_BYTES });
const up = weights.write(weights.newTensor('f32', [2, 2], 'up'), [1, 1, 1, 1]);
const bias = weights.write(weights.newTensor('f32', [2], 'bias'), [0, -1]);
const down = weights.write(weights.newTensor('f32', [2, 1], 'down'), [1, -2]);

interface Network {
  readonly graph: Graph;
  readonly inputs: Tensor;
  readonly answers: Tensor;
}

/** Exclusive or, for so many pairs at once. */
function network(pairs: number): Network {
  const ctx = Context.deferred();
  const inputs = ctx.setInput(ctx.newTensor('f32', [2, pairs], 'inputs'));
  const hidden = ctx.relu(ctx.add(ctx.mulMat(up, inputs), bias));
  const answers = ctx.setOutput(ctx.mulMat(down, hidden));
  return { graph: Graph.forward(answers), inputs, answers };
}

const wabt = await loadWabt();
const text = readFileSync(new URL('kernels.wat', import.meta.url), 'utf8');
const { buffer: binary } = wabt.parseWat('kernels.wat', text, { simd: true }).toBinary({});
const { instance } = await WebAssembly.instantiate(binary as Uint8Array<ArrayBuffer>, { arena: { memory } });
const { relu, add, mulMat } = instance.exports as Record<string, (...numbers: number[]) => void>;

/** Runs every node in order, at the plan's offsets. */
function run(graph: Graph, arena: Arena): void {
  const address = (tensor: Tensor): number => arena.data(tensor, 'f32').byteOffset;
  for (const node of graph.nodes) {
    const [a, b] = node.sources.map((source) => source!);
    const out = address(node);
    if (node.op === 'RELU') relu(out, address(a), node.byteLength);
    else if (node.op === 'ADD') add(out, address(a), node.byteLength, address(b), b.byteLength);
    else if (node.op === 'MUL_MAT') mulMat(out, address(a), address(b), a.strides[1], a.shape[1], b.shape[1]);
    else throw new Error(`no kernel for ${node.op}`);
  }
}

const largest = network(4);
const planner = new Planner().reserve(largest.graph);
console.log(`arena: ${planner.bufferSize} bytes from byte ${PAGE_BYTES} of ${memory.buffer.byteLength}`);

for (const pairs of [
  [0, 0, 0, 1, 1, 0, 1, 1],
  [1, 0],
]) {
  const { graph, inputs, answers } = network(pairs.length / 2);
  const plan = planner.plan(graph);
  const arena = plan.allocate({ memory, at: PAGE_BYTES });
  arena.data(inputs, 'f32').set(pairs);
  run(graph, arena);
  console.log(`violations: ${verifyPlan(graph, plan).length}, answers: ${arena.result(answers, 'f32').join(' ')}`);
}
console.log(`planned anew: ${planner.replanCount} times`);
