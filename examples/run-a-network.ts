/**
 * Plans a small network, exclusive or with weights set by hand, and runs it in one ArrayBuffer.
 *
 *     npx tsx examples/run-a-network.ts
 */
import { Context, Graph, planGraph, verifyPlan } from 'tensor-arena';
import { run } from './interpreter.js';

// Weights are here at once; everything else gets its bytes from the plan.
const weights = Context.immediate();
const ctx = Context.deferred();

const inputs = ctx.setInput(ctx.newTensor('f32', [2, 4], 'inputs'));
const up = weights.write(weights.newTensor('f32', [2, 2], 'up'), [1, 1, 1, 1]);
const bias = weights.write(weights.newTensor('f32', [2], 'bias'), [0, -1]);
const down = weights.write(weights.newTensor('f32', [2, 1], 'down'), [1, -2]);

const hidden = ctx.relu(ctx.add(ctx.mulMat(up, inputs), bias));
const answers = ctx.setOutput(ctx.mulMat(down, hidden));

const graph = Graph.forward(answers);
const plan = planGraph(graph);
console.log(`compute buffer: ${plan.bufferSize} bytes, violations: ${verifyPlan(graph, plan).length}`);
for (const { name, why, owner } of plan.shares)
  console.log(`${name} shares the bytes of ${graph.tensors[owner].name} (${why})`);

const arena = plan.allocate(); // the one ArrayBuffer; reuse it for every run
arena.data(inputs, 'f32').set([0, 0, 0, 1, 1, 0, 1, 1]);
run(graph, arena);
console.log(`answers: ${arena.result(answers, 'f32').join(' ')}`);
