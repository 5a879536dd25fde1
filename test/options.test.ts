/** A misspelt option is an error with the name that was meant, at every way in that takes options. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkOptions, type OptionNames } from '../src/errors.js';
import { readGguf } from '../src/gguf/index.js';
import * as lib from '../src/index.js';
import { renderMap } from '../src/map/index.js';
import * as models from '../src/models/index.js';
import * as autodiff from '../src/autodiff/index.js';
import * as passes from '../src/passes/index.js';
import * as testing from '../src/testing/index.js';
import { expectError } from './support/expect-error.js';
import { projectPath } from './support/shared-data.js';

const ctx = lib.Context.deferred();
const f32 = (...ne: number[]): lib.Tensor => ctx.newTensor('f32', ne);
const graph = lib.Graph.forward(ctx.setOutput(ctx.sqr(ctx.setInput(f32(8)))));
const plan = lib.planGraph(graph);
const problem = lib.createProblem([{ size: 4, start: 0, end: 1 }]);
const placement = lib.ALLOCATORS.auto.place(problem);
const gguf = await readGguf(readFileSync(projectPath('examples/phi-3-mini-4k.gguf')));
const image = f32(8, 8, 3, 1);
const buffer = new ArrayBuffer(4096);

/** What takes options, a misspelt one, and the name that was meant. */
const WAYS_IN: readonly [culprit: string, meant: string, call: (options: never) => unknown][] = [
  ['aligment', 'alignment', (o) => lib.planGraph(graph, o)],
  ['aligment', 'alignment', (o) => lib.measureGraph(graph, o)],
  ['allocater', 'allocator', (o) => models.measureModel(gguf, {}, o)],
  ['reuze', 'reuse', (o) => lib.measureGraph(graph, o)],
  ['ctxsize', 'ctxSize', (o) => models.measureModel(gguf, o)],
  ['ubatch', 'ubatchSize', (o) => models.measureModel(gguf, o)],
  ['paralel', 'parallel', (o) => models.fitContext(gguf, 2 ** 33, o)],
  ['ctxSizes of grid', 'ctxSize', (o) => models.gridSize(o)],
  ['ctxSizes of grid', 'ctxSize', (o) => [...models.sweepModel(gguf, o)]],
  ['capasity', 'capacity', (o) => lib.solve(problem, o)],
  ...Object.values(lib.ALLOCATORS).map(
    (allocator) =>
      ['maxChunksize', 'maxChunkSize', (o: never) => allocator.place(problem, o)] as (typeof WAYS_IN)[number],
  ),
  ['maxViolation of limits', 'maxViolations', (o) => lib.verifyPlan(graph, plan, o)],
  ['maxChunk of limits', 'maxChunkSize', (o) => lib.verifyPlacement(problem, placement, o)],
  ['oder', 'order', (o) => lib.replayPlan(graph, plan, o)],
  ['accumulator', 'accumulators', (o) => autodiff.gradients(graph, graph.nodes[0], [graph.leafs[0]], o)],
  ['parameter', 'parameters', (o) => autodiff.trainingGraphs(graph.nodes[0], o)],
  ['learningrate', 'learningRate', (o) => autodiff.adamwSettings(1, o)],
  ['minimize', 'minimise', (o) => passes.orderGraph(graph, o)],
  ['maxExtraOp', 'maxExtraOps', (o) => passes.splitGraph(graph, o)],
  ['maxViolation', 'maxViolations', (o) => passes.verifyEquivalent(graph, passes.orderGraph(graph), o)],
  ['widht', 'width', (o) => renderMap(plan, o)],
  ['step of window', 'steps', (o) => renderMap(plan, { window: o })],
  ['bufer of memory', 'buffer', (o) => plan.allocate(o)],
  ['byteofset of buffers[0]', 'byteOffset', (o) => plan.allocate({ buffers: [o] })],
  ['bytelength of memory range', 'byteLength', (o) => lib.Context.immediate(Object.assign(o, { buffer }))],
  ['sed', 'seed', (o) => testing.assertPlanCorrect(graph, plan, o)],
  ['maxMove', 'maxMoves', (o) => testing.arbitraryGraph(o)],
  ['maxAligment', 'maxAlignment', (o) => testing.arbitraryProblem(o)],
  ['inplace of RELU', 'inPlace', (o) => ctx.relu(f32(4), o)],
  ['bais of SCALE', 'bias', (o) => ctx.scale(f32(4), 2, o)],
  ['freqbase of ROPE', 'freqBase', (o) => ctx.rope(f32(4, 1, 2), ctx.newTensor('i32', [2]), 4, o)],
  ['sectons of ROPE_BACK', 'sections', (o) => ctx.ropeBack(f32(4, 1, 2), ctx.newTensor('i32', [2]), 4, o)],
  ['maxbias of SOFT_MAX', 'maxBias', (o) => ctx.softMax(f32(4), o)],
  ['scales of SOFT_MAX_BACK', 'scale', (o) => ctx.softMaxBack(f32(4), f32(4), o)],
  ['maks of FLASH_ATTN_EXT', 'mask', (o) => ctx.flashAttn(f32(4, 1), f32(4, 1), f32(4, 1), o)],
  ['swaped of SWIGLU', 'swapped', (o) => ctx.swiglu(f32(4), null, o)],
  ['strides of IM2COL', 'stride', (o) => ctx.conv2d(f32(2, 2, 3, 1), image, o)],
  ['paddings of CONV_2D', 'padding', (o) => ctx.conv2dDirect(f32(2, 2, 3, 1), image, o)],
  ['pading of POOL_2D', 'padding', (o) => ctx.pool2d(image, 'max', 2, o)],
  ['antiAlias of UPSCALE', 'antialias', (o) => ctx.interpolate(image, [4, 4, 3, 1], o)],
  ['circulr of PAD', 'circular', (o) => ctx.pad(image, [1], o)],
  ['snapshot of SSM_SCAN', 'snapshots', (o) => ctx.ssmScan(f32(1), f32(1), f32(1), f32(1), f32(1), f32(1), f32(1), o)],
  ['overwrite of CUSTOM', 'overwrites', (o) => ctx.custom([], o)],
  ['result of CUSTOM', 'results', (o) => ctx.customResults([], o)],
];

describe('a misspelt option', () => {
  it.each(WAYS_IN)('%s means %s', (culprit, meant, call) => {
    const [name] = culprit.split(' of ');
    const error = expectError('BAD_ARGUMENT', culprit, () => call({ [name]: undefined } as never));
    expect(error.message).toContain(`There is no option \`${name}\``);
    expect(error.message).toContain(`, but there is \`${meant}\`.`);
    expect(error.limit).toContain(meant);
  });

  it('is refused by what waits, too', async () => {
    await expect(lib.solveAsync(problem, { capasity: 4 } as never)).rejects.toThrow(/but there is `capacity`/);
  });

  it('of which nobody can tell the meaning gets the list alone', () => {
    const error = expectError('BAD_ARGUMENT', 'colour', () => lib.planGraph(graph, { colour: 1 } as never));
    expect(error.message).toBe(
      'There is no option `colour`. The options are allocator, alignment, maxChunkSize, allowOversize, reuse, runtime, pools, target.',
    );
  });

  it('may be the name of something that every object has', () => {
    for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty']) {
      const options = JSON.parse(`{"${name}": 1}`) as never;
      expectError('BAD_ARGUMENT', name, () => lib.planGraph(graph, options));
    }
  });
});

it('a list of names has each name of its type, once', () => {
  interface Options {
    readonly a?: number;
    readonly b: string;
  }
  const names: OptionNames<Options> = { a: true, b: true };
  checkOptions<Options>({ b: '' }, names);
  // @ts-expect-error -- b is missing
  const missing: OptionNames<Options> = { a: true };
  // @ts-expect-error -- c is none of them
  const more: OptionNames<Options> = { a: true, b: true, c: true };
  expect([missing, more]).toHaveLength(2);
});
