/**
 * Trains a small network to tell whether two bits differ: forward pass, gradients and optimiser steps are one graph, which runs
 * in one planned arena, with the bits that it has where every tensor has memory of its own.
 *
 *     npx tsx examples/train-a-network.ts
 */
import { Context, planGraph, verifyPlan, type Tensor } from 'tensor-arena';
import { adamwSettings, trainingBuffers, trainingGraphs } from 'tensor-arena/autodiff';
import { executeGraph, Memory } from 'tensor-arena/exec';
import { orderGraph } from 'tensor-arena/passes';

const weights = Context.immediate();
const up = weights.newTensor('f32', [2, 4], 'up');
const upBias = weights.newTensor('f32', [4], 'up bias');
const down = weights.newTensor('f32', [4, 2], 'down');
for (const weight of [up, down]) {
  weights.write(
    weight,
    Array.from({ length: 8 }, (_, i) => Math.sin(i + 1)),
  );
}

const ctx = Context.deferred();
const pairs = ctx.setInput(ctx.newTensor('f32', [2, 4], 'pairs'));
const hidden = ctx.tanh(ctx.add(ctx.mulMat(up, pairs), upBias));
const training = trainingGraphs(ctx.mulMat(down, hidden), { parameters: [up, upBias, down], lasting: weights });
weights.write(training.seed, [1]);

const { lasting, compute } = trainingBuffers(training, { allocator: 'ggml' });
console.log(`as ggml: ${compute[0]} bytes of compute buffer, ${lasting.bufferSize} that outlive a step`);
const { graph } = orderGraph(training.step);
const plan = planGraph(graph);
console.log(`in the best order: ${plan.bufferSize} bytes, violations: ${verifyPlan(graph, plan).length}`);

/** The loss of each step, and the answers in the end. */
function train(memory: Memory): { losses: number[]; answers: number[] } {
  const read = (tensor: Tensor | null): number[] => memory.read(tensor!);
  const losses = Array.from({ length: 150 }, (_, step) => {
    memory.write(pairs, [0, 0, 0, 1, 1, 0, 1, 1]);
    memory.write(training.labels!, [1, 0, 0, 1, 0, 1, 1, 0]); // a 1 for "equal", a 1 for "different"
    memory.write(training.settings, adamwSettings(step + 1, { learningRate: 0.05 }));
    executeGraph(graph, memory);
    return read(training.loss)[0];
  });
  return { losses, answers: read(training.predictions) };
}

const { losses, answers } = train(Memory.planned(graph, plan));
const apart = train(Memory.separate(graph));
console.log(`loss: ${losses[0].toFixed(3)} at first, ${losses.at(-1)!.toFixed(3)} in the end`);
console.log(`answers: ${answers.join(' ')}`);
console.log(`same bits in separate memory: ${losses.every((loss, step) => loss === apart.losses[step])}`);
