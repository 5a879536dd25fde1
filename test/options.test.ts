/** A misspelt option is an error with the name that was meant, at every way in that takes options. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkOptions, type OptionNames } from '../src/errors.js';
import { readGguf } from '../src/gguf/index.js';
import * as lib from '../src/index.js';
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
  ['options.aligment', 'alignment', (o) => lib.planGraph(graph, o)],
  ['options.aligment', 'alignment', (o) => lib.measureGraph(graph, o)],
  ['options.allocater', 'allocator', (o) => lib.measureModel(gguf, {}, o)],
  ['options.inplace', 'inPlace', (o) => lib.measureGraph(graph, o)],
  ['options.ctxsize', 'ctxSize', (o) => lib.measureModel(gguf, o)],
  ['options.ubatch', 'ubatchSize', (o) => lib.measureModel(gguf, o)],
  ['options.paralel', 'parallel', (o) => lib.fitContext(gguf, 2 ** 33, o)],
  ['grid.ctxSizes', 'ctxSize', (o) => lib.gridSize(o)],
  ['grid.ctxSizes', 'ctxSize', (o) => [...lib.sweepModel(gguf, o)]],
  ['options.capasity', 'capacity', (o) => lib.solve(problem, o)],
  ...Object.values(lib.ALLOCATORS).map(
    (allocator) =>
      ['options.maxChunksize', 'maxChunkSize', (o: never) => allocator.place(problem, o)] as (typeof WAYS_IN)[number],
  ),
  ['limits.maxViolation', 'maxViolations', (o) => lib.verifyPlan(graph, plan, o)],
  ['limits.maxChunk', 'maxChunkSize', (o) => lib.verifyPlacement(problem, placement, o)],
  ['options.oder', 'order', (o) => lib.replayPlan(graph, plan, o)],
  ['options.widht', 'width', (o) => lib.renderMap(plan, o)],
  ['window.step', 'steps', (o) => lib.renderMap(plan, { window: o })],
  ['memory.bufer', 'buffer', (o) => plan.allocate(o)],
  ['buffers[0].byteofset', 'byteOffset', (o) => plan.allocate({ buffers: [o] })],
  ['memory range.bytelength', 'byteLength', (o) => lib.Context.immediate(Object.assign(o, { buffer }))],
  ['options.sed', 'seed', (o) => testing.assertPlanCorrect(graph, plan, o)],
  ['options.maxMove', 'maxMoves', (o) => testing.arbitraryGraph(o)],
  ['options.maxAligment', 'maxAlignment', (o) => testing.arbitraryProblem(o)],
  ['RELU.inplace', 'inPlace', (o) => ctx.relu(f32(4), o)],
  ['SCALE.bais', 'bias', (o) => ctx.scale(f32(4), 2, o)],
  ['ROPE.freqbase', 'freqBase', (o) => ctx.rope(f32(4, 1, 2), ctx.newTensor('i32', [2]), 4, o)],
  ['ROPE_BACK.sectons', 'sections', (o) => ctx.ropeBack(f32(4, 1, 2), ctx.newTensor('i32', [2]), 4, o)],
  ['SOFT_MAX.maxbias', 'maxBias', (o) => ctx.softMax(f32(4), o)],
  ['SOFT_MAX_BACK.scales', 'scale', (o) => ctx.softMaxBack(f32(4), f32(4), o)],
  ['FLASH_ATTN_EXT.maks', 'mask', (o) => ctx.flashAttn(f32(4, 1), f32(4, 1), f32(4, 1), o)],
  ['SWIGLU.swaped', 'swapped', (o) => ctx.swiglu(f32(4), null, o)],
  ['IM2COL.strides', 'stride', (o) => ctx.conv2d(f32(2, 2, 3, 1), image, o)],
  ['CONV_2D.paddings', 'padding', (o) => ctx.conv2dDirect(f32(2, 2, 3, 1), image, o)],
  ['POOL_2D.pading', 'padding', (o) => ctx.pool2d(image, 'max', 2, o)],
  ['UPSCALE.antiAlias', 'antialias', (o) => ctx.interpolate(image, [4, 4, 3, 1], o)],
  ['PAD.circulr', 'circular', (o) => ctx.pad(image, [1], o)],
  ['SSM_SCAN.snapshot', 'snapshots', (o) => ctx.ssmScan(f32(1), f32(1), f32(1), f32(1), f32(1), f32(1), f32(1), o)],
  ['CUSTOM.overwrite', 'overwrites', (o) => ctx.custom([], o)],
  ['CUSTOM.result', 'results', (o) => ctx.customResults([], o)],
];

describe('a misspelt option', () => {
  it.each(WAYS_IN)('%s means %s', (culprit, meant, call) => {
    const name = culprit.slice(culprit.lastIndexOf('.') + 1);
    const error = expectError('BAD_ARGUMENT', culprit, () => call({ [name]: undefined } as never));
    expect(error.message).toContain(`"${name}"`);
    expect(error.message).toContain(`did you mean "${meant}"?`);
    expect(error.limit).toContain(meant);
  });

  it('is refused by what waits, too', async () => {
    await expect(lib.solveAsync(problem, { capasity: 4 } as never)).rejects.toThrow(/did you mean "capacity"/);
  });

  it('of which nobody can tell the meaning gets the list alone', () => {
    const error = expectError('BAD_ARGUMENT', 'options.colour', () => lib.planGraph(graph, { colour: 1 } as never));
    expect(error.message).toBe(
      'There is no option "colour". The options are allocator, alignment, maxChunkSize, allowOversize, inPlace.',
    );
  });

  it('may be the name of something that every object has', () => {
    for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty']) {
      const options = JSON.parse(`{"${name}": 1}`) as never;
      expectError('BAD_ARGUMENT', `options.${name}`, () => lib.planGraph(graph, options));
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
